import numpy as np
import pytest
import torch

from lenet_helpers import Dataset, Split, batches, load_dataset, sources
from lenet_helpers.data import split_by_class


@pytest.fixture(scope="module")
def digits():
    return load_dataset()


def test_the_default_is_3000_1000_1000_in_equal_shares(digits):
    assert digits.name == "mnist-5k"
    assert {name: len(split) for name, split in digits.splits().items()} == {
        "train": 3000,
        "validation": 1000,
        "test": 1000,
    }
    for split, share in zip(digits.splits().values(), (300, 100, 100)):
        assert torch.bincount(split.labels).tolist() == [share] * 10
        assert split.images.shape == (10 * share, 1, 28, 28) and split.images.dtype == torch.float32


def test_no_image_is_in_two_splits(digits):
    rows = torch.cat([digits.to_unit(s.images) for s in digits.splits().values()]).mul(255).round().byte()
    # Counting distinct pictures: MNIST's first 5,848 hold no two alike.
    assert len({row.numpy().tobytes() for row in rows}) == 5000


def test_another_seed_moves_train_and_validation_but_never_the_test(digits):
    other = load_dataset(seed=1)
    pixels = lambda data, name: {
        i.numpy().tobytes() for i in data.to_unit(data.splits()[name].images).mul(255).round().byte()
    }
    assert pixels(other, "test") == pixels(digits, "test")
    assert pixels(other, "train") != pixels(digits, "train")
    assert torch.equal(load_dataset(seed=1).train.images, other.train.images)


def test_standard_scaling_uses_the_training_split_alone(digits):
    assert (
        digits.train.images.mean().abs() < 1e-5 and (digits.train.images.std(correction=0) - 1).abs() < 1e-5
    )
    assert digits.test.images.mean().abs() > 1e-4  # not scaled by its own numbers
    assert digits.background == pytest.approx(-digits.mean / digits.std)
    assert digits.train.images.min().item() == pytest.approx(digits.background, abs=1e-6)


def test_the_other_scalings():
    half, unit = load_dataset(scaling="half"), load_dataset(scaling="unit")
    assert (half.train.images.min(), half.train.images.max(), half.background) == (-1, 1, -1)
    assert (unit.train.images.min(), unit.train.images.max(), unit.background) == (0, 1, 0)
    torch.testing.assert_close(half.to_unit(half.test.images), unit.test.images)
    torch.testing.assert_close(half.from_unit(unit.test.images), half.test.images)


def test_fewer_training_images_stay_stratified():
    few = load_dataset(n_train=105, validation=50)
    counts = torch.bincount(few.train.labels)
    assert len(few.train) == 105 and counts.min() >= 10 and counts.max() <= 11
    assert len(few.validation) == 50 and len(few.test) == 1000


def test_without_validation_all_the_rest_is_for_training():
    classic = load_dataset(validation=0)
    assert classic.validation is None and len(classic.train) == 4000


@pytest.mark.parametrize("n_train, share", [(None, 666), (12, 2), (11, 1), (3, 1)])
def test_where_validation_is_missing_a_sixth_is_proposed(n_train, share):
    with pytest.raises(ValueError, match=rf"load_dataset\('mnist-5k', validation={share}\)$"):
        load_dataset(validation=0, n_train=n_train).require_validation()


def test_validation_images_of_the_files_own_cost_no_training_image(monkeypatch):
    def pixels(n, level):
        return np.full((n, 1, 4, 4), level, np.uint8), np.arange(n) % 2

    train, own, test = pixels(10, 10), pixels(6, 20), pixels(4, 30)
    raw = sources.Pixels(*train, *test, ("even", "odd"), *own)
    monkeypatch.setitem(sources.REGISTRY, "three", sources.Source(lambda _root: raw, 3, "made up"))
    for how, sizes in (
        ({}, [10, 6, 4]),
        (dict(validation=6, n_train=10), [10, 6, 4]),
        (dict(validation=4, n_train=1), [1, 4, 4]),
        (dict(validation=0), [10, 4]),
    ):
        splits = load_dataset("three", scaling="unit", **how).splits()
        assert [len(split) for split in splits.values()] == sizes
        for name, level in (("train", 10), ("validation", 20), ("test", 30)):
            assert name not in splits or (splits[name].images * 255).round().unique().tolist() == [level]
    assert load_dataset("three", validation=4).validation.labels.tolist() == [0, 1] * 2, "in equal shares"
    half = sources.Pixels(*train, *test, ("even", "odd"), own[0])  # images without their labels are none
    monkeypatch.setitem(sources.REGISTRY, "half", sources.Source(lambda _root: half, 3, "made up"))
    assert [len(split) for split in load_dataset("half").splits().values()] == [7, 3, 4]
    with pytest.raises(ValueError, match="validation=7: choose 0 to 6"):
        load_dataset("three", validation=7)
    with pytest.raises(ValueError, match="n_train=11: choose 1 to 10"):
        load_dataset("three", n_train=11)


