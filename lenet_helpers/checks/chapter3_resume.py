"""Chapter 3: go on after a stop, as if nothing had happened."""

import tempfile
from pathlib import Path

import numpy as np
import torch

from ..checkpoint import load_checkpoint, save_checkpoint
from ..data import Dataset, Split
from ..models import LeNetConfig, LeNetVariant
from ..training import TrainConfig, TrainingState, train
from ..wording import N_, _
from .core import Exercise
from .trial import Trial, agree


def resume(path, model, dataset):
    state = load_checkpoint(path, model)
    return list(train(model, dataset, state.config, state=state))


RESUME = Exercise(
    "resume",
    solution=resume,
    hints=(
        N_("What does a run need besides the weights in order to go on as if nothing had happened?"),
        N_(
            "`load_checkpoint` fills the model and returns a state: the configuration, the optimizer with its"
            " memory, the step count."
        ),
        N_(
            "state = load_checkpoint(path, model); then train(model, dataset, state.config, state=state), and"
            " collect the records."
        ),
    ),
    time_limit=30.0,
)

_SMALL = LeNetConfig(width=0.25, hidden=(12, 10))


def _tiny_dataset(rng, n=20):
    images = torch.from_numpy(rng.normal(size=(n + 5, 1, 28, 28)).astype(np.float32))
    labels = torch.from_numpy(rng.integers(0, 10, n + 5))
    names = tuple(map(str, range(10)))
    return Dataset(
        "tiny", Split(images[:n], labels[:n]), None, Split(images[n:], labels[n:]), names, "made up"
    )


def _small_model():
    with torch.random.fork_rng(devices=[]):
        return LeNetVariant(_SMALL)


def _resume_trial(candidate, rng, **settings):
    """Stop a run after 2 of 6 steps, let `candidate` go on; (trial, its weights, uninterrupted weights,
    records, start).
    """
    data = _tiny_dataset(rng)
    config = TrainConfig(
        learning_rate=0.05, batch_size=5, steps=6, record_every=1, seed=int(rng.integers(1, 1000)), **settings
    )
    model = _small_model()
    start = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    whole = list(train(model, data, config))
    finished = _flat(model)
    model.load_state_dict(start)
    state = TrainingState(model, config)
    run = train(model, data, config, state=state)
    for _unused in range(2):
        next(run)
    run.close()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.safetensors"
        save_checkpoint(path, model, state)
        stopped, fresh = _flat(model), _small_model()
        trial = Trial(
            candidate,
            path,
            fresh,
            data,
            tried=_("resume after step 2 of 6, {config}").format(
                config=", ".join(f"{key}={value}" for key, value in settings.items()) or "SGD"
            ),
        )
    return trial, _flat(fresh), finished, whole, stopped


def _flat(model):
    return np.concatenate(
        [tensor.detach().numpy().astype(np.float64).reshape(-1) for tensor in model.parameters()]
    )


@RESUME.property(
    "same-weights", N_("with plain SGD the weights end up those of a run that was never stopped")
)
def same_weights(candidate, rng):
    trial, got, wanted, _whole, stopped = _resume_trial(candidate, rng)
    if agree(got, stopped, 0.0):
        trial.fail("not-trained", look=_("what happens after loading: nothing was trained"))
    if not agree(got, wanted, 0.0):
        trial.fail(
            "other-weights",
            look=_(
                "where the run goes on: are the weights loaded, and does it start at step 2, with the same"
                " batches?"
            ),
        )


@RESUME.property("same-momentum", N_("with momentum too: the optimizer goes on with its memory"))
def same_momentum(candidate, rng):
    trial, got, wanted, _whole, _stopped = _resume_trial(candidate, rng, momentum=0.9)
    if not agree(got, wanted, 0.0):
        trial.fail(
            "optimizer-lost",
            look=_("the optimizer: a new one has forgotten the momentum of the first two steps"),
        )


@RESUME.property("records", N_("it returns the records of steps 3 to 6"))
def records(candidate, rng):
    trial, _got, _wanted, whole, _stopped = _resume_trial(candidate, rng)
    result = trial.result
    if result is None:
        trial.fail("returned-none", look=_("the end of your function: does it return something?"))
    if type(result) not in (list, tuple):
        trial.fail(
            "not-a-list",
            look=_("what is returned: a list; a generator that nobody has gone through has trained nothing"),
        )
    if [getattr(r, "step", None) for r in result] != [r.step for r in whole[2:]]:
        trial.fail(
            "other-steps", look=_("the steps in the records: the run goes on at 3, it does not start again")
        )
