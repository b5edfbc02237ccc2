"""torchvision's sets through one entry, from made-up files in the real formats."""

import bz2
import hashlib
import pickle
import socket
import struct
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import scipy.io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from reliability import observed
from torchvision import datasets

from lenet_helpers import load_dataset, sources
from lenet_helpers.readers import torchvision_sets
from lenet_helpers.sources import DataError, torchvision_set


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    monkeypatch.setattr(sources, "REGISTRY", dict(sources.REGISTRY))
    monkeypatch.setattr("lenet_helpers.data.REGISTRY", sources.REGISTRY)


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Every address is out of reach, and every test that asks for one says so."""

    def refuse(*_arguments, **_keywords):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(datasets.utils, "_urlretrieve", refuse)
    monkeypatch.setattr(datasets.utils, "_get_redirect_url", lambda url, **_keywords: url)


def load(name, root, validation=None, **keywords):
    sources.REGISTRY["mine"] = torchvision_set(name, **keywords)
    return load_dataset("mine", root=root, scaling="unit", validation=validation)


def idx(array, kind=8, dtype=">u1"):
    """The bytes of an idx file: magic number, sizes, values (yann.lecun.com/exdb/mnist)."""
    array = np.asarray(array)
    return (
        struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape) + array.astype(dtype).tobytes()
    )


def md5(data):
    return hashlib.md5(data).hexdigest()


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


# Every picture is a wedge that grows downwards, more so the higher its label: it tells which way is up.
def wedge(label, height=28, width=28):
    rows = 28 / height * np.arange(height)[:, None] * np.ones(width)
    return (rows * (label + 1) * 0.5).astype(np.uint8)


LABELS = {"train": np.arange(40) % 10, "test": np.arange(20) % 10}


def pictures(part, height=28, width=28):
    return np.stack([wedge(label, height, width) for label in LABELS[part]])


def tell_apart(images):
    """The same pictures, one corner pixel of each changed: no part is the copy of another."""
    images = images.copy()
    images[:, 0, -1] = 200 + np.arange(len(images)) % 50
    return images


def make_mnist_like(root, name, monkeypatch):
    for part, prefix in (("train", "train"), ("test", "t10k")):
        write(root / name / "raw" / f"{prefix}-images-idx3-ubyte", idx(pictures(part)))
        write(root / name / "raw" / f"{prefix}-labels-idx1-ubyte", idx(LABELS[part]))


def make_qmnist(root, name, monkeypatch):
    for part in ("train", "test"):
        table = np.zeros((len(LABELS[part]), 8), int)
        table[:, 0], table[:, 2] = LABELS[part], 5000 + np.arange(len(table))  # class, writer
        write(root / name / "raw" / f"qmnist-{part}-images-idx3-ubyte", idx(pictures(part)))
        write(root / name / "raw" / f"qmnist-{part}-labels-idx2-int", idx(table, 12, ">i4"))


def make_emnist(split, shift):
    def make(root, name, monkeypatch):
        for part in ("train", "test"):
            stored = pictures(part).transpose(0, 2, 1)  # EMNIST keeps columns where MNIST keeps rows
            write(root / "EMNIST" / "raw" / f"emnist-{split}-{part}-images-idx3-ubyte", idx(stored))
            write(
                root / "EMNIST" / "raw" / f"emnist-{split}-{part}-labels-idx1-ubyte",
                idx(LABELS[part] + shift),
            )

    return make


def make_usps(root, name, monkeypatch):
    entries = {}
    for part, file in (("train", "usps.bz2"), ("test", "usps.t.bz2")):
        lines = []
        for label in LABELS[part]:
            values = wedge(label, 16, 16).reshape(-1) / 127.5 - 1
            lines.append(f"{label + 1} " + " ".join(f"{i + 1}:{v:.6f}" for i, v in enumerate(values)))
        data = bz2.compress(("\n".join(lines) + "\n").encode())
        write(root / file, data)
        entries[part] = ["http://127.0.0.1:9/", file, md5(data)]
    monkeypatch.setattr(datasets.USPS, "split_list", entries)


def make_svhn(root, name, monkeypatch):
    entries = {}
    for part in ("train", "test", "extra"):
        labels = LABELS["train" if part == "extra" else part]
        colour = np.stack([pictures("train" if part == "extra" else part, 32, 32)] * 3, axis=1)
        if part == "extra":
            colour = colour[:30]
            labels = labels[:30]
        stored = {"X": colour.transpose(2, 3, 1, 0), "y": np.where(labels == 0, 10, labels)[:, None]}
        scipy.io.savemat(root / f"{part}_32x32.mat", stored)
        data = (root / f"{part}_32x32.mat").read_bytes()
        entries[part] = ["http://127.0.0.1:9/", f"{part}_32x32.mat", md5(data)]
    monkeypatch.setattr(datasets.SVHN, "split_list", entries)


CIFAR_NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def make_cifar(root, name, monkeypatch):
    kind = getattr(datasets, name)
    key = "labels" if name == "CIFAR10" else "fine_labels"

    def batch(part):
        rows = np.stack([pictures(part, 32, 32)] * 3, axis=1).reshape(len(LABELS[part]), -1)
        return pickle.dumps({"data": rows, key: LABELS[part].tolist()})

    files = {"train": batch("train"), "test": batch("test")}
    files["meta"] = pickle.dumps({kind.meta["key"]: CIFAR_NAMES})
    for file, data in files.items():
        write(root / kind.base_folder / file, data)
    monkeypatch.setattr(kind, "train_list", [["train", md5(files["train"])]])
    monkeypatch.setattr(kind, "test_list", [["test", md5(files["test"])]])
    monkeypatch.setattr(kind, "meta", kind.meta | {"filename": "meta", "md5": md5(files["meta"])})


def make_stl10(root, name, monkeypatch):
    lists = {"train": [], "test": []}
    for part in ("train", "test"):
        colour = np.stack([pictures(part, 96, 96)] * 3, axis=1)
        files = {
            "X": colour.transpose(0, 1, 3, 2).tobytes(),
            "y": (LABELS[part] + 1).astype(np.uint8).tobytes(),
        }
        for letter, data in files.items():
            write(root / "stl10_binary" / f"{part}_{letter}.bin", data)
            lists[part].append([f"{part}_{letter}.bin", md5(data)])
    write(root / "stl10_binary" / "class_names.txt", "\n".join(CIFAR_NAMES).encode())
    monkeypatch.setattr(datasets.STL10, "train_list", lists["train"])
    monkeypatch.setattr(datasets.STL10, "test_list", lists["test"])


def make_gtsrb(root, name, monkeypatch):
    base = root / "gtsrb" / "GTSRB"
    for i, label in enumerate(LABELS["train"]):
        folder = base / "Training" / f"{label:05}"
        folder.mkdir(parents=True, exist_ok=True)
        picture = np.dstack([wedge(label, 30 + i % 5, 40)] * 3)
        Image.fromarray(picture).save(folder / f"{i:05}.ppm")
    (base / "Final_Test" / "Images").mkdir(parents=True)
    lines = ["Filename;Width;Height;ClassId"]
    for i, label in enumerate(LABELS["test"]):
        picture = np.dstack([wedge(label, 35, 25 + i % 5)] * 3)
        Image.fromarray(picture).save(base / "Final_Test" / "Images" / f"{i:05}.ppm")
        lines.append(f"{i:05}.ppm;{picture.shape[1]};{picture.shape[0]};{label}")
    write(root / "gtsrb" / "GT-final_test.csv", "\n".join(lines).encode())


DIGITS = tuple("0123456789")
SETS = {
    "MNIST": ("MNIST", {}, make_mnist_like, (1, 28, 28), DIGITS),
    "KMNIST": ("KMNIST", {}, make_mnist_like, (1, 28, 28), ("o", "ki", "su")),
    "FashionMNIST": ("FashionMNIST", {}, make_mnist_like, (1, 28, 28), ("T-shirt/top", "Trouser")),
    "QMNIST": ("QMNIST", {}, make_qmnist, (1, 28, 28), DIGITS),
    "QMNIST, all eight columns": ("QMNIST", {"compat": False}, make_qmnist, (1, 28, 28), DIGITS),
    "EMNIST digits": ("EMNIST", {"split": "digits"}, make_emnist("digits", 0), (1, 28, 28), DIGITS),
    "EMNIST letters": (
        "EMNIST",
        {"split": "letters"},
        make_emnist("letters", 1),
        (1, 28, 28),
        ("a", "b", "c"),
    ),
    "EMNIST balanced": ("EMNIST", {"split": "balanced"}, make_emnist("balanced", 0), (1, 28, 28), DIGITS),
    "USPS": ("USPS", {}, make_usps, (1, 16, 16), DIGITS),
    "SVHN": ("SVHN", {}, make_svhn, (3, 32, 32), DIGITS),
    "CIFAR10": ("CIFAR10", {}, make_cifar, (3, 32, 32), tuple(CIFAR_NAMES)),
    "CIFAR100": ("CIFAR100", {}, make_cifar, (3, 32, 32), tuple(CIFAR_NAMES)),
    "STL10": ("STL10", {}, make_stl10, (3, 96, 96), tuple(CIFAR_NAMES)),
    "GTSRB": ("GTSRB", {"resize": 24}, make_gtsrb, (3, 24, 24), DIGITS),
}


@pytest.mark.parametrize("case", SETS)
def test_a_set_is_loaded_upright_with_its_labels(tmp_path, monkeypatch, case):
    name, keywords, make, shape, names = SETS[case]
    make(tmp_path, name, monkeypatch)
    data = load(name, tmp_path, **keywords)
    assert data.class_names[: len(names)] == names and data.validation is None
    for part, split in data.splits().items():
        assert tuple(split.images.shape) == (len(LABELS[part]), *shape)
        assert sorted(split.labels.tolist()) == sorted(LABELS[part].tolist())
        means = split.images.mean((1, 3))
        # Brighter downwards: not transposed, nor upside down. The steeper the higher the label.
        assert (means.diff(dim=1) >= -1e-6).all()
        order = split.labels.argsort()
        assert (means[order, -1].diff() >= -0.01).all()


def test_resize_makes_sets_of_one_size_another_size_too(tmp_path, monkeypatch):
    make_usps(tmp_path, "USPS", monkeypatch)
    assert load("USPS", tmp_path, resize=28).train.images.shape == (40, 1, 28, 28)
    make_cifar(tmp_path, "CIFAR10", monkeypatch)
    assert load("CIFAR10", tmp_path, resize=28).train.images.shape == (40, 3, 28, 28)


def test_the_part_named_by_split_is_the_training_part(tmp_path, monkeypatch):
    make_svhn(tmp_path, "SVHN", monkeypatch)
    extra = load("SVHN", tmp_path, split="extra")
    assert (len(extra.train), len(extra.test)) == (30, 20)
    with pytest.raises(DataError, match="training and the test images are the same"):
        load("SVHN", tmp_path, split="test")


def test_one_part_for_both_is_refused(tmp_path, monkeypatch):
    make_qmnist(tmp_path, "QMNIST", monkeypatch)
    with pytest.raises(DataError, match="training and the test images are the same"):
        load("QMNIST", tmp_path, what="train")


def nothing(root, name, monkeypatch):
    pass


WORDS = {
    "EMNIST without its split": ("EMNIST", {}, nothing, "split"),
    "EMNIST of an unknown split": ("EMNIST", {"split": "roman"}, nothing, "roman"),
    "an unknown keyword": ("KMNIST", {"spilt": "x"}, make_mnist_like, "spilt"),
    "capitals": ("KMnist", {}, nothing, "did you mean 'KMNIST'"),
    "no such set": ("MINST", {}, nothing, "did you mean 'MNIST'"),
    "not a class": ("utils", {}, nothing, "did you mean"),
    "a function": ("wrap_dataset_for_transforms_v2", {}, nothing, "did you mean 'DatasetFolder'"),
    "train=": ("KMNIST", {"train": True}, make_mnist_like, "train="),
    "transform=": ("KMNIST", {"transform": str}, make_mnist_like, "transform="),
    "GTSRB without a size": ("GTSRB", {}, make_gtsrb, "resize=32"),
    "one piece": ("SEMEION", {}, nothing, "no training and test part"),
    "no set of files": ("ImageFolder", {}, nothing, "no training and test part"),
    "QMNIST of an unknown part": ("QMNIST", {"what": "west"}, make_qmnist, "west"),
    "STL10 of an unknown fold": ("STL10", {"folds": 12}, make_stl10, "folds"),
}


@pytest.mark.parametrize("case", WORDS)
def test_what_is_wrong_is_told_and_the_network_not_blamed(tmp_path, monkeypatch, case):
    name, keywords, make, word = WORDS[case]
    make(tmp_path, name, monkeypatch)
    with pytest.raises((ValueError, DataError)) as error:
        load(name, tmp_path, **keywords)
    text = str(error.value)
    assert word in text and "network" not in text and "server" not in text and "\n" not in text


@pytest.mark.parametrize(
    "name", ["KMNIST", "QMNIST", "USPS", "SVHN", "CIFAR10", "STL10", "GTSRB", "FashionMNIST"]
)
def test_files_that_are_not_there_are_said_to_be_so(tmp_path, name):
    with pytest.raises(DataError) as error:
        load(name, tmp_path / "empty", resize=32)
    text = str(error.value)
    assert name in text and str(tmp_path) in text and "\n" not in text and "server can be reached" in text


TARGETS = {
    "two numbers": np.zeros((4, 2), int),
    "fractions": np.array([0.5, 1.0, 1.5, 2.0]),
    "words": np.array(["cat", "dog", "cat", "dog"]),
    "too few": np.array([0, 1, 0]),
    "none": None,
}


@pytest.mark.parametrize("kind", TARGETS)
def test_targets_that_are_no_classes_are_refused(tmp_path, monkeypatch, kind):
    class Attributes:
        def __init__(self, root, train):
            self.data = np.zeros((4, 8, 8), np.uint8) + train
            self.targets = TARGETS[kind]

    monkeypatch.setattr(datasets, "KMNIST", Attributes)
    with pytest.raises(DataError, match="no class numbers"):
        load("KMNIST", tmp_path)


# Fetching: what servers and machines do --------------------------------------------------

ARCHIVES = {}
SERVED = {}  # name → bytes of whatever else a test has its servers hold


def published():
    """The four compressed files of a made-up MNIST, and the digests under which they are known."""
    if not ARCHIVES:
        import gzip

        for part, prefix in (("train", "train"), ("test", "t10k")):
            for kind, array in (("images-idx3", tell_apart(pictures(part))), ("labels-idx1", LABELS[part])):
                plain = idx(array)
                ARCHIVES[f"{prefix}-{kind}-ubyte.gz"] = (gzip.compress(plain, mtime=0), plain)
    resources = [(name, md5(packed)) for name, (packed, _plain) in ARCHIVES.items()]
    files = {
        f"MNIST/raw/{name[:-3]}": hashlib.sha256(plain).hexdigest()
        for name, (_packed, plain) in ARCHIVES.items()
    }
    return resources, files


class Server:
    """A mirror on this machine that serves the archives, or fails in one way."""

    def __init__(self, way="good"):
        self.way, self.asked, self.open = way, [], threading.Event()
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                mirror.asked.append(self.path)
                mirror.answer(self)

            def log_message(self, *_arguments):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.http.server_port}/"

    def answer(self, request):
        data = SERVED.get(request.path.strip("/")) or ARCHIVES[request.path.strip("/")][0]
        if self.way in ("403", "404", "500"):
            request.send_error(int(self.way))
            return
        if self.way == "hanging":
            self.open.wait(30)
            return
        if self.way == "html":
            data = b"<html>please sign in</html>"
        request.send_response(200)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        if self.way == "cut short":
            data = data[: len(data) // 2]
        if self.way == "stalling":
            request.wfile.write(data[:10])
            self.open.wait(30)
            return
        request.wfile.write(data)

    def __enter__(self):
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_exception):
        self.open.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def mirrors(monkeypatch):
    """A function that starts one mirror for each way of failing, and makes MNIST's class ask them."""
    started = []
    monkeypatch.undo()  # the network is this machine's own
    resources, files = published()
    monkeypatch.setattr(datasets.MNIST, "resources", resources)
    monkeypatch.setattr(torchvision_sets, "PATIENCE", 0.3)
    monkeypatch.setitem(sources.REGISTRY, "tiny", torchvision_set("MNIST", files=files))

    def start(*ways):
        for way in ways:
            started.append(Server(way).__enter__())
        monkeypatch.setattr(datasets.MNIST, "mirrors", [one.address for one in started])
        return started

    yield start
    for one in started:
        one.__exit__()


