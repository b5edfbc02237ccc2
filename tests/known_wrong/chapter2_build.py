"""Chapter 2, building LeNet: right networks, and the mistakes people make."""

import torch
import torch.nn.functional as F
from torch import nn

from . import correct, wrong

NAME = "build_lenet"


class Base(nn.Module):
    """A right network whose parts the variants below replace."""

    flat, drop = 256, 0.0

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(self.flat, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def features(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        return F.max_pool2d(F.relu(self.conv2(x)), 2)

    def flatten(self, x):
        return x.flatten(1)

    def head(self, x):
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))

    def forward(self, x):
        return self.head(self.flatten(self.features(x)))


@correct(NAME)
class Plain(Base):
    pass


@correct(NAME)
def sequential():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Conv2d(6, 16, 5),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(256, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )


@correct(NAME)
class ModuleList(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5)])
        self.dense = nn.ModuleList([nn.Linear(256, 120), nn.Linear(120, 84), nn.Linear(84, 10)])
        self.pool = nn.MaxPool2d(2)  # one pooling used twice is fine: it has no weights
        self.dropout = nn.Dropout(0.5)

    def forward(self, x):
        for conv in self.convs:
            x = self.pool(torch.relu(conv(x)))
        x = x.view(len(x), -1)
        for layer in self.dense[:-1]:
            x = self.dropout(torch.relu(layer(x)))
        return self.dense[-1](x)


@correct(NAME)
class Lazy(Base):
    """Sizes that come in are learned from the first images."""

    def __init__(self):
        super().__init__()
        self.conv1, self.fc1 = nn.LazyConv2d(6, 5), nn.LazyLinear(120)


@wrong(NAME, "flatten-size", by="runs")
class Flatten400(Base):
    flat = 400


@wrong(NAME, "flatten-size", by="runs")
class FlattenWithoutMaps(Base):
    flat = 16


@wrong(NAME, "hard-coded-batch", by="runs")
class BatchOf64(Base):
    def flatten(self, x):
        return x.view(64, 256)


@wrong(NAME, "hard-coded-batch", by="runs")
class BatchOf32(Base):
    def flatten(self, x):
        return x.reshape(32, -1)


@wrong(NAME, "hard-coded-batch", by="runs")
class ReturnsWithinTheLoop(Base):
    def forward(self, x):
        for image in x:
            return super().forward(image[None])


@wrong(NAME, "mixes-images", by="other-size")
class ViewMinusOne(Base):
    def flatten(self, x):
        return x.view(-1, 256)


@wrong(NAME, "mixes-images", by="other-size")
class ReshapeMinusOne(Base):
    def flatten(self, x):
        return x.reshape(-1, 16 * 4 * 4)


@wrong(NAME, "softmax-in-forward", by="logits")
class Softmax(Base):
    def forward(self, x):
        return super().forward(x).softmax(1)


@wrong(NAME, "softmax-in-forward", by="logits")
class LogSoftmax(Base):
    def forward(self, x):
        return super().forward(x).log_softmax(1)


@wrong(NAME, "softmax-over-batch", by="logits")
class SoftmaxOverTheBatch(Base):
    def forward(self, x):
        return super().forward(x).softmax(0)


@wrong(NAME, "relu-on-logits", by="logits")
class ReluOnLogits(Base):
    def forward(self, x):
        return F.relu(super().forward(x))


@wrong(NAME, "squashed-logits", by="logits")
class SigmoidOnLogits(Base):
    def forward(self, x):
        return torch.sigmoid(super().forward(x))


@wrong(NAME, "no-non-linearity", by="values")
class NoActivationAtAll(Base):
    def features(self, x):
        return F.max_pool2d(self.conv2(F.max_pool2d(self.conv1(x), 2)), 2)

    def head(self, x):
        return self.fc3(self.fc2(self.fc1(x)))


@wrong(NAME, "no-non-linearity", by="values")
class LinearHead(Base):
    def head(self, x):
        return self.fc3(self.fc2(self.fc1(x)))


@wrong(NAME, "no-non-linearity", by="values")
class LinearConvolutions(Base):
    def features(self, x):
        return F.max_pool2d(self.conv2(F.max_pool2d(self.conv1(x), 2)), 2)


