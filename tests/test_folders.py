"""Folders mean what people mean: what is a class, what a split, what nobody put there on purpose."""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lenet_helpers import explorers, load_dataset, sources
from lenet_helpers.figures.plots import image_grid
from lenet_helpers.figures.training import show_batch, show_hardest
from lenet_helpers.figures.tuning import show_augmented
from lenet_helpers.models import LeNetConfig, LeNetVariant, fit_to
from lenet_helpers.sources import DataError, Pixels, Source, image_folder
from lenet_helpers.tuning.session import TrainingSession


def fill(folder, n, level=None, size=(6, 6)):
    """n pictures in a folder; picture i is of the grey level `level`, or of 10·i."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        Image.fromarray(np.full(size, 10 * i if level is None else level, np.uint8)).save(
            folder / f"{i:02}.png"
        )


@pytest.fixture
def root(tmp_path):
    """Two classes of ten pictures each."""
    for name in "ab":
        fill(tmp_path / name, 10)
    return tmp_path


def load(root, *, quiet=True, validation=None, **settings):
    sources.REGISTRY["mine"] = image_folder(root, **{"size": 6} | settings)
    with warnings.catch_warnings():
        warnings.simplefilter("error" if quiet else "ignore")
        return load_dataset("mine", scaling="unit", validation=validation)


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    monkeypatch.setattr(sources, "REGISTRY", dict(sources.REGISTRY))
    monkeypatch.setattr("lenet_helpers.data.REGISTRY", sources.REGISTRY)


def sizes(data):
    return {name: len(split) for name, split in data.splits().items()}


STRAY_FOLDERS = [
    ".ipynb_checkpoints", "__MACOSX", ".git", ".Trash-1000", "@eaDir", "$RECYCLE.BIN",
    "System Volume Information", ".thumbnails", "lost+found", ".venv",
]  # fmt: skip
STRAY_FILES = ["._00.png", ".DS_Store", "Thumbs.db", "desktop.ini", ".hidden.png", "ehthumbs.db", "Icon\r"]


@pytest.mark.parametrize("name", STRAY_FOLDERS)
@pytest.mark.parametrize("place", ["", "a", "a/deeper"])
def test_what_the_system_put_there_is_no_class_and_no_picture(root, name, place):
    stray = root / place / name
    stray.mkdir(parents=True)
    (stray / "0-checkpoint.png").write_bytes((root / "a" / "00.png").read_bytes())
    (stray / "._a").write_bytes(b"\0\5\x16\7Mac OS X")
    data = load(root)
    assert data.class_names == ("a", "b") and sizes(data) == {"train": 16, "test": 4}


@pytest.mark.parametrize("name", STRAY_FILES)
@pytest.mark.parametrize("place", ["", "a", "b"])
def test_hidden_files_are_passed_over(root, name, place):
    (root / place / name).write_bytes(b"\0\5\x16\7 not a picture")
    assert sizes(load(root)) == {"train": 16, "test": 4}


def test_empty_stray_folders_and_pictures_beside_the_classes(root):
    (root / ".ipynb_checkpoints").mkdir()
    Image.new("L", (6, 6)).save(root / "overview.png")
    assert load(root).class_names == ("a", "b")


def test_files_that_are_no_pictures_are_left_out_and_that_is_said(root):
    for name in ("notes.txt", "photo.heic", "more.heic", "README"):
        (root / "a" / name).write_bytes(b"x")
    with pytest.warns(
        UserWarning, match=r"4 files that are no pictures are left out \(.heic, .txt, README\)"
    ):
        sources.REGISTRY["mine"] = image_folder(root)
        assert sizes(load_dataset("mine")) == {"train": 16, "test": 4}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no such files here")
def test_a_pipe_is_not_waited_for_and_links_are_followed(root, tmp_path_factory):
    os.mkfifo(root / "a" / "pipe.png")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    fill(elsewhere, 10)
    (root / "c").symlink_to(elsewhere)
    (root / "a" / "linked.png").symlink_to(elsewhere / "00.png")
    with pytest.warns(UserWarning, match=r"1 files that are no pictures are left out \(.png\)"):
        sources.REGISTRY["mine"] = image_folder(root)
        data = load_dataset("mine")
    assert data.class_names == ("a", "b", "c") and sizes(data) == {"train": 25, "test": 6}


LAYOUTS = {
    "train and test": ({"train": 4, "test": 3}, {"train": 8, "test": 6}),
    "all three": ({"train": 4, "val": 2, "test": 3}, {"train": 8, "validation": 4, "test": 6}),
    "capitals": ({"Train": 4, "Test": 3}, {"train": 8, "test": 6}),
    "long names": (
        {"training": 4, "validation": 2, "testing": 3},
        {"train": 8, "validation": 4, "test": 6},
    ),
    "valid": ({"train": 4, "valid": 1, "test": 3}, {"train": 8, "validation": 2, "test": 6}),
    "no test": ({"train": 10, "val": 2}, {"train": 16, "validation": 4, "test": 4}),
    "train alone": ({"train": 10}, {"train": 16, "test": 4}),
    "a picture each": ({"train": 1, "test": 1}, {"train": 2, "test": 2}),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_splits_are_recognised(tmp_path, layout):
    counts, expected = LAYOUTS[layout]
    for level, (part, n) in enumerate(counts.items(), 1):
        for name in ("cat", "dog"):
            fill(tmp_path / part / name, n, level=level)
    (tmp_path / "__MACOSX").mkdir()
    data = load(tmp_path)
    assert data.class_names == ("cat", "dog") and sizes(data) == expected
    # Every picture of a split shows the split it came from.
    levels = {part: i for i, part in enumerate(counts, 1)}
    for part, split in data.splits().items():
        own = [level for name, level in levels.items() if name.lower().startswith(part[:3])]
        assert split.images.mul(255).round().unique().tolist() == (own or [1])
        assert torch.bincount(split.labels).tolist() == [len(split) // 2] * 2


def test_validation_images_of_the_folder_are_chosen_from_alone(tmp_path):
    for level, part in enumerate(("train", "val", "test"), 1):
        for name in "ab":
            fill(tmp_path / part / name, 6, level=level)
    fewer = load(tmp_path, validation=4)
    assert sizes(fewer) == {"train": 12, "validation": 4, "test": 12}
    assert fewer.validation.images.mul(255).round().unique().tolist() == [2]
    assert sizes(load(tmp_path, validation=0)) == {"train": 12, "test": 12}
    with pytest.raises(ValueError, match="validation=13: choose 0 to 12"):
        load(tmp_path, validation=13)


def test_a_class_called_train_beside_others_is_a_class(tmp_path):
    for name in ("train", "plane", "car"):
        fill(tmp_path / name, 5)
    assert load(tmp_path).class_names == ("car", "plane", "train")


def test_numbers_are_ordered_by_size(tmp_path):
    for name in range(12):
        fill(tmp_path / str(name), 2, level=name)
    data = load(tmp_path)
    assert data.class_names == tuple(map(str, range(12)))
    assert torch.equal(data.train.images[:, 0, 0, 0].mul(255).round().long(), data.train.labels)


def one_class(root):
    for i in range(10):
        (root / "b" / f"{i:02}.png").unlink()
    (root / "b").rmdir()


def wrapped(root):
    inner = root / "leaves"
    inner.mkdir()
    for name in "ab":
        (root / name).rename(inner / name)


def empty_class(root):
    (root / "c").mkdir()


def one_picture(root):
    fill(root / "c", 1)


def no_class_folders(root):
    for name in "ab":
        for file in (root / name).iterdir():
            file.rename(root / f"{name}{file.name}")
        (root / name).rmdir()


def class_only_in_test(root):
    for part in ("train", "test"):
        for name in "ab":
            fill(root / part / name, 2)
    fill(root / "test" / "c", 2)
    for name in "ab":
        for file in (root / name).iterdir():
            file.unlink()
        (root / name).rmdir()


def splits_beside_classes(root):
    for part in ("train", "test"):
        for name in "ab":
            fill(root / part / name, 2)


def splits_without_classes(root):
    for name, part in (("a", "train"), ("b", "test")):
        (root / name).rename(root / part)


def tests_without_training(root):
    for name, part in (("a", "val"), ("b", "test")):
        (root / "x").mkdir(exist_ok=True)
        (root / name).rename(root / "x" / name)
        fill(root / part / "a", 2)
        fill(root / part / "b", 2)
    for file in (root / "x").rglob("*.png"):
        file.unlink()
    for folder in ("a", "b", ""):
        (root / "x" / folder).rmdir()


def a_loop(root):
    (root / "c").symlink_to(root)


def a_loop_above(root):
    (root / "c").symlink_to(root.parent)


def a_link_to_nowhere(root):
    (root / "a" / "z.png").symlink_to(root / "nowhere.png")


def no_pictures_at_all(root):
    for file in root.rglob("*.png"):
        file.rename(file.with_suffix(".heic"))


REFUSED = {
    one_class: "at least two",
    wrapped: "give that one",
    empty_class: "class c has no pictures",
    one_picture: "class c has one picture",
    no_class_folders: "at least two",
    class_only_in_test: "a class that the training images lack",
    splits_beside_classes: "a, b beside the folder train",
    splits_without_classes: "no subfolders in it",
    tests_without_training: "no folder train",
    a_loop: "c: a link to a folder that it lies in itself; delete the link",
    a_loop_above: "c: a link to a folder that it lies in itself",
    a_link_to_nowhere: "z.png: could not be read as a picture",
    no_pictures_at_all: "class a has no pictures",
}


@pytest.mark.parametrize("spoil", REFUSED, ids=lambda spoil: spoil.__name__)
def test_what_cannot_be_meant_is_said_in_one_sentence(root, spoil):
    spoil(root)
    with pytest.raises(DataError, match=REFUSED[spoil]) as error:
        load(root)
    assert str(root) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (dict(size=0), "size=0"),
        (dict(size=-3), "size=-3"),
        (dict(size=2.5), "size=2.5"),
        (dict(size="28"), "size='28'"),
        (dict(size=(28, 28)), "size=(28, 28)"),
        (dict(size=None), "size=None"),
        (dict(channels=2), "channels=2"),
        (dict(channels=4), "channels=4"),
        (dict(channels="RGB"), "channels='RGB'"),
        (dict(test_share=0), "test_share=0"),
        (dict(test_share=1), "test_share=1"),
        (dict(test_share=1.2), "test_share=1.2"),
        (dict(test_share=-0.2), "test_share=-0.2"),
        (dict(test_share="20%"), "test_share='20%'"),
        (dict(background=300), "background=300"),
        (dict(background="white"), "background='white'"),
        (dict(white=0), "white=0"),
        (dict(white=float("nan")), "white=nan"),
        (dict(validation=16), "validation=16: choose 0 to 15"),
        (dict(validation=0.2), "validation=0.2"),
        (dict(validation=-1), "validation=-1"),
    ],
)
def test_a_wrong_setting_is_named_in_one_sentence(root, settings, words):
    sources.REGISTRY["mine"] = image_folder(root, **settings)
    with pytest.raises(ValueError) as error:
        load_dataset("mine")
    assert words in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.2, 0.34, 0.5, 0.75, 0.99])
def test_shares_of_every_class_never_all_never_none(tmp_path, share):
    for name, n in (("a", 2), ("b", 7), ("c", 30)):
        fill(tmp_path / name, n, level=0)
    data = load(tmp_path, test_share=share)
    train, test = (torch.bincount(split.labels, minlength=3) for split in (data.train, data.test))
    assert (train + test).tolist() == [2, 7, 30] and train.min() >= 1 and test.min() >= 1
    assert abs(int(test[2]) - 30 * share) <= 1


def test_a_file_or_nothing_where_the_folder_should_be(root, tmp_path):
    (root / "pictures.zip").write_bytes(b"PK")
    for path, word in ((root / "pictures.zip", "unpack"), (root / "gone", "no such folder")):
        with pytest.raises(DataError, match=word) as error:
            load(path)
        assert str(path) in str(error.value)


def test_home_spaces_and_other_scripts_in_the_path(root, tmp_path, monkeypatch):
    home = tmp_path / "home"
    (home / "我的 图片").mkdir(parents=True)
    for name in "ab":
        (root / name).rename(home / "我的 图片" / name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    assert load("~/我的 图片").class_names == ("a", "b")
    monkeypatch.chdir(home)
    assert load("我的 图片").class_names == load(Path("我的 图片")).class_names == ("a", "b")


# Data sets of other shapes ---------------------------------------------------------------


def made_up(channels, height, width, validation=60, classes=10):
    """A data set of noise with `validation` images set aside."""
    rng = np.random.default_rng(0)

    def images(n):
        return rng.integers(0, 256, (n, channels, height, width)).astype(np.uint8)

    names = tuple(str(label) for label in range(classes))
    pixels = Pixels(images(320), np.arange(320) % classes, images(60), np.arange(60) % classes, names)
    sources.REGISTRY["noise"] = Source(lambda _root: pixels, validation, "noise")
    return load_dataset("noise")


SHAPES = {
    "USPS": (1, 16, 16),
    "CIFAR": (3, 32, 32),
    "colour digits": (3, 28, 28),
    "not square": (1, 20, 28),
    "tiny": (1, 8, 8),
    "digits": (1, 28, 28),
}


def probabilities(split, classes):
    generator = torch.Generator().manual_seed(0)
    return torch.softmax(torch.randn(len(split), classes, generator=generator), 1)


def snapshot(dataset):
    return LeNetVariant(fit_to(dataset, LeNetConfig(padding=2)))


def press(explorer):
    """Use what can be used: every button once, every slider to its end; then show it."""
    if explorer.prediction:
        explorer.prediction.skip.click()
    for control in explorer.controls.values():
        if hasattr(control, "max") and isinstance(control.value, int | float):
            control.value = control.max
        if hasattr(control, "click"):
            control.click()
    assert explorer.error.value == "", explorer.error.value
    return explorer._repr_mimebundle_()


FIGURES = {
    "GalleryExplorer": lambda d: press(explorers.GalleryExplorer(d)),
    "PixelExplorer": lambda d: press(explorers.PixelExplorer(d)),
    "PermutationExplorer": lambda d: press(explorers.PermutationExplorer(d)),
    "EquivarianceExplorer": lambda d: press(explorers.EquivarianceExplorer(d)),
    "KernelGallery": lambda d: press(explorers.KernelGallery(d)),
    "ChannelsExplorer": lambda d: press(explorers.ChannelsExplorer(d.to_unit(d.train.images)[0])),
    "ReceptiveFieldExplorer": lambda d: press(explorers.ReceptiveFieldExplorer(d.to_unit(d.train.images))),
    "ActivationExplorer": lambda d: press(explorers.ActivationExplorer(d.train)),
    "LoopExplorer": lambda d: press(explorers.LoopExplorer(d)),
    "ConfusionExplorer": lambda d: press(
        explorers.ConfusionExplorer(probabilities(d.test, len(d.class_names)), d.test, d.class_names)
    ),
    "FeatureMapExplorer": lambda d: press(explorers.FeatureMapExplorer([(0, snapshot(d))], d.test)),
    "show_batch": lambda d: show_batch(d.train, d.class_names),
    "show_hardest": lambda d: show_hardest(probabilities(d.test, len(d.class_names)), d.test, d.class_names),
    "show_augmented": lambda d: show_augmented(d, shift=0.1, rotation=10.0),
    "image_grid": lambda d: image_grid(d.train.images[:6]),
    "TrainingDashboard": lambda d: explorers.TrainingDashboard(d),
    "TuningLab": lambda d: explorers.TuningLab(d),
    "TrainingSession": lambda d: TrainingSession(d),
}


def sample(*rows):
    """Every pair of two rows; of three, two are left to `make proof-training`."""
    return [
        pytest.param(a, b, marks=[pytest.mark.proof] * ((i + j) % 3 > 0))
        for i, a in enumerate(rows[0])
        for j, b in enumerate(rows[1])
    ]


@pytest.mark.parametrize("name, shape", sample(FIGURES, SHAPES))
def test_a_figure_draws_every_shape_or_says_why_not(name, shape):
    data = made_up(*SHAPES[shape])
    try:
        FIGURES[name](data)
    except ValueError as error:
        assert shape != "digits", "these it must draw"
        text = str(error)
        assert "broadcast" not in text and "reshape" not in text and "\n" not in text
        assert any(word in text for word in ("×", "shape", "grey", "class")), text


@pytest.mark.parametrize("name, classes", sample(FIGURES, [3, 40, 11]))
def test_a_figure_draws_every_number_of_classes_or_says_why_not(name, classes):
    try:
        FIGURES[name](made_up(1, 28, 28, classes=classes))
    except ValueError as error:
        assert "class" in str(error) and "\n" not in str(error)


WITHOUT = {name: make for name, make in FIGURES.items() if name != "TuningLab"}


@pytest.mark.parametrize("name", WITHOUT)
def test_without_validation_images_everything_else_works(name):
    WITHOUT[name](made_up(1, 28, 28, validation=0))


@pytest.mark.parametrize(
    "start",
    [
        lambda d: explorers.TuningLab(d),
        lambda d: d.require_validation(),
    ],
    ids=["TuningLab", "require_validation"],
)
def test_what_needs_a_validation_split_says_so_before_anything_starts(start):
    data = made_up(1, 28, 28, validation=0)
    with pytest.raises(ValueError, match="needs a validation split.*load_dataset.'noise', validation=53."):
        start(data)
    assert start(made_up(1, 28, 28)) is not None


def test_a_training_folder_with_one_class_is_told(tmp_path, monkeypatch):
    """Found by the fuzz: the class was looked for beside the folder train, not in it."""
    (tmp_path / "train" / "test").mkdir(parents=True)
    monkeypatch.setitem(sources.REGISTRY, "mine", image_folder(tmp_path))
    with pytest.raises(DataError, match="class folders found: test; a data set needs at least two"):
        load_dataset("mine")