SAYS = {
    "403": "403 Forbidden",
    "404": "404 Not Found",
    "500": "500 Server Error",
    "hanging": "no answer",
    "stalling": "silence after a few bytes",
    "html": "a page instead of data",
    "cut short": "half of the data",
}
WAYS = list(SAYS)


@pytest.mark.parametrize("way", WAYS)
def test_every_mirror_failing_is_said_and_nothing_is_left_that_is_trusted(tmp_path, mirrors, way):
    servers = mirrors(way, way)
    before = socket.getdefaulttimeout()
    with pytest.raises(DataError, match="connect to the network once") as error:
        load_dataset("tiny", root=tmp_path)
    assert "\n" not in str(error.value)
    assert all(server.asked for server in servers), "the fault was met at every mirror"
    assert socket.getdefaulttimeout() == before
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith("ubyte")]
    # The next time, with servers that work, all is well.
    for server in servers:
        server.way = "good"
    assert len(load_dataset("tiny", root=tmp_path).train) == 40
    observed("Downloads", SAYS[way] + ", every mirror", "told in one sentence; the next load is whole", 2)


@pytest.mark.parametrize("way", WAYS)
def test_the_second_mirror_is_asked_where_the_first_fails(tmp_path, mirrors, way):
    first, second = mirrors(way, "good")
    assert len(load_dataset("tiny", root=tmp_path).train) == 40
    assert first.asked and second.asked
    observed("Downloads", SAYS[way] + ", the first mirror", "fetched from the second")


