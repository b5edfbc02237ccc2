"""Answers to the graded tasks: right ones in other forms, which must pass, and mistakes, each with the
property that must reject it and the key of the message meant for it.
"""

import math
from collections import namedtuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

RIGHT, WRONG = [], []


def right(task):
    def add(answer):
        RIGHT.append((task, answer))
        return answer

    return add


def wrong(task, lost, key):
    """The property that is lost, and the key of its message."""

    def add(answer):
        WRONG.append((task, lost, key, answer))
        return answer

    return add


# ps1 ------------------------------------------------------------------------------------


@right("move_weights")
def with_matrices(weight, pixel_order, output_order):
    p, o = (
        torch.eye(len(pixel_order)).double()[pixel_order],
        torch.eye(len(output_order)).double()[output_order],
    )
    return nn.Parameter(o @ weight @ p.T)


wrong("move_weights", "same-outputs", "pixels-only")(lambda w, p, o: w[:, p])
wrong("move_weights", "same-outputs", "outputs-only")(lambda w, p, o: w[o])
wrong("move_weights", "same-outputs", "inverse")(lambda w, p, o: w[torch.argsort(o)][:, torch.argsort(p)])
wrong("move_weights", "same-outputs", "returned-none")(lambda w, p, o: None)
wrong("move_weights", "any-size", "any-size")(lambda w, p, o: w[o[:1]][:, p[:1]])


@right("panorama")
def by_padding(image, kernel, stride=1, dilation=1):
    reach = dilation * (kernel.shape[1] - 1)
    longer = torch.cat([image, image[:, :reach]], 1)
    return F.conv2d(longer[None, None], kernel[None, None], stride=(stride, stride), dilation=dilation)[0, 0]


@right("panorama")
def by_rolling(image, kernel, stride=1, dilation=1):
    h, (kh, kw) = len(image), kernel.shape
    rows = range(0, h - dilation * (kh - 1), stride)
    total = sum(
        torch.roll(image, -j * dilation, 1)[[r + i * dilation for r in rows]][:, ::stride] * kernel[i, j]
        for i in range(kh)
        for j in range(kw)
    )
    return total.numpy() if image.dtype == torch.float64 else total


def _wrapped(image, kernel, stride=1, dilation=1):
    return by_padding(image, kernel, stride, dilation)


wrong("panorama", "shape", "not-round")(
    lambda i, k, s=1, d=1: F.conv2d(i[None, None], k[None, None], stride=s, dilation=d)[0, 0]
)
wrong("panorama", "values", "flipped")(lambda i, k, s=1, d=1: _wrapped(i, k.flip(0, 1), s, d))
wrong("panorama", "stride", "stride-ignored")(lambda i, k, s=1, d=1: _wrapped(i, k, 1, d))
wrong("panorama", "stride", "rows-only")(lambda i, k, s=1, d=1: _wrapped(i, k, 1, d)[::s])
wrong("panorama", "dilation", "dilation-ignored")(lambda i, k, s=1, d=1: _wrapped(i, k, s))
wrong("panorama", "dtype", "dtype")(lambda i, k, s=1, d=1: _wrapped(i, k, s, d).double())
wrong("panorama", "shape", "missing-one")(lambda i, k, s=1, d=1: _wrapped(i, k, s, d)[:-1])


@wrong("panorama", "shape", "in-place")
def scales_its_input(i, k, s=1, d=1):
    i *= 2
    return _wrapped(i, k, s, d) / 2


@right("image_sizes")
def by_trying(places, k, p=0, s=1, d=1):
    fitting = [
        n
        for n in range(1, 500)
        if n + 2 * p >= d * (k - 1) + 1 and (n + 2 * p - d * (k - 1) - 1) // s + 1 == places
    ]
    return namedtuple("Sizes", "smallest largest")(np.float64(fitting[0]), torch.tensor(fitting[-1]))


@right("image_sizes")
def as_a_tensor(places, k, p=0, s=1, d=1):
    low = (places - 1) * s + d * (k - 1) + 1 - 2 * p
    return torch.tensor([low, low + s - 1])


def _low(places, k, p=0, s=1, d=1):
    return (places - 1) * s + d * (k - 1) + 1 - 2 * p


