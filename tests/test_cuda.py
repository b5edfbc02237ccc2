"""On a GPU: the same code, the same numbers to rounding, and no step that waits. Skipped where there is none.

python -m pytest tests/test_cuda.py -rs
"""

import warnings
from dataclasses import replace

import pytest
import torch

from lenet_helpers import (
    LeNet,
    LeNet1998,
    LeNetConfig,
    TrainConfig,
    TrainingState,
    analysis,
    evaluate,
    layer_table,
    load_checkpoint,
    load_dataset,
    save_checkpoint,
    train,
)
from lenet_helpers.models import new_model
from lenet_helpers.training import Diverged
from lenet_helpers.tuning.doctor import devices

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device at hand")
RECIPE = TrainConfig(learning_rate=0.003, optimizer="adam", schedule="one-cycle", epochs=3, device="cuda")
DISTORTED = replace(RECIPE, shift=0.07, rotation=7.0, scale=0.05)


@pytest.fixture(scope="module")
def digits():
    return load_dataset(n_train=640, validation=200)


def run(digits, config, model=None, network=LeNetConfig()):
    model = model or new_model(network, 0)
    return model, list(train(model, digits, config))


def numbers(records):
    return [(record.train_loss, record.train_accuracy, record.validation_loss) for record in records]


@pytest.mark.parametrize(
    "config, network",
    [
        (TrainConfig(device="cuda"), LeNetConfig()),
        (TrainConfig(momentum=0.9, weight_decay=1e-3, device="cuda"), LeNetConfig()),
        (RECIPE, LeNetConfig()),
        (DISTORTED, LeNetConfig()),
        (
            replace(RECIPE, optimizer="adamw", weight_decay=0.01),
            LeNetConfig(convs_per_stage=2, kernel_size=3),
        ),
    ],
)
def test_a_run_gives_the_numbers_of_the_processor_to_rounding(digits, config, network):
    few = replace(config, epochs=1)
    on_gpu, there = run(digits, few, network=network)
    on_cpu, here = run(digits, replace(few, device="cpu"), network=network)
    assert numbers(there)[0] == pytest.approx(numbers(here)[0], abs=2e-3)
    for gpu, cpu in zip(on_gpu.parameters(), on_cpu.parameters()):
        torch.testing.assert_close(gpu.detach().cpu(), cpu.detach(), rtol=0, atol=2e-3)


@pytest.mark.parametrize("config, dropout", [(RECIPE, 0.0), (DISTORTED, 0.3)])
def test_the_same_run_twice_is_the_same_to_the_last_bit(digits, config, dropout):
    network = LeNetConfig(dropout=dropout)
    assert numbers(run(digits, config, network=network)[1]) == numbers(
        run(digits, config, network=network)[1]
    )


SWITCHES = {
    "medium": lambda: torch.set_float32_matmul_precision("medium"),
    "TF32": lambda: torch.set_float32_matmul_precision("high"),
    "cuDNN chooses": lambda: setattr(torch.backends.cudnn, "benchmark", True),
    "autocast": lambda: torch.autocast("cuda").__enter__(),
    "default device": lambda: torch.set_default_device("cuda"),
}


@pytest.mark.parametrize("name", SWITCHES)
def test_switches_of_earlier_cells_change_nothing(digits, name):
    plain = numbers(run(digits, DISTORTED)[1])
    try:
        SWITCHES[name]()
        assert numbers(run(digits, DISTORTED)[1]) == plain
    finally:
        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.benchmark = False
        torch.set_autocast_enabled("cuda", False)
        torch.set_default_device(None)


def waits(digits, config, steps):
    """How often the host waited for the GPU until the first record, after `steps` steps."""
    config = replace(config, epochs=10, record_every=steps, batch_size=16)
    records = train(new_model(LeNetConfig(dropout=0.2), 0), digits, config)
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            next(records)
    finally:
        torch.cuda.set_sync_debug_mode("default")
        records.close()
    return sum("synchroniz" in str(one.message) for one in told)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("shift", [0.0, 0.1])