def gzipped(path):
    import gzip

    return gzip.compress(path.read_bytes(), mtime=0)


def offer_mnist_like(made, name, address, monkeypatch):
    make_mnist_like(made, name, monkeypatch)
    raw = made / name / "raw"
    SERVED.update({f"{path.name}.gz": gzipped(path) for path in raw.iterdir()})
    kind = getattr(datasets, name)
    order = [file for file, _md5 in datasets.MNIST.resources]
    monkeypatch.setattr(kind, "resources", [(file, md5(SERVED[file])) for file in order])
    monkeypatch.setattr(kind, "mirrors", [address])


def offer_qmnist(made, name, address, monkeypatch):
    make_qmnist(made, name, monkeypatch)
    SERVED.update({f"{path.name}.gz": gzipped(path) for path in (made / "QMNIST" / "raw").iterdir()})
    resources = {
        part: [
            (f"{address}{file}", md5(SERVED[file]))
            for file in (f"qmnist-{part}-images-idx3-ubyte.gz", f"qmnist-{part}-labels-idx2-int.gz")
        ]
        for part in ("train", "test")
    }
    monkeypatch.setattr(datasets.QMNIST, "resources", resources)


def offer_split_list(make):
    def offer(made, name, address, monkeypatch):
        made.mkdir()
        make(made, name, monkeypatch)
        kind = getattr(datasets, name)
        SERVED.update({path.name: path.read_bytes() for path in made.iterdir()})
        entries = {part: [address + entry[1], *entry[1:]] for part, entry in kind.split_list.items()}
        monkeypatch.setattr(kind, "split_list", entries)

    return offer


