import json
import pickle
import random

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils import parametrizations, prune

from lenet_helpers import (
    LeNet,
    LeNetConfig,
    LeNetVariant,
    TrainConfig,
    TrainingState,
    count_parameters,
    load_checkpoint,
    load_dataset,
    save_checkpoint,
    train,
)


@pytest.fixture(scope="module")
def digits():
    return load_dataset(n_train=200, validation=100)


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


NET = LeNetConfig(dropout=0.3)
CONFIGS = {
    "sgd": TrainConfig(batch_size=64, epochs=3, record_every=1),
    "momentum": TrainConfig(
        batch_size=64, epochs=3, record_every=1, momentum=0.9, weight_decay=1e-3, schedule="one-cycle"
    ),
    "adam": TrainConfig(
        batch_size=64, epochs=3, record_every=1, optimizer="adam", learning_rate=0.003, shift=0.1, rotation=5
    ),
    "adamw": TrainConfig(
        batch_size=64,
        epochs=3,
        record_every=1,
        optimizer="adamw",
        learning_rate=0.003,
        weight_decay=0.01,
        seed=7,
    ),
}


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("stop", [1, 4, 6])  # within an epoch, at its end, within the next
def test_resuming_is_bit_equal_to_never_stopping(digits, tmp_path, name, stop):
    config, path = CONFIGS[name], tmp_path / "run.safetensors"
    torch.manual_seed(0)
    whole = LeNetVariant(NET)
    torch.manual_seed(0)
    first = LeNetVariant(NET)
    full = list(train(whole, digits, config))
    state = TrainingState(first, config)
    for record in train(first, digits, config, state=state):
        if record.step == stop:
            save_checkpoint(path, first, state)
            break
    second = LeNetVariant(NET)  # other weights until the file is read
    state = load_checkpoint(path, second)
    assert state.config == config and state.step == stop
    torch.rand(5)  # another process has other random numbers
    rest = list(train(second, digits, state.config, state=state))
    assert torch.equal(weights(whole), weights(second))
    assert [r.validation_loss for r in rest] == [r.validation_loss for r in full[stop:]]


def test_another_architecture_is_named_and_the_model_left_alone(tmp_path):
    path, small = tmp_path / "small.safetensors", LeNetVariant(LeNetConfig(channels=(4, 16)))
    save_checkpoint(path, small, TrainingState(small))
    model = LeNet()
    before = weights(model).clone()
    with pytest.raises(
        ValueError, match=r"conv1.weight is \(4, 1, 5, 5\) float32 in the file and \(6, 1, 5, 5\) float32 in"
    ):
        load_checkpoint(path, model)
    assert torch.equal(weights(model), before)
    deeper = LeNetVariant(LeNetConfig(convs_per_stage=2, kernel_size=3, padding=1))
    with pytest.raises(ValueError, match="another model"):
        load_checkpoint(path, deeper)


class Malicious:
    def __reduce__(self):
        return exec, ("raise SystemExit('executed')",)


def test_a_malicious_pickle_is_refused_not_executed(tmp_path):
    for path, write in (
        (tmp_path / "a.pt", lambda p: torch.save({"model": Malicious()}, p)),
        (tmp_path / "b.pkl", lambda p: p.write_bytes(pickle.dumps(Malicious()))),
    ):
        write(path)
        with pytest.raises(ValueError, match="files made by pickle or torch.save are not opened"):
            load_checkpoint(path, LeNet())


def test_cut_short_empty_foreign_and_missing_files(tmp_path):
    model, path = LeNet(), tmp_path / "run.safetensors"
    save_checkpoint(path, model, TrainingState(model))
    whole = path.read_bytes()
    for data in (whole[:100], whole[:-1], b""):
        path.write_bytes(data)
        with pytest.raises(ValueError, match="cut short"):
            load_checkpoint(path, model)
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match="not a checkpoint of save_checkpoint"):
        load_checkpoint(path, model)
    with pytest.raises(FileNotFoundError):
        load_checkpoint(tmp_path / "nothing", model)