def test_no_step_waits_for_the_gpu(digits, optimizer, shift):
    config = replace(RECIPE, optimizer=optimizer, shift=shift)
    few = waits(digits, config, 5)
    assert few > 0  # reading the record does
    assert waits(digits, config, 35) == few  # within the first epoch: its order is sent once


def test_a_checkpoint_goes_from_one_device_to_the_other(digits, tmp_path):
    whole, _records = run(digits, RECIPE)
    half = new_model(LeNetConfig(), 0)
    state = TrainingState(half, RECIPE)
    records = train(half, digits, RECIPE, state=state)
    next(records)
    save_checkpoint(tmp_path / "run", half, state)
    for device in ("cuda", "cpu"):
        model = new_model(LeNetConfig(), 1).to(device)
        state = load_checkpoint(tmp_path / "run", model)
        list(train(model, digits, replace(state.config, device=device), state=state))
        pairs = zip(model.parameters(), whole.parameters())
        largest = max((mine.detach().cpu() - its.detach().cpu()).abs().max().item() for mine, its in pairs)
        assert largest == 0 if device == "cuda" else largest < 2e-3, (device, largest)


def test_what_looks_into_a_model_follows_it_to_its_device(digits):
    model = new_model(LeNetConfig(), 0)
    here = evaluate(model, digits.test[:300]), layer_table(model)
    probs = analysis.probabilities(model, digits.test.images[:20])
    image, label = digits.test.images[0], int(digits.test.labels[0])
    maps, covered = analysis.feature_maps(model, image), analysis.occlusion(model, image, label)
    model.to("cuda")
    there = evaluate(model, digits.test[:300])
    assert there.accuracy == here[0].accuracy and there.loss == pytest.approx(here[0].loss, abs=1e-5)
    assert layer_table(model) == here[1]
    torch.testing.assert_close(
        analysis.probabilities(model, digits.test.images[:20]), probs, rtol=0, atol=1e-5
    )
    for name, array in analysis.feature_maps(model, image).items():
        assert abs(array - maps[name]).max() < 1e-4
    assert abs(analysis.occlusion(model, image, label) - covered).max() < 1e-4
    counts = analysis.confusion(probs.cuda(), digits.test.labels[:20].cuda())
    assert counts.sum() == 20


def test_the_network_of_1998_trains_there(digits):
    from lenet_helpers.lenet1998 import discriminative_loss, field_of_1998

    model = LeNet1998().cuda()
    images, labels = (
        field_of_1998(digits.to_unit(digits.train.images[:64])).cuda(),
        digits.train.labels[:64].cuda(),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    losses = []
    for _step in range(5):
        loss = discriminative_loss(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_a_run_that_diverges_gets_its_last_good_weights_back(digits):
    model = new_model(LeNetConfig(), 0)
    with pytest.raises(Diverged, match="choose a lower"):
        list(train(model, digits, TrainConfig(learning_rate=10.0, momentum=0.99, epochs=5, device="cuda")))
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_a_batch_beyond_the_memory_names_one_that_fits(digits):
    wide = LeNetConfig(width=4.0)
    many = replace(digits, train=digits.train[torch.arange(60_000) % len(digits.train)], validation=None)
    total = torch.cuda.mem_get_info()[1]
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(min(1.0, 2.5e9 / total))
    try:
        with pytest.raises(
            ValueError, match=r"batch_size=60000 takes more memory .* choose batch_size=\d+, which"
        ):
            list(train(new_model(wide, 0), many, TrainConfig(batch_size=60_000, epochs=1, device="cuda")))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()


@pytest.mark.parametrize("name", ["cuda", "cuda:0", 0, torch.device("cuda")])
def test_a_device_by_any_name(digits, name):
    assert run(digits, replace(RECIPE, epochs=1, device=name))[0].conv1.weight.is_cuda


def test_a_gpu_too_many_is_named(digits):
    with pytest.raises(ValueError, match="device='cuda:99' is not to be had here: choose one of cpu, cuda"):
        train(LeNet(), digits, TrainConfig(device="cuda:99"))


def test_the_doctor_names_it():
    assert "cuda" in devices().found