def offer_cifar(made, name, address, monkeypatch):
    import io
    import tarfile

    make_cifar(made, name, monkeypatch)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        tar.add(made / datasets.CIFAR10.base_folder, datasets.CIFAR10.base_folder)
    SERVED[datasets.CIFAR10.filename] = archive.getvalue()
    monkeypatch.setattr(datasets.CIFAR10, "url", address + datasets.CIFAR10.filename)
    monkeypatch.setattr(datasets.CIFAR10, "tgz_md5", md5(archive.getvalue()))


DOWNLOADERS = {
    "FashionMNIST": offer_mnist_like,
    "KMNIST": offer_mnist_like,
    "QMNIST": offer_qmnist,
    "USPS": offer_split_list(make_usps),
    "SVHN": offer_split_list(make_svhn),
    "CIFAR10": offer_cifar,
}


@pytest.mark.proof
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", DOWNLOADERS)
def test_every_downloader_survives_every_way_of_failing(tmp_path, mirrors, monkeypatch, name, way):
    (server,) = mirrors(way)
    monkeypatch.setitem(sources.REGISTRY, "mine", torchvision_set(name))
    SERVED.clear()
    try:
        DOWNLOADERS[name](tmp_path / "made", name, server.address, monkeypatch)
        with pytest.raises(DataError) as error:
            load_dataset("mine", root=tmp_path / "root")
        assert "\n" not in str(error.value) and str(tmp_path / "root") in str(error.value)
        assert server.asked, "the fault was met"
        server.way = "good"
        server.open.set()
        assert len(load_dataset("mine", root=tmp_path / "root").train) == 40
    finally:
        SERVED.clear()
    observed("Downloads", f"{name}: {SAYS[way]}", "told in one sentence; the next load is whole")


