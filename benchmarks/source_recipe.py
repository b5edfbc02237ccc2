"""The recipe this course grew from, seed 0, its order of batches, on all of MNIST.

    LENET_DATA=... python -m benchmarks.source_recipe        # about a minute; writes the result

SGD without momentum, learning rate 0.02, batches of 256, images scaled by (x − 0.5)/0.5,
ten epochs, the test set scored after every one (it was used as one would use a
validation set; nothing is chosen by it here). Its published accuracies are 0.2926 after
the first epoch and 0.9744 after the last. The order of the images is the one a shuffling
DataLoader draws, see `loader_orders`; the images come from memory.
"""

import json
import platform
from datetime import date
from pathlib import Path

import torch
import torch.nn.functional as F

from lenet_helpers import LeNet, evaluate, load_dataset

RESULT = Path(__file__).parents[1] / "lenet_helpers" / "results" / "source-recipe.json"
PUBLISHED = {1: 0.2926, 3: 0.9009, 5: 0.9475, 7: 0.9658, 9: 0.9683, 10: 0.9744}


def loader_orders(n):
    """The orders in which DataLoader(shuffle=True) goes through n images, epoch after epoch, test loader
    included.

    A loader draws one number for its workers' seeds and, when it shuffles, a second one
    that seeds the permutation; the scoring pass draws its own between two epochs.
    """
    while True:
        _draw()  # the training loader's seed for workers it does not have
        yield torch.randperm(n, generator=torch.Generator().manual_seed(_draw()))
        _draw()  # the same for the test loader


def _draw():
    return int(torch.empty((), dtype=torch.int64).random_().item())


def run(epochs=10):
    """Test accuracy and mean training loss [nats/image] after every epoch, as two lists."""
    data = load_dataset("mnist", validation=0, scaling="half")
    torch.manual_seed(0)
    model = LeNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    accuracies, losses = [], []
    for _epoch, order in zip(range(epochs), loader_orders(len(data.train))):
        losses.append(_epoch_in_order(model, optimizer, data.train, order))
        accuracies.append(evaluate(model, data.test).accuracy)
        print(
            f"epoch {len(losses)}: loss {losses[-1]:.4f} nats per image, test accuracy {accuracies[-1]:.4f}",
            flush=True,
        )
    return accuracies, losses


def _epoch_in_order(model, optimizer, split, order):
    total = 0.0
    for index in order.split(256):
        loss = F.cross_entropy(model(split.images[index]), split.labels[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(index)
    return total / len(split)


if __name__ == "__main__":
    accuracies, losses = run()
    about = dict(
        command="python -m benchmarks.source_recipe",
        date=date.today().isoformat(),
        data="MNIST, 60,000 training and 10,000 test images",
        seed=0,
        runs=1,
        recipe="SGD, learning rate 0.02, batch 256, (x - 0.5)/0.5, 10 epochs",
        torch=torch.__version__,
        processor=platform.machine(),
        threads=torch.get_num_threads(),
        test_accuracy=[round(a, 4) for a in accuracies],
        train_loss=[round(loss, 4) for loss in losses],
    )
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(about, indent=1) + "\n")
