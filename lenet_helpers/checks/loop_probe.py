"""A network and batches that note what a training loop does with them."""

import torch
from torch import nn


class Log:
    """What the loop did: which images went through the model in which mode, how often each split was read."""

    def __init__(self):
        self.passes, self.reads = [], {"train": 0, "validation": 0}


class Batches:
    """(images, labels) pairs that can be looped over again and again, and that notice it."""

    def __init__(self, name, pairs, log):
        self.name, self.pairs, self._log = name, pairs, log

    def __iter__(self):
        self._log.reads[self.name] += 1
        return iter([(images.clone(), labels.clone()) for images, labels in self.pairs])

    def __len__(self):
        return len(self.pairs)


class Probe(nn.Module):
    """A small network, float64, that notes the mode and the split of everything it is given."""

    def __init__(self, rng, log, splits):
        super().__init__()
        self.first, self.second = nn.Linear(6, 8, dtype=torch.float64), nn.Linear(8, 4, dtype=torch.float64)
        with torch.no_grad():
            for weight in self.parameters():
                weight.copy_(torch.from_numpy(rng.normal(size=weight.shape) * 0.5))
        self._log, self._where = log, {}
        for name, pairs in splits.items():
            for images, _labels in pairs:
                self._where |= {float(row[0]): name for row in images}

    def forward(self, x):
        self._log.passes.append((self._where.get(float(x[0, 0]), "unknown"), self.training))
        return self.second(torch.tanh(self.first(x)))