def test_a_whole_set_is_read_without_asking_anybody(tmp_path, mirrors):
    (server,) = mirrors("good")
    load_dataset("tiny", root=tmp_path)
    asked = len(server.asked)
    assert asked >= 4
    load_dataset("tiny", root=tmp_path)
    assert len(server.asked) == asked


def test_a_full_disk_is_said_and_leaves_nothing_that_is_trusted(tmp_path, mirrors, monkeypatch):
    mirrors("good")
    write_archive = datasets.utils._decompress
    times = []

    def full(path, *arguments, **keywords):
        times.append(path)
        if len(times) == 2:
            (tmp_path / "MNIST/raw" / str(path).rpartition("/")[2][:-3]).write_bytes(b"half")
            raise OSError(28, "No space left on device")
        return write_archive(path, *arguments, **keywords)

    monkeypatch.setattr(datasets.utils, "_decompress", full)
    with pytest.raises(DataError, match="No space left on device.*point LENET_DATA at another folder"):
        load_dataset("tiny", root=tmp_path)
    assert len(times) == 2 and not list(tmp_path.rglob("*ubyte"))
    monkeypatch.setattr(datasets.utils, "_decompress", write_archive)
    assert len(load_dataset("tiny", root=tmp_path).train) == 40
    observed("Disk full", "while MNIST is unpacked", "told in one sentence; the next load is whole")


