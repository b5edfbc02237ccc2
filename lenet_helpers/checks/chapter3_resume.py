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
from .core import Contract, Exercise
from .trial import Trial, agree
from .values import Kind


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
    contract=Contract(
        N_(
            "path: a checkpoint that save_checkpoint wrote in the middle of a run. model: a network of the"
            " same architecture with other weights. dataset: the data of that run."
        ),
        N_(
            "a list (or tuple) of the records that train gives from the checkpoint's step to the end of the"
            " run; the model then has the weights of a run that was never stopped."
        ),
        keeps=N_("the checkpoint and the data set; the model is filled and trained on purpose"),
        may=N_("load_checkpoint, train and everything else in lenet_helpers"),
    ),
    time_limit=30.0,
)

_SMALL = LeNetConfig(width=0.25, hidden=(12, 10))


def _tiny_dataset(rng, n):
    images = torch.from_numpy(rng.normal(size=(n + 5, 1, 28, 28)).astype(np.float32))
    labels = torch.from_numpy(rng.integers(0, 10, n + 5))
    names = tuple(map(str, range(10)))
    return Dataset(
        "tiny", Split(images[:n], labels[:n]), None, Split(images[n:], labels[n:]), names, "made up"
    )


def _small_model(seed):
    torch.manual_seed(seed)
    return LeNetVariant(_SMALL)


STEPS, STOPPED_AFTER = 7, 3  # an epoch has 5 steps, its last batch 2 images


class _Run:
    """A run stopped after 3 of 7 steps that `candidate` was asked to go on with."""

    def __init__(self, candidate, rng, **settings):
        self.data, self.seed = _tiny_dataset(rng, 22), int(rng.integers(1, 1000))
        self.config = TrainConfig(
            learning_rate=0.05, batch_size=5, steps=STEPS, record_every=1, seed=self.seed, **settings
        )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "run.safetensors"
            model = _small_model(self.seed)
            state = TrainingState(model, self.config)
            self.train_steps(model, state, STOPPED_AFTER)
            save_checkpoint(path, model, state)
            written = path.read_bytes()
            fresh = _small_model(self.seed + 1)
            tried = _("resume after step {n} of {steps}, {settings}").format(
                n=STOPPED_AFTER,
                steps=STEPS,
                settings=", ".join(f"{key}={value}" for key, value in settings.items()) or "SGD",
            )
            self.trial = Trial(candidate, path, fresh, self.data, tried=tried)
            if path.read_bytes() != written:
                look = _("the checkpoint: it is read, not written")
                self.trial.fail("in-place", got=_("the checkpoint was changed"), look=look)
        self.got = _flat(fresh)
        self.steps = self.trial.returned(_RECORDS)  # a generator that nobody went through has trained nothing

    def train_steps(self, model, state, n):
        """The records of the next n steps."""
        run = train(model, self.data, self.config, state=state)
        records = [next(run) for _unused in range(n)]
        run.close()
        return records

    def go(self, steps, *, stop=None, fresh_weights=False, fresh_state=False, whole=False):
        """The weights after `steps` steps; from `stop` on with fresh weights or a fresh optimizer, and
        with `whole` all the steps once more: what known mistakes lead to.
        """
        model = _small_model(self.seed)
        state = TrainingState(model, self.config)
        self.train_steps(model, state, steps if stop is None else stop)
        if stop is not None:
            if fresh_weights:
                model.load_state_dict(_small_model(self.seed + 1).state_dict())
            if fresh_state:
                step, state = state.step, TrainingState(model, self.config)
                state.step = 0 if whole else step
            self.train_steps(model, state, steps if whole else steps - stop)
        return _flat(model)

    def judge(self, look):
        """The weights, against those of the uninterrupted run and of the usual mistakes."""
        wanted = self.go(STEPS)
        if agree(self.got, wanted, 0.0):
            return
        known = [
            ("not-trained", dict(steps=STOPPED_AFTER), _("what happens after loading: nothing was trained")),
            (
                "one-step-short",
                dict(steps=STEPS - 1),
                _("the last step: do all the records of the run get trained and collected?"),
            ),
            (
                "weights-not-loaded",
                dict(steps=STEPS, stop=STOPPED_AFTER, fresh_weights=True),
                _("the weights: is it the loaded model that goes on?"),
            ),
            (
                "optimizer-lost",
                dict(steps=STEPS, stop=STOPPED_AFTER, fresh_state=True),
                _("the optimizer: a new one has forgotten the momentum of the steps before the stop"),
            ),
            (
                "started-over",
                dict(steps=STEPS, stop=STOPPED_AFTER, fresh_state=True, whole=True),
                _("where the run goes on: is the loaded state handed to train?"),
            ),
        ]
        mistakes = [(key, self.go(**how), hint) for key, how, hint in known]
        if agree(self.got, _flat(_small_model(self.seed + 1)), 0.0):
            mistakes = [
                ("nothing-loaded", self.got, _("load_checkpoint(path, model): which model is filled?"))
            ]
        self.trial.judge(self.got, wanted, mistakes, look=look, tolerance=0.0)


def _flat(model):
    return np.concatenate(
        [tensor.detach().numpy().astype(np.float64).reshape(-1) for tensor in model.parameters()]
    )


def _steps_of(value):
    """The step numbers of a list of records."""
    if type(value) not in (list, tuple):
        return None
    return [getattr(record, "step", None) for record in value]


_RECORDS = Kind(_steps_of, "not-a-list", N_("what is returned: a list of the records that train gives"))


@RESUME.property(
    "same-weights", N_("with plain SGD the weights end up those of a run that was never stopped")
)
def same_weights(candidate, rng):
    look = _("the state that load_checkpoint returns: which of its parts does train get?")
    _Run(candidate, rng).judge(look)


@RESUME.property("same-momentum", N_("with momentum too: the optimizer goes on with its memory"))
def same_momentum(candidate, rng):
    _Run(candidate, rng, momentum=0.9).judge(_("the state that load_checkpoint returns, optimizer included"))
    _Run(candidate, rng, optimizer="adam").judge(
        _("the state that load_checkpoint returns, optimizer included")
    )


@RESUME.property("records", N_("it returns the records of the steps after the stop"))
def records(candidate, rng):
    for _unused in range(2):  # nothing of one call may be left for the next
        run = _Run(candidate, rng)
        model = _small_model(run.seed)
        wanted = run.train_steps(model, TrainingState(model, run.config), STEPS)[STOPPED_AFTER:]
        steps = [record.step for record in wanted]
        if run.steps != steps:
            run.trial.fail(
                "other-steps",
                got=_("the records of steps {got}, expected {wanted}").format(got=run.steps, wanted=steps),
                look=_("the records: the run goes on where it stopped, and all that is new is kept"),
            )
        losses = [[record.train_loss for record in some] for some in (run.trial.result, wanted)]
        if losses[0] != losses[1]:
            got = _("training losses {got}, expected {wanted}").format(got=losses[0], wanted=losses[1])
            run.trial.fail("other-records", got=got, look=_("the records: do they come from this very run?"))
