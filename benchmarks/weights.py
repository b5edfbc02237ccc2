"""Train the small LeNet that chapter 2 looks into, and store its weights with how they were made.

    python -m benchmarks.weights                  # a few seconds

Data: the digits that come with the course, 3,000 to train and 1,000 to validate; no other
image is seen, so the validation digits may be shown to it. One thread, so that the weights repeat.
Writes lenet_helpers/results/lenet.safetensors: tensors and text, nothing that could be executed.
"""

import json
from dataclasses import asdict, replace
from pathlib import Path

import torch
from safetensors.torch import save

from lenet_helpers.data import load_dataset
from lenet_helpers.files import write_whole
from lenet_helpers.models import LeNet
from lenet_helpers.training import QUICK, train

WEIGHTS = Path(__file__).resolve().parent.parent / "lenet_helpers" / "results" / "lenet.safetensors"
RECIPE = replace(QUICK, epochs=10, shift=0.04)  # shifts of up to one pixel
SEED = 0


def make(recipe=RECIPE, seed=SEED):
    """(trained LeNet, its validation accuracy)."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    model = LeNet()
    *_, last = train(model, load_dataset(), recipe)
    return model, last.validation_accuracy


def write(path, model, accuracy, recipe=RECIPE, seed=SEED):
    """The weights as float32, and beside them recipe, seed, accuracy and command as text."""
    about = {
        "made_by": "python -m benchmarks.weights",
        "data": "the embedded digits, 3,000 to train, 1,000 to validate",
        "recipe": json.dumps(asdict(recipe)),
        "seed": str(seed),
        "validation_accuracy": f"{accuracy:.4f}",
        "torch": torch.__version__.split("+")[0],
    }
    tensors = {name: tensor.detach().contiguous() for name, tensor in model.state_dict().items()}
    write_whole(path, save(tensors, about))


def main():
    model, accuracy = make()
    write(WEIGHTS, model, accuracy)
    print(f"{WEIGHTS.name}: {accuracy:.4f} of the validation digits right, {WEIGHTS.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