def test_a_folder_that_cannot_be_written_is_said(tmp_path, mirrors):
    mirrors("good")
    (tmp_path / "data").write_bytes(b"a file in the way")
    with pytest.raises(DataError) as error:
        load_dataset("tiny", root=tmp_path / "data")
    assert str(tmp_path / "data") in str(error.value)


FETCH = """
import sys
from torchvision import datasets
from lenet_helpers import load_dataset
from lenet_helpers.sources import REGISTRY, torchvision_set
datasets.MNIST.mirrors, datasets.MNIST.resources, files = {mirrors!r}, {resources!r}, {files!r}
REGISTRY["tiny"] = torchvision_set("MNIST", files=files)
print(len(load_dataset("tiny", root={root!r}).train))
"""


def fetching(root):
    resources, files = published()
    code = FETCH.format(mirrors=datasets.MNIST.mirrors, resources=resources, files=files, root=str(root))
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_two_processes_at_once_fetch_it_once(tmp_path, mirrors):
    (server,) = mirrors("good")
    both = [fetching(tmp_path), fetching(tmp_path)]
    outputs = [one.communicate(timeout=120) for one in both]
    assert [out.strip() for out, _err in outputs] == [b"40", b"40"], outputs
    assert len([path for path in server.asked if "train-images" in path]) <= 2  # asked where, then fetched
    observed("Two at once", "two processes fetch MNIST", "fetched once, whole for both")