wrong("image_sizes", "stride", "largest-forgotten")(lambda o, k, p=0, s=1, d=1: (_low(o, k, p, s, d),) * 2)
wrong("image_sizes", "plain", "missing-one")(lambda o, k, p=0, s=1, d=1: (_low(o, k, p, s, d) + 1,) * 2)
wrong("image_sizes", "plain", "padding-once")(
    lambda o, k, p=0, s=1, d=1: (_low(o, k, 0, s, d) - p, _low(o, k, 0, s, d) - p + s - 1)
)
wrong("image_sizes", "stride", "one-too-many")(
    lambda o, k, p=0, s=1, d=1: (_low(o, k, p, s, d), _low(o, k, p, s, d) + s)
)
wrong("image_sizes", "dilation", "dilation-ignored")(
    lambda o, k, p=0, s=1, d=1: (_low(o, k, p, s), _low(o, k, p, s) + s - 1)
)
wrong("image_sizes", "plain", "parts")(lambda o, k, p=0, s=1, d=1: _low(o, k, p, s, d))


@right("fair_costs")
def with_layers(height, width, kh, kw, stride, maps):
    conv = nn.Conv2d(1, maps, (kh, kw), stride=stride)
    outputs = conv(torch.zeros(1, 1, height, width)).numel()
    return [
        (height * width + 1) * outputs,
        sum(p.numel() for p in conv.parameters()),
        height * width * outputs,
        float(kh * kw * outputs),
    ]


