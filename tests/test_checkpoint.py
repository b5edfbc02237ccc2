import pickle

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from lenet_helpers import (
    LeNet,
    LeNetConfig,
    LeNetVariant,
    TrainConfig,
    TrainingState,
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


def test_a_file_that_lacks_a_weight_is_refused_and_changes_none(tmp_path):
    """Found by the fuzz: torch copies the weights that are there before it says that one lacks."""
    model, path = LeNet(), tmp_path / "run.safetensors"
    save_checkpoint(path, model, TrainingState(model, TrainConfig()))
    with safe_open(path, framework="pt") as file:
        notes = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys() if name != "model.fc3.bias"}
    save_file(tensors, path, notes)
    other = LeNet()
    before = [p.detach().clone() for p in other.parameters()]
    with pytest.raises(ValueError, match="a checkpoint of another version") as caught:
        load_checkpoint(path, other)
    assert "\n" not in str(caught.value)
    assert all(torch.equal(*pair) for pair in zip(before, other.parameters()))