def test_a_failed_write_leaves_the_earlier_checkpoint(tmp_path, monkeypatch):
    model, path = LeNet(), tmp_path / "run.safetensors"
    save_checkpoint(path, model, TrainingState(model))
    whole = path.read_bytes()

    def full_disk(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(path, model, TrainingState(model))
    assert path.read_bytes() == whole and list(tmp_path.iterdir()) == [path]


def test_the_state_dict_in_the_file_is_a_copy_not_an_alias(tmp_path, digits):
    model, path = LeNet(), tmp_path / "run.safetensors"
    save_checkpoint(path, model, TrainingState(model))
    before = weights(model).clone()
    list(train(model, digits, TrainConfig(epochs=1)))
    load_checkpoint(path, model)
    assert torch.equal(weights(model), before)


class Keeping(nn.Module):
    """A small network that keeps `more` besides its weights, as extra state or as a buffer."""

    def __init__(self, more=None, buffer=None, twins=False):
        super().__init__()
        self.more, self.conv = more, nn.Conv2d(1, 3, 5)
        self.register_buffer("buffer", buffer)
        self.dense = nn.Linear(3, 10, bias=False)
        self.twin = nn.Linear(3, 10, bias=False)
        if twins:
            self.twin.weight = self.dense.weight

    def forward(self, x):
        pooled = self.conv(x).relu().amax((2, 3))
        return self.dense(pooled) + self.twin(pooled)

    def get_extra_state(self):
        return self.more

    def set_extra_state(self, more):
        self.more = more


def small(*more):
    return nn.Sequential(nn.Conv2d(1, 3, 9, 4), *more, nn.ReLU(), nn.Flatten(), nn.Linear(75, 10))


def pruned():
    model = small()
    prune.l1_unstructured(model[0], "weight", 0.5)
    return model


def after_an_image(model):
    model(torch.zeros(1, 1, 28, 28))
    return model


MODELS = {
    "running means": lambda: small(nn.BatchNorm2d(3)),
    "weight norm": lambda: nn.Sequential(nn.Flatten(), parametrizations.weight_norm(nn.Linear(784, 10))),
    "spectral norm": lambda: nn.Sequential(nn.Flatten(), parametrizations.spectral_norm(nn.Linear(784, 10))),
    "pruned": pruned,
    "compiled": lambda: torch.compile(small(), backend="eager"),
    "a tensor as extra state": lambda: Keeping(torch.ones(3)),
    "a weight with two names": lambda: Keeping(torch.ones(3), twins=True),
    "a buffer that is part of another": lambda: Keeping(torch.ones(3), torch.arange(9.0)[3:6]),
    "an empty buffer": lambda: Keeping(torch.ones(3), torch.zeros(0)),
    "lazy, after its first image": lambda: after_an_image(nn.Sequential(nn.Flatten(), nn.LazyLinear(10))),
}


@pytest.mark.parametrize("name", MODELS)
def test_every_kind_of_model_resumes_bit_for_bit(digits, tmp_path, name):
    config = TrainConfig(batch_size=64, epochs=1, record_every=1, optimizer="adam", learning_rate=0.003)
    whole, second = MODELS[name](), MODELS[name]()
    state = TrainingState(whole, config)
    for record in train(whole, digits, config, state=state):
        if record.step == 2:
            save_checkpoint(tmp_path / "run", whole, state)
    rest = list(train(second, digits, config, state=load_checkpoint(tmp_path / "run", second)))
    assert [one.step for one in rest] == [3, 4]
    mine, kept = whole.state_dict(), second.state_dict()
    assert mine.keys() == kept.keys() and all(torch.equal(mine[key], kept[key]) for key in mine)


@pytest.mark.parametrize(
    "model, name",
    [
        (Keeping({"seen": 3}), "_extra_state"),
        (Keeping(), "_extra_state"),
        (Keeping("text"), "_extra_state"),
        (Keeping(torch.eye(3).to_sparse()), "_extra_state"),
        (Keeping(torch.ones(3), torch.eye(3).to_sparse()), "buffer"),
        (Keeping(torch.ones(3), torch.zeros(1).expand(5)), "buffer"),
        (Keeping(torch.ones(3), torch.ones(2, 3, 1).expand(2, 3, 4)), "buffer"),
    ],
)
def test_what_a_checkpoint_cannot_hold_is_named_and_trains_all_the_same(digits, tmp_path, model, name):
    state = TrainingState(model)
    assert len(list(train(model, digits, TrainConfig(steps=2), state=state))) == 1
    path = tmp_path / "run.safetensors"
    with pytest.raises(ValueError, match=f"^{name} is no dense tensor, and a checkpoint holds no other"):
        save_checkpoint(path, model, state)
    assert not path.exists()
    save_checkpoint(path, plain := Keeping(torch.ones(3)), TrainingState(plain))
    with pytest.raises(ValueError, match=f"^{name} is no dense tensor"):
        load_checkpoint(path, model)


def test_a_lazy_model_is_told_to_see_an_image_first(tmp_path):
    path, lazy = tmp_path / "run.safetensors", nn.Sequential(nn.Flatten(), nn.LazyLinear(10))
    save_checkpoint(path, model := MODELS["lazy, after its first image"](), TrainingState(model))
    for use in (TrainingState, count_parameters, lambda model: load_checkpoint(path, model)):
        with pytest.raises(ValueError, match=r"^1\.weight has no shape yet: send an image through first"):
            use(lazy)
    load_checkpoint(path, after_an_image(lazy))


# What is done to a file after it was saved: to its tensors, and to its text about them.
CHANGES = {
    "a weight is missing": lambda tensors, about: tensors.pop("model.fc3.bias"),
    "a weight is another": lambda tensors, about: tensors["model.conv1.weight"].add_(1e-6),
    "Adam's memory is missing": lambda tensors, about: tensors.pop("optimizer.conv1.weight.exp_avg"),
    "Adam's memory has another shape": lambda tensors, about: tensors.update(
        {"optimizer.conv1.weight.exp_avg": torch.zeros(3)}
    ),
    "more than was saved": lambda tensors, about: tensors.update(more=torch.zeros(1)),
    "another step": lambda tensors, about: about.update(step=about["step"] - 1),
    "a step below zero": lambda tensors, about: about.update(step=-7),
    "other images": lambda tensors, about: about.update(data=None),
    "another recipe": lambda tensors, about: about["config"].update(momentum=0.5),
    "a model that is none": lambda tensors, about: about.update(model=[1]),
}


@pytest.fixture(scope="module")
def saved(digits, tmp_path_factory):
    model, path = LeNet(), tmp_path_factory.mktemp("saved") / "run.safetensors"
    state = TrainingState(model, CONFIGS["adam"])
    next(train(model, digits, CONFIGS["adam"], state=state))
    save_checkpoint(path, model, state)
    return path.read_bytes()


def refuses(path, words):
    other = LeNet()
    before = weights(other).clone()
    with pytest.raises(ValueError, match=words) as caught:
        load_checkpoint(path, other)
    assert "\n" not in str(caught.value) and "run.safetensors" in str(caught.value)
    assert torch.equal(weights(other), before), "left as it was"


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_was_changed_is_refused(saved, tmp_path, change):
    path = tmp_path / "run.safetensors"
    path.write_bytes(saved)
    with safe_open(path, framework="pt") as file:
        notes, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}
    save_file(tensors, path, notes)
    load_checkpoint(path, LeNet())  # written anew, but the same
    about = json.loads(notes["about"])
    CHANGES[change](tensors, about)
    save_file(tensors, path, notes | {"about": json.dumps(about)})
    refuses(path, "changed since it was saved")


def test_a_single_bit_that_flips_is_told(saved, tmp_path):
    """At sixty places: twenty of the text about the tensors, forty of the tensors."""
    path, rng = tmp_path / "run.safetensors", random.Random(0)
    body = 8 + int.from_bytes(saved[:8], "little")
    for place in [*rng.sample(range(body), 20), *rng.sample(range(body, len(saved)), 40)]:
        spoiled = bytearray(saved)
        spoiled[place] ^= 1 << rng.randrange(8)
        path.write_bytes(spoiled)
        refuses(path, "changed since|cut short|another version|not a checkpoint of")