def test_killed_in_the_midst_of_a_download_the_next_one_mends_it(tmp_path, mirrors):
    (server,) = mirrors("stalling")
    one = fetching(tmp_path)
    until = time.monotonic() + 60
    while len(server.asked) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    one.kill()
    one.communicate()
    assert len(server.asked) >= 2, "it was killed while it waited for the rest of a file"
    server.way = "good"
    server.open.set()
    assert len(load_dataset("tiny", root=tmp_path).train) == 40
    observed("Killed", "in the midst of a download", "the next load is whole")


# Any bytes -------------------------------------------------------------------------------


def idx_is_read_or_named(folder, data, which):
    raw = folder / "KMNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    good = {
        "train-images-idx3-ubyte": idx(tell_apart(pictures("train"))),
        "train-labels-idx1-ubyte": idx(LABELS["train"]),
        "t10k-images-idx3-ubyte": idx(pictures("test")),
        "t10k-labels-idx1-ubyte": idx(LABELS["test"]),
    }
    for name, content in good.items():
        (raw / name).write_bytes(data if name.startswith(which) else content)
    sources.REGISTRY["mine"] = torchvision_set("KMNIST", download=False)
    try:
        found = load_dataset("mine", root=folder)
    except (DataError, ValueError) as error:
        assert "\n" not in str(error) and len(str(error)) < 1000
    else:
        assert found.train.images.ndim == 4 and len(found.train) == len(found.train.labels)


any_idx = st.one_of(
    st.binary(max_size=64),
    st.builds(
        lambda kind, sizes, body: struct.pack(f">HBB{len(sizes)}I", 0, kind, len(sizes), *sizes) + body,
        st.integers(0, 20),
        st.lists(st.integers(0, 50), max_size=4),
        st.binary(max_size=300),
    ),
)
which_file = st.sampled_from(["train-images", "train-labels", "t10k-images", "t10k-labels"])


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=any_idx, which=which_file)
def test_any_idx_file_is_read_or_named(tmp_path, data, which):
    idx_is_read_or_named(tmp_path, data, which)


@pytest.mark.proof
@settings(max_examples=3000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=any_idx, which=which_file)
def test_any_idx_file_is_read_or_named_for_long(tmp_path, data, which):
    idx_is_read_or_named(tmp_path, data, which)
    observed("Anything for a parser", "an idx file", "read, or told in one sentence")
