"""The half of the course that its notebooks import: model, data, loop, checks.

    from lenet_helpers import LeNet, TrainConfig, load_dataset, train

The interactive figures, which alone need ipywidgets, are in `lenet_helpers.explorers`.
"""

from typing import Any

from . import readers  # noqa: F401  (tells `sources` how its kinds are read)
from .checkpoint import load_checkpoint, save_checkpoint
from .data import Dataset, Split, batches, load_dataset
from .lenet1998 import C3_CONNECTIONS, LeNet1998
from .models import LeNet, LeNetConfig, LeNetVariant
from .summary import count_parameters, layer_table, receptive_fields
from .train_config import make_optimizer
from .training import TrainConfig, TrainingState, evaluate, train
from .wording import set_language

__all__ = [
    "C3_CONNECTIONS",
    "Dataset",
    "LeNet",
    "LeNet1998",
    "LeNetConfig",
    "LeNetVariant",
    "Split",
    "TrainConfig",
    "TrainingState",
    "batches",
    "check",
    "count_parameters",
    "evaluate",
    "layer_table",
    "load_checkpoint",
    "load_dataset",
    "make_optimizer",
    "quiz",
    "receptive_fields",
    "save_checkpoint",
    "set_language",
    "train",
]


def __getattr__(name: str) -> Any:
    if name == "check":  # the exercises and the quiz wait until they are asked for
        from .checks import check

        return check
    if name == "quiz":
        from .explorers.kit.quiz_view import quiz

        return quiz
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