def _outputs(h, w, kh, kw, s, m):
    return m * ((h - kh) // s + 1) * ((w - kw) // s + 1)


def _costs(h, w, kh, kw, s, m):
    n = _outputs(h, w, kh, kw, s, m)
    return [(h * w + 1) * n, (kh * kw + 1) * m, h * w * n, kh * kw * n]


wrong("fair_costs", "dense-parameters", "stride-ignored")(
    lambda h, w, kh, kw, s, m: _costs(h, w, kh, kw, 1, m)
)
wrong("fair_costs", "dense-parameters", "biases-forgotten")(
    lambda h, w, kh, kw, s, m: [h * w * _outputs(h, w, kh, kw, s, m), *_costs(h, w, kh, kw, s, m)[1:]]
)
wrong("fair_costs", "conv-parameters", "not-shared")(
    lambda h, w, kh, kw, s, m: [
        _costs(h, w, kh, kw, s, m)[0],
        (kh * kw + 1) * _outputs(h, w, kh, kw, s, m),
        0,
        0,
    ]
)
wrong("fair_costs", "multiplications", "places-forgotten")(
    lambda h, w, kh, kw, s, m: [*_costs(h, w, kh, kw, s, m)[:3], kh * kw * m]
)


@right("pooled_shift")
def with_divmod(dx, dy, pool):
    (x, left), (y, over) = divmod(dx, pool), divmod(dy, pool)
    return None if left or over else np.array([x, y])


wrong("pooled_shift", "fits", "in-pixels")(lambda dx, dy, p: None if dx % p or dy % p else (dx, dy))
wrong("pooled_shift", "fits", "swapped")(lambda dx, dy, p: None if dx % p or dy % p else (dy // p, dx // p))
wrong("pooled_shift", "does-not", "does-not")(lambda dx, dy, p: None if (dx + dy) % p else (dx // p, dy // p))
wrong("pooled_shift", "backwards", "backwards")(
    lambda dx, dy, p: None if dx % p or dy % p or dx < 0 else (dx // p, dy // p)
)
wrong("pooled_shift", "fits", "fits")(lambda dx, dy, p: None)

# ps2 ------------------------------------------------------------------------------------


@right("average_pool")
def by_torch(maps, size=2):
    counts = (
        F.avg_pool2d(
            F.pad(
                torch.ones(maps.shape[2:])[None, None], (0, -maps.shape[3] % size, 0, -maps.shape[2] % size)
            ),
            size,
        )[0, 0]
        * size**2
    )
    return F.avg_pool2d(maps, size, ceil_mode=True, count_include_pad=False), counts.round()


def _counts(maps, size):
    return by_torch(maps, size)[1]


wrong("average_pool", "edges", "edge-dropped")(lambda m, size=2: (F.avg_pool2d(m, size), _counts(m, size)))
wrong("average_pool", "values", "maximum")(
    lambda m, size=2: (F.max_pool2d(m, size, ceil_mode=True), _counts(m, size))
)
wrong("average_pool", "edges", "zeros-counted")(
    lambda m, size=2: (
        F.avg_pool2d(F.pad(m, (0, -m.shape[3] % size, 0, -m.shape[2] % size)), size),
        _counts(m, size),
    )
)
wrong("average_pool", "counts", "always-full")(
    lambda m, size=2: (by_torch(m, size)[0], torch.full_like(_counts(m, size), size**2))
)
wrong("average_pool", "counts", "transposed")(lambda m, size=2: (by_torch(m, size)[0], _counts(m, size).T))


@right("table_costs")
def counted_up(connections, k, side):
    parameters = multiplications = 0
    for row in connections:
        parameters += 1 + len(row) * k**2
        multiplications += len(row) * k**2 * (side - k + 1) ** 2
    return np.int64(parameters), multiplications


def _kernels(table):
    return sum(map(len, table))


wrong("table_costs", "parameters", "no-bias")(
    lambda t, k, n: (_kernels(t) * k * k, _kernels(t) * k * k * (n - k + 1) ** 2)
)
wrong("table_costs", "parameters", "dense")(
    lambda t, k, n: (len(t) * (6 * k * k + 1), _kernels(t) * k * k * (n - k + 1) ** 2)
)
wrong("table_costs", "multiplications", "places-forgotten")(
    lambda t, k, n: (_kernels(t) * k * k + len(t), _kernels(t) * k * k)
)
wrong("table_costs", "multiplications", "side-squared")(
    lambda t, k, n: (_kernels(t) * k * k + len(t), _kernels(t) * k * k * n * n)
)


@right("seen_box")
def as_intervals(layers, row, column):
    def back(a, b):
        for k, s, p in layers[::-1]:
            a, b = s * a - p, s * b - p + k - 1
        return a, b

    (top, bottom), (left, right_) = back(row, row), back(column, column)
    return [top, left, bottom, right_]


wrong("seen_box", "stack", "forwards")(lambda layers, r, c: as_intervals(layers[::-1], r, c))
wrong("seen_box", "padding", "padding-ignored")(
    lambda layers, r, c: as_intervals([(k, s, 0) for k, s, _p in layers], r, c)
)
wrong("seen_box", "one-layer", "transposed")(lambda layers, r, c: as_intervals(layers, c, r))
wrong("seen_box", "one-layer", "one-further")(
    lambda layers, r, c: [a + b for a, b in zip(as_intervals(layers, r, c), (0, 0, 1, 1))]
)


@right("skip_block")
class InAList(nn.Module):
    def __init__(self, channels, hidden):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, hidden, 3, padding="same"),
            nn.ReLU(),
            nn.Conv2d(hidden, channels, 3, padding=1),
        )

    def forward(self, x):
        return (x + self.layers(x)).clamp(min=0)


@right("skip_block")
def a_function(channels, hidden):
    return InAList(hidden=hidden, channels=channels)


def _block(forward, padding=1, bias=True):
    class Block(nn.Module):
        def __init__(self, channels, hidden):
            super().__init__()
            self.a, self.b = (
                nn.Conv2d(channels, hidden, 3, padding=padding, bias=bias),
                nn.Conv2d(hidden, channels, 3, padding=padding, bias=bias),
            )

        def forward(self, x):
            return forward(self, x)

    return Block


wrong("skip_block", "values", "no-skip")(_block(lambda m, x: F.relu(m.b(F.relu(m.a(x))))))
wrong("skip_block", "values", "skip-after-relu")(_block(lambda m, x: x + F.relu(m.b(F.relu(m.a(x))))))
wrong("skip_block", "values", "no-inner-relu")(_block(lambda m, x: F.relu(x + m.b(m.a(x)))))
wrong("skip_block", "identity", "no-outer-relu")(_block(lambda m, x: x + m.b(F.relu(m.a(x)))))
wrong("skip_block", "parameters", "parameter-count")(
    _block(lambda m, x: F.relu(x + m.b(F.relu(m.a(x)))), bias=False)
)
wrong("skip_block", "parameters", "unused")(_block(lambda m, x: F.relu(x)))
wrong("skip_block", "rectangular", "raised")(_block(lambda m, x: F.relu(x + m.b(F.relu(m.a(x)))), padding=0))

# ps3 ------------------------------------------------------------------------------------


@right("channel_statistics")
def with_numpy(images, is_train):
    pixels = images.numpy()[is_train.numpy()] / 255
    return pixels.mean((0, 2, 3)), list(pixels.transpose(1, 0, 2, 3).reshape(3, -1).std(1))


@right("channel_statistics")
def in_float32(images, is_train):
    pixels = images[is_train].float().div(255).transpose(0, 1).flatten(1)
    return pixels.mean(1), pixels.std(1)


def _stats(pixels):
    return pixels.mean((0, 2, 3)), pixels.std((0, 2, 3))


wrong("channel_statistics", "mean", "leak")(lambda i, t: _stats(i.double() / 255))
wrong("channel_statistics", "std", "not-scaled")(
    lambda i, t: (_stats(i[t].double() / 255)[0], i[t].double().std((0, 2, 3), correction=0))
)
wrong("channel_statistics", "mean", "wrong-split")(lambda i, t: _stats(i[~t].double() / 255))
wrong("channel_statistics", "mean", "shape")(
    lambda i, t: (i[t].double().mean() / 255, i[t].double().std() / 255)
)


@right("epoch_loss")
def as_torch(batch_losses, batch_sizes):
    sizes = torch.tensor(batch_sizes, dtype=torch.float64)
    return (torch.tensor(batch_losses, dtype=torch.float64) * sizes).sum(0, keepdim=True) / sizes.sum()


wrong("epoch_loss", "uneven", "mean-of-means")(lambda losses, sizes: sum(losses) / len(losses))
wrong("epoch_loss", "equal", "sum")(lambda losses, sizes: math.fsum(losses))
wrong("epoch_loss", "equal", "not-divided")(lambda losses, sizes: sum(a * n for a, n in zip(losses, sizes)))


def _loop(
    model,
    optimizer,
    train,
    validation,
    epochs,
    every,
    *,
    divide=True,
    left=True,
    zero=True,
    modes=(True, True),
    share=None,
    percent=1,
):
    accuracies = []
    for _epoch in range(epochs):
        if modes[0]:
            model.train()
        pairs = list(train)
        for at in range(0, len(pairs), every):
            group = pairs[at : at + every]
            if len(group) < every and not left:
                continue
            if zero:
                optimizer.zero_grad()
            for images, labels in group:
                loss = F.cross_entropy(model(images), labels)
                (loss / (share or len(group)) if divide else loss).backward()
            optimizer.step()
        if modes[1]:
            model.eval()
        with torch.no_grad():
            hits = [(model(images).argmax(1) == labels).double() for images, labels in validation]
        accuracies.append(torch.cat(hits).mean() * percent)
    return accuracies


right("accumulating_loop")(_loop)


@right("accumulating_loop")
def one_gradient(model, optimizer, train_batches, validation_batches, epochs, every):
    train, validation = list(train_batches), list(validation_batches)
    images, labels = (torch.cat(part) for part in zip(*validation))
    found = []
    for _epoch in range(epochs):
        model.train()
        losses = []
        for number, (x, y) in enumerate(train, 1):
            losses.append(F.cross_entropy(model(x), y))
            if number % every == 0 or number == len(train):
                optimizer.zero_grad(set_to_none=True)
                torch.stack(losses).mean().backward()
                optimizer.step()
                losses = []
        model.eval()
        found.append((model(images).argmax(1) == labels).float().mean().item())
    return tuple(found)


wrong("accumulating_loop", "steps", "summed-gradients")(lambda *a: _loop(*a, divide=False))
wrong("accumulating_loop", "steps", "every-batch")(lambda m, o, t, v, e, n: _loop(m, o, t, v, e, 1))
wrong("accumulating_loop", "steps", "no-zero-grad")(lambda *a: _loop(*a, zero=False))
wrong("accumulating_loop", "left-over", "left-over-lost")(lambda *a: _loop(*a, left=False))
wrong("accumulating_loop", "left-over", "left-over-too-small")(lambda *a: _loop(*a, share=a[5]))
wrong("accumulating_loop", "trains", "trains-in-eval-mode")(lambda *a: _loop(*a, modes=(False, True)))
wrong("accumulating_loop", "validates", "validates-in-training-mode")(
    lambda *a: _loop(*a, modes=(True, False))
)
wrong("accumulating_loop", "accuracies", "percent")(lambda *a: _loop(*a, percent=100))
wrong("accumulating_loop", "accuracies", "nothing-moved")(lambda m, o, t, v, e, n: [0.5] * e)


def _step(model, optimizer, images, labels, most, change):
    optimizer.zero_grad()
    F.cross_entropy(model(images), labels).backward()
    result = change(list(model.parameters()), most)
    optimizer.step()
    return result


@right("clipped_step")
def by_torch_alone(model, optimizer, images, labels, most):
    def clip(parameters, most):
        grads = torch.cat([p.grad.flatten() for p in parameters])
        if grads.norm() > most:
            for p in parameters:
                p.grad = p.grad * most / grads.norm()
        return grads.norm()

    return _step(model, optimizer, images, labels, most, clip)


def _scaled(parameters, most, factor=lambda norm, most: min(1, most / norm), told=lambda norm, most: norm):
    norm = torch.cat([p.grad.flatten() for p in parameters]).norm().item()
    for p in parameters:
        p.grad *= factor(norm, most)
    return told(norm, most)


wrong("clipped_step", "clipped", "not-clipped")(
    lambda *a: _step(*a, lambda p, m: _scaled(p, m, lambda n, m: 1))
)
wrong("clipped_step", "left-alone", "always-scaled")(
    lambda *a: _step(*a, lambda p, m: _scaled(p, m, lambda n, m: m / n))
)
wrong("clipped_step", "norm", "after")(lambda *a: _step(*a, lambda p, m: _scaled(p, m, told=min)))
wrong("clipped_step", "clipped", "each-number")(
    lambda *a: _step(*a, lambda p, m: [g.grad.clamp_(-m, m) for g in p] and 1.0)
)
wrong("clipped_step", "clipped", "nothing-moved")(lambda model, optimizer, images, labels, most: most)


def _cool(
    model,
    optimizer,
    train,
    validation,
    epochs,
    *,
    worse=lambda new, old: new <= max(old),
    late=False,
    factor=0.5,
):
    scores, rates = [], []
    for _epoch in range(epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        model.train()
        for images, labels in train:
            optimizer.zero_grad()
            F.cross_entropy(model(images), labels).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            score = torch.cat([(model(x).argmax(1) == y).double() for x, y in validation]).mean().item()
        if scores and worse(score, scores):
            optimizer.param_groups[0]["lr"] *= factor
        scores.append(score)
        if late:
            rates[-1] = optimizer.param_groups[0]["lr"]
    return torch.tensor(rates, dtype=torch.float64)


right("cooling_loop")(_cool)
wrong("cooling_loop", "weights", "never")(lambda *a: _cool(*a, factor=1))
wrong("cooling_loop", "weights", "since-the-last")(
    lambda *a: _cool(*a, worse=lambda new, old: new <= old[-1])
)
wrong("cooling_loop", "rates", "one-late")(lambda *a: _cool(*a, late=True))
wrong("cooling_loop", "rates", "nothing-moved")(lambda m, o, t, v, e: [0.4] * e)

# ps4 ------------------------------------------------------------------------------------


def _choose(runs, tolerance, key="validation_accuracy", mean=lambda v: sum(v) / len(v), pick=min):
    by = {}
    for run in runs:
        by.setdefault(run["name"], []).append(run)
    scores = {name: mean([r[key] for r in rows]) for name, rows in by.items()}
    good = [name for name in by if scores[name] >= max(scores.values()) - tolerance]
    return pick(good, key=lambda name: mean([r["seconds"] for r in by[name]]))


@right("choose_quick")
def with_pandas(runs, tolerance):
    import pandas

    table = pandas.DataFrame(runs).groupby("name")[["validation_accuracy", "seconds"]].mean()
    return table[table.validation_accuracy >= table.validation_accuracy.max() - tolerance].seconds.idxmin()


right("choose_quick")(lambda runs, tolerance: np.str_(_choose(runs, tolerance)))
wrong("choose_quick", "validation-only", "chose-on-test")(lambda r, t: _choose(r, t, key="test_accuracy"))
wrong("choose_quick", "means", "best-single-run")(lambda r, t: _choose(r, t, mean=max))
wrong("choose_quick", "quickest", "most-accurate")(lambda r, t: _choose(r, 0.0))
wrong("choose_quick", "quickest", "too-poor")(lambda r, t: _choose(r, 1.0))
wrong("choose_quick", "validation-only", "slowest")(lambda r, t: _choose(r, t, pick=max))
wrong("choose_quick", "means", "summed")(lambda r, t: _choose(r, t, mean=sum))


@right("fair_pairs")
def by_items(configurations):
    found = []
    for j, b in enumerate(configurations):
        for i, a in enumerate(configurations[:j]):
            differ = dict(a.items() - b.items())
            found += [[np.int64(i), j, name] for name in differ if len(differ) == 1]
    return found


def _fair(table, condition):
    return [
        (i, j, names[0])
        for i in range(len(table))
        for j in range(len(table))
        if condition(i, j, names := [k for k in table[i] if table[i][k] != table[j][k]]) and names
    ]


wrong("fair_pairs", "found", "twice")(lambda t: _fair(t, lambda i, j, n: len(n) == 1))
wrong("fair_pairs", "refused", "too-many")(lambda t: _fair(t, lambda i, j, n: i < j))
wrong("fair_pairs", "found", "overlooks")(lambda t: _fair(t, lambda i, j, n: j == i + 1 and len(n) == 1))
wrong("fair_pairs", "found", "not-pairs")(lambda t: [(i, j) for i, j, _n in _fair(t, lambda i, j, n: i < j)])


def _ratio(
    baseline,
    changed,
    middle=lambda logs: np.exp(logs.mean()),
    error=lambda logs: logs.std(ddof=1) / len(logs) ** 0.5,
    least=3,
):
    seeds = [seed for seed in baseline if seed in changed]
    if len(seeds) < least:
        raise ValueError("too few seeds")
    logs = np.log([(1 - changed[s]) / (1 - baseline[s]) for s in seeds])
    return middle(logs), error(logs)


@right("error_ratio")
def one_tensor(baseline, changed):
    return torch.tensor(_ratio(baseline, changed), dtype=torch.float64)


wrong("error_ratio", "ratio", "arithmetic")(
    lambda b, c: _ratio(b, c, middle=lambda logs: np.exp(logs).mean())
)
wrong("error_ratio", "ratio", "inverse")(lambda b, c: _ratio(c, b))
wrong("error_ratio", "ratio", "still-a-logarithm")(lambda b, c: _ratio(b, c, middle=np.mean))
wrong("error_ratio", "standard-error", "spread-of-runs")(
    lambda b, c: _ratio(b, c, error=lambda logs: logs.std(ddof=1))
)
wrong("error_ratio", "standard-error", "population")(
    lambda b, c: _ratio(b, c, error=lambda logs: logs.std() / len(logs) ** 0.5)
)
wrong("error_ratio", "too-few", "one-seed-claim")(lambda b, c: _ratio(b, c, least=1))


def _experiment(run, first, second, both=None, base=None, seeds=(0, 1, 2)):
    base = base or {}
    arms = {
        "baseline": base,
        "first": base | first,
        "second": base | second,
        "both": base | (both or first | second),
    }
    return {name: {seed: run(seed, **levers) for seed in seeds} for name, levers in arms.items()}


@right("experiment")
def with_a_default_written_out(run):
    tables = _experiment(run, {"dropout": 0.3}, {"label_smoothing": 0.1}, base={"learning_rate": 0.02})
    return tables | {"baseline": {seed: run(seed, 0.02, 32, 4) for seed in tables["first"]}}


wrong("experiment", "factorial", "two-changes")(
    lambda run: _experiment(run, {"dropout": 0.3, "epochs": 5}, {"momentum": 0.5})
)
wrong("experiment", "factorial", "same-lever")(
    lambda run: _experiment(run, {"dropout": 0.3}, {"dropout": 0.1}, {"dropout": 0.4})
)
wrong("experiment", "factorial", "not-both")(
    lambda run: _experiment(run, {"dropout": 0.3}, {"momentum": 0.5}, {"dropout": 0.3})
)
wrong("experiment", "several-seeds", "too-few-seeds")(
    lambda run: _experiment(run, {"dropout": 0.3}, {"momentum": 0.5}, seeds=(0, 1))
)
wrong("experiment", "honest-table", "other-numbers")(
    lambda run: {name: dict.fromkeys(range(3), 0.95) for name in ("baseline", "first", "second", "both")}
)
wrong("experiment", "honest-table", "looked-at-test")(
    lambda run: run.test_accuracy() and _experiment(run, {"dropout": 0.3}, {"momentum": 0.5})
)
