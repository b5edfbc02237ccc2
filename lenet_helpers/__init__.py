"""What the course's notebooks import: model, data, loop, checks. What needs ipywidgets is in `.explorers`.

from lenet_helpers import LeNet, TrainConfig, load_dataset, train
"""

import os
from typing import Any

# torch's threads else spin a millisecond at each wait: beside another program, 80 s in place of 1.
os.environ.setdefault("GOMP_SPINCOUNT", "5000")

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


def __getattr__(name: str) -> Any:  # the exercises and the quiz wait until they are asked for
    found: Any
    if name == "check":
        from .checks import check as found
    elif name == "quiz":
        from .explorers.kit.quiz_view import quiz as found
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return found