@wrong(NAME, "plain-list", by="parameters")
class PlainList(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [
            nn.Conv2d(1, 6, 5),
            nn.Conv2d(6, 16, 5),
            nn.Linear(256, 120),
            nn.Linear(120, 84),
            nn.Linear(84, 10),
        ]

    def forward(self, x):
        c1, c2, f1, f2, f3 = self.layers
        x = F.max_pool2d(F.relu(c2(F.max_pool2d(F.relu(c1(x)), 2))), 2).flatten(1)
        return f3(F.relu(f2(F.relu(f1(x)))))


@wrong(NAME, "plain-list", by="parameters")
class DictOfDenseLayers(Base):
    def __init__(self):
        super().__init__()
        self.dense = {"fc1": self.fc1, "fc2": self.fc2, "fc3": self.fc3}
        del self.fc1, self.fc2, self.fc3

    def head(self, x):
        return self.dense["fc3"](F.relu(self.dense["fc2"](F.relu(self.dense["fc1"](x)))))


@wrong(NAME, "made-in-forward", by="parameters")
class MadeInForward(Base):
    def __init__(self):
        super().__init__()
        del self.fc2

    def head(self, x):
        return self.fc3(F.relu(nn.Linear(120, 84)(F.relu(self.fc1(x)))))


@wrong(NAME, "layer-reused", by="parameters")
class LayerReused(Base):
    def __init__(self):
        super().__init__()
        self.fc2, self.fc3 = nn.Linear(120, 120), nn.Linear(120, 10)

    def head(self, x):
        x = F.relu(self.fc2(F.relu(self.fc1(x))))
        return self.fc3(F.relu(self.fc2(x)))


@wrong(NAME, "dropout-in-eval", by="repeatable")
class DropoutAlways(Base):
    def head(self, x):
        return self.fc3(F.dropout(F.relu(self.fc2(F.relu(self.fc1(x)))), 0.5))


@wrong(NAME, "squeezed", by="runs")
class Squeezed(Base):
    def forward(self, x):
        return super().forward(x).squeeze()


@wrong(NAME, "average-pooling", by="values")
class AveragePooling(Base):
    def features(self, x):
        return F.avg_pool2d(F.relu(self.conv2(F.avg_pool2d(F.relu(self.conv1(x)), 2))), 2)


@wrong(NAME, "other-activation", by="values")
class Sigmoids(Base):
    def features(self, x):
        return F.max_pool2d(torch.sigmoid(self.conv2(F.max_pool2d(torch.sigmoid(self.conv1(x)), 2))), 2)

    def head(self, x):
        return self.fc3(torch.sigmoid(self.fc2(torch.sigmoid(self.fc1(x)))))


@wrong(NAME, "parameter-count", by="parameters")
class ThreeByThree(Base):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 3, padding=0), nn.Conv2d(6, 16, 5)


@wrong(NAME, "parameter-count", by="parameters")
class NoBias(Base):
    def __init__(self):
        super().__init__()
        self.fc3 = nn.Linear(84, 10, bias=False)


@wrong(NAME, "output-shape", by="runs")
class ElevenClasses(Base):
    def __init__(self):
        super().__init__()
        self.fc3 = nn.Linear(84, 11)


@wrong(NAME, "returned-none", by="runs")
class ForgetsReturn(Base):
    def forward(self, x):
        super().forward(x)


@wrong(NAME, "not-a-module", by="runs")
def gives_back_a_function():
    return lambda x: x.flatten(1)[:, :10]


an_instance = Plain()
an_instance.__name__ = "an_instance"
wrong(NAME, "instance", by="runs")(an_instance)


@wrong(NAME, "graph-cut", by="trains")
class NoGradInForward(Base):
    def forward(self, x):
        with torch.no_grad():
            return super().forward(x)


@wrong(NAME, "graph-cut", by="trains")
class DetachedFeatures(Base):
    def flatten(self, x):
        return x.detach().flatten(1)


@wrong(NAME, "softmax-in-forward", by="trains")
class SoftmaxWhileTraining(Base):
    def forward(self, x):
        x = super().forward(x)
        return x.softmax(1) if self.training else x
