"""A network and batches that note what a training loop does with them."""

import torch
from torch import nn


class Log:
    """Every image that went through the model: (its number in the split or None, split, training mode)."""

    def __init__(self):
        self.seen = []

    def images(self, split, training):
        """The numbers of the images of `split` that the model met in one of its two modes, in order."""
        return [number for number, name, mode in self.seen if (name, mode) == (split, training)]


class Batches:
    """(images, labels) pairs that can be looped over again and again."""

    def __init__(self, pairs):
        self.pairs = pairs

    def __iter__(self):
        return iter([(images.clone(), labels.clone()) for images, labels in self.pairs])

    def __len__(self):
        return len(self.pairs)


class Probe(nn.Module):
    """A small network, float64, that notes the mode and the number of every image that it is given."""

    def __init__(self, rng, log, splits):
        super().__init__()
        self.first, self.second = nn.Linear(6, 8, dtype=torch.float64), nn.Linear(8, 4, dtype=torch.float64)
        with torch.no_grad():
            for weight in self.parameters():
                weight.copy_(torch.from_numpy(rng.normal(size=weight.shape) * 0.5))
        self._log, self._where = log, {}
        for name, pairs in splits.items():
            rows = [float(row[0]) for images, _labels in pairs for row in images]
            self._where |= {first: (number, name) for number, first in enumerate(rows)}

    def compute(self, x):
        """forward without a note: looking must not count as something the learner did."""
        return self.second(torch.tanh(self.first(x)))

    def forward(self, x):
        self._log.seen += [(*self._where.get(float(row[0]), (None, "unknown")), self.training) for row in x]
        return self.compute(x)