def test_split_by_class_with_uneven_classes():
    labels = np.repeat([0, 1, 2], [600, 60, 6])
    train, validation = split_by_class(labels, None, 111, seed=0)
    assert len(train) == 555 and not set(train) & set(validation)
    shares = np.bincount(labels[validation], minlength=3)
    assert abs(shares[0] - 100) <= 1 and abs(shares[1] - 10) <= 1 and shares[2] == 1


@pytest.mark.parametrize(
    "arguments, words",
    [
        (dict(name="mnits"), "load_dataset('mnits'): choose one of mnist-5k, mnist"),
        (dict(validation=-1), "validation=-1: choose 0 to 3999"),
        (dict(validation=4000), "validation=4000: choose 0 to 3999"),
        (dict(n_train=0), "n_train=0: choose 1 to 3000"),
        (dict(n_train=3001), "n_train=3001: choose 1 to 3000 (4000 training images are available)"),
        (dict(n_train=2.5), "n_train=2.5: choose"),
        (dict(scaling="zscore"), "scaling='zscore': choose one of standard, half, unit"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(ValueError) as error:
        load_dataset(**arguments)
    assert str(error.value).startswith(words)


def images(n=4, dtype=torch.float32, shape=(1, 5, 7)):
    return torch.zeros(n, *shape, dtype=dtype)


@pytest.mark.parametrize(
    "pair, words",
    [
        ((images(dtype=torch.uint8), torch.zeros(4, dtype=torch.int64)), "torch.uint8: give float32"),
        ((images(shape=(5, 7)), torch.zeros(4, dtype=torch.int64)), "images of shape (4, 5, 7)"),
        ((images(), torch.zeros(3, dtype=torch.int64)), "labels of shape (3,)"),
        ((images(), torch.zeros(4)), "give int64 of shape (4,)"),
    ],
)
def test_wrong_shapes_and_types_are_named(pair, words):
    with pytest.raises(ValueError) as error:
        Split(*pair)
    assert words in str(error.value)


def dataset_with(labels, n=4):
    good = Split(images(), torch.tensor([0, 1, 2, 2]))
    return Dataset(
        "mine",
        good,
        Split(images(n), torch.tensor(labels, dtype=torch.int64)),
        good,
        ("a", "b", "c"),
        "made up",
    )


@pytest.mark.parametrize(
    "labels, n, words",
    [
        ([0, 1, 2, 3], 4, "label 3 in the validation split; labels count the 3 classes from 0 to 2"),
        ([0, -1, 2, 1], 4, "label -1 in the validation split"),
        ([], 0, "mine: the validation split is empty"),
    ],
)
def test_labels_out_of_range_and_empty_splits_are_named(labels, n, words):
    with pytest.raises(ValueError) as error:
        dataset_with(labels, n)
    assert words in str(error.value)


def test_batches_in_order_with_an_uneven_last_one(digits):
    split = digits.train[:10]
    sizes, seen = [], []
    for x, y in batches(split, 4):
        sizes.append(len(x))
        seen.append(y)
    assert sizes == [4, 4, 2] and torch.equal(torch.cat(seen), split.labels)


def test_shuffled_batches_hold_every_image_once_with_its_label():
    split = Split(torch.arange(11.0).reshape(11, 1, 1, 1), torch.arange(11))
    generator = torch.Generator().manual_seed(3)
    first, second = ([(x.flatten(), y) for x, y in batches(split, 3, generator)] for _again in range(2))
    assert sorted(torch.cat([y for _x, y in first]).tolist()) == list(range(11))
    assert all(torch.equal(x, y.float()) for x, y in first)
    assert [y.tolist() for _x, y in first] != [y.tolist() for _x, y in second]
    again = [y.tolist() for _x, y in batches(split, 3, torch.Generator().manual_seed(3))]
    assert again == [y.tolist() for _x, y in first]


@pytest.mark.parametrize("size", [0, -1, 12, 2.5, True])
def test_a_batch_size_out_of_range_is_named(size):
    split = Split(images(11), torch.zeros(11, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"choose 1 to 11 \(the split has 11 images\)"):
        list(batches(split, size))


def test_a_single_image_makes_a_split():
    split = Split(images(1), torch.zeros(1, dtype=torch.int64))
    assert [len(y) for _x, y in batches(split, 1)] == [1] and len(split[:1]) == 1


def test_a_data_set_that_says_nothing_of_its_scale_is_in_unit_pixels():
    mine, some = dataset_with([0, 1, 2, 1]), torch.tensor([0.0, 0.25, 1.0])
    assert torch.equal(mine.to_unit(some), some) and torch.equal(mine.from_unit(some), some)
