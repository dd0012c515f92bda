import hashlib
import pathlib
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ae import datasets
from keras_ae.datasets import omniglot
from keras_ae.utils import seeds


def digest(x):
    return hashlib.sha256(np.ascontiguousarray(x)).hexdigest()[:16]


@pytest.fixture
def fake_mnist():
    rng = np.random.default_rng(0)
    images = lambda n: rng.integers(0, 256, (n, 28, 28)).astype("uint8")  # noqa: E731
    return {
        "x_train": images(6),
        "y_train": np.arange(6, dtype="uint8"),
        "x_test": images(4),
        "y_test": np.arange(4, dtype="uint8"),
    }


@pytest.fixture
def offline(monkeypatch, tmp_path):
    def refuse(*args, **kwargs):
        raise Exception("URL fetch failure on https://...: None -- no network")

    monkeypatch.delenv("KERAS_AE_DATA", raising=False)
    for name in ("mnist", "fashion_mnist"):
        monkeypatch.setattr(getattr(keras.datasets, name), "load_data", refuse)
    monkeypatch.setattr(keras.utils, "get_file", refuse)


@pytest.mark.parametrize(
    "name, train, test, size", [("mnist_5k", 4000, 1000, 28), ("digits", 1437, 360, 8)]
)
def test_sets_that_need_no_network(name, train, test, size):
    (x_train, y_train), (x_test, y_test) = datasets.load(name)
    assert x_train.shape == (train, size, size, 1) and x_test.shape == (test, size, size, 1)
    assert y_train.shape == (train,) and y_test.shape == (test,)
    assert all(array.dtype == np.uint8 for array in (x_train, y_train, x_test, y_test))
    assert x_train.min() == 0 and x_train.max() == 255
    assert set(y_train) == set(y_test) == set(range(10))
    if name == "mnist_5k":
        assert np.bincount(y_test).tolist() == [100] * 10


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_folder_of_the_environment_variable_comes_first(
    name, fake_mnist, offline, monkeypatch, tmp_path
):
    np.savez(tmp_path / f"{name}.npz", **fake_mnist)
    monkeypatch.setenv("KERAS_AE_DATA", str(tmp_path))
    (x_train, y_train), (x_test, y_test) = datasets.load(name)
    np.testing.assert_array_equal(x_train[..., 0], fake_mnist["x_train"])
    np.testing.assert_array_equal(x_test[..., 0], fake_mnist["x_test"])
    assert (
        x_train.shape == (6, 28, 28, 1)
        and y_train.tolist() == [0, 1, 2, 3, 4, 5]
        and len(y_test) == 4
    )


def test_keras_datasets_come_second(fake_mnist, monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_AE_DATA", str(tmp_path))  # has no mnist.npz
    arrays = (
        (fake_mnist["x_train"], fake_mnist["y_train"]),
        (fake_mnist["x_test"], fake_mnist["y_test"]),
    )
    monkeypatch.setattr(keras.datasets.mnist, "load_data", lambda: arrays)
    assert datasets.load("mnist")[0][0].shape == (6, 28, 28, 1)


def test_without_a_network_the_error_names_all_ways(offline):
    with pytest.raises(FileNotFoundError) as error:
        datasets.load("mnist")
    for part in (
        "KERAS_AE_DATA",
        "~/.keras/datasets",
        "network",
        "mnist_5k",
        "digits",
        "URL fetch failure",
    ):
        assert part in str(error.value)


def test_a_damaged_file_is_named(fake_mnist, monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_AE_DATA", str(tmp_path))
    path = tmp_path / "mnist.npz"
    np.savez(path, **fake_mnist)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"mnist.npz to be an .npz file of the arrays x_train"):
        datasets.load("mnist")
    np.savez(path, x_train=fake_mnist["x_train"])
    with pytest.raises(ValueError, match="y_train"):
        datasets.load("mnist")
    np.savez(path, **{**fake_mnist, "x_train": np.zeros((6, 20, 20), "uint8")})
    with pytest.raises(
        ValueError, match=r"uint8 images \(n, 28, 28\). Received: uint8 \(6, 20, 20\)"
    ):
        datasets.load("mnist")


def test_an_unknown_name_is_refused():
    with pytest.raises(
        ValueError,
        match="mnist, fashion_mnist, mnist_5k, digits, omniglot_strokes, cifar10, emoji. "
        "Received: 'cifar'",
    ):
        datasets.load("cifar")


def test_binarize_draws_the_same_for_the_same_seed():
    x = np.full((200, 28, 28, 1), 51, "uint8")  # probability 0.2
    drawn = datasets.binarize(x, seed=1)
    assert drawn.dtype == np.float32 and set(np.unique(drawn)) == {0, 1}
    assert drawn.mean() == pytest.approx(0.2, abs=5 * 0.4 / np.sqrt(x.size))
    np.testing.assert_array_equal(drawn, datasets.binarize(x, seed=1))
    assert np.any(drawn != datasets.binarize(x, seed=2))
    np.testing.assert_array_equal(drawn, datasets.binarize(x / np.float32(255), seed=1))
    assert datasets.binarize(np.array([0, 255], "uint8")).tolist() == [0, 1]


def test_binarize_threshold():
    x = np.array([0, 127, 128, 255], "uint8")
    assert datasets.binarize_threshold(x).tolist() == [0, 0, 1, 1]
    assert datasets.binarize_threshold(np.array([0.2, 0.4]), threshold=0.3).tolist() == [0, 1]


def test_binarize_dynamic_draws_again_at_each_pass():
    x = np.full((10, 8, 8, 1), 128, "uint8")
    dataset = datasets.binarize_dynamic(x, batch_size=4, seed=1)
    assert len(dataset) == 3
    first, second = (np.concatenate(list(dataset.as_numpy_iterator())) for _ in range(2))
    assert first.shape == (10, 8, 8, 1) and set(np.unique(first)) == {0, 1}
    assert np.any(first != second)
    assert first.mean() == pytest.approx(0.5, abs=0.1)
    again = datasets.binarize_dynamic(x, batch_size=4, seed=1)
    for expected in (first, second):
        np.testing.assert_array_equal(np.concatenate(list(again.as_numpy_iterator())), expected)


def test_binarize_dynamic_uses_every_image_once_per_pass():
    x = np.zeros((10, 2, 2, 1), "uint8")
    for i in range(10):
        x[i].reshape(-1)[:] = [255 * int(bit) for bit in f"{i:04b}"]
    for _ in range(2):
        dataset = datasets.binarize_dynamic(x, batch_size=3, seed=0)
        passed = np.concatenate(list(dataset.as_numpy_iterator()))
        codes = passed.reshape(10, 4) @ [8, 4, 2, 1]  # (10, 2, 2, 1) -> (10,)
        assert sorted(codes) == list(range(10)) and codes.tolist() != list(range(10))


def test_binarize_refuses_values_outside_the_unit_interval():
    with pytest.raises(ValueError, match="from 0 to 255"):
        datasets.binarize(np.array([0.0, 255.0]))
    with pytest.raises(ValueError, match="nan"):
        datasets.binarize(np.array([np.nan]))


def test_moving_images_move_by_a_pixel_and_enter_again_on_the_other_side():
    images = np.random.default_rng(0).integers(0, 256, (400, 3, 5, 2)).astype("uint8")
    frames = datasets.moving(images, steps=7, seed=1)
    assert frames.shape == (400, 7, 3, 5, 2) and frames.dtype == np.uint8
    column, right = np.arange(5), []
    for image, sequence in zip(images, frames, strict=True):
        ways = [
            np.stack([image[:, (column - way * step) % 5] for step in range(7)]) for way in (1, -1)
        ]
        right.append([np.array_equal(sequence, way) for way in ways])
    assert np.array_equal(np.sum(right, axis=1), np.ones(400))
    assert np.mean(right, axis=0) == pytest.approx([0.5, 0.5], abs=0.1)
    np.testing.assert_array_equal(frames, datasets.moving(images, steps=7, seed=1))
    assert np.any(frames != datasets.moving(images, steps=7, seed=2))
    with pytest.raises(
        ValueError, match=r"\(n, height, width, channels\). Received: shape=\(400, 3, 5\)"
    ):
        datasets.moving(images[..., 0])
    with pytest.raises(ValueError, match="Received: steps=0"):
        datasets.moving(images, steps=0)


@pytest.fixture
def drawings(monkeypatch, tmp_path):
    """A folder with three drawings: a line and a dot, twice, by two drawers; a line too long."""
    monkeypatch.setenv("KERAS_AE_DATA", str(tmp_path))
    small = [[0, 0, 0, 0], [1, 0, 5, 0], [24, 0, 6, 1], [105, -105, 9, 1]]
    long = [[0, -i % 2 * 100, i, 0] for i in range(10)] + [[0, 0, 10, 1]]
    points = np.array([*small, *small, *long], "float32")
    arrays = {"stroke_points": points, "stroke_offsets": np.array([0, 4, 8, 19])}
    np.savez(
        tmp_path / "omniglot_small.npz",
        **arrays,
        character=np.array([7, 8, 9]),
        drawer=np.array([16, 17, 1]),
    )
    return tmp_path


def test_strokes_are_steps_at_equal_distances(drawings):
    """A stroke of 24 points is four steps, wherever the pen was sampled. A dot is one step."""
    (x_train, y_train), (x_test, y_test) = datasets.load("omniglot_strokes")
    assert x_train.shape == x_test.shape == (1, 48, 3) and x_train.dtype == np.float32
    assert y_train.tolist() == [7] and y_test.tolist() == [8] and y_train.dtype == np.uint8
    stroke = [[-1 + 2 * x / 105, 1, pen] for x, pen in ((0, 0), (8, 0), (16, 0), (24, 1))]
    np.testing.assert_allclose(x_train[0, :5], [*stroke, [1, -1, 1]], atol=1e-6)
    assert (x_train[0, 5:] == -1).all()
    np.testing.assert_array_equal(x_train, x_test)


def test_missing_arrays_are_named(drawings):
    np.savez(drawings / "omniglot_small.npz", drawer=np.zeros(3))
    with pytest.raises(ValueError, match="arrays stroke_points, stroke_offsets, character, drawer"):
        datasets.load("omniglot_strokes")


def test_the_error_names_all_sources_of_the_strokes(offline):
    with pytest.raises(
        FileNotFoundError,
        match="stroke_points.*~/.keras.*Received: KERAS_AE_DATA=None.*URL fetch failure",
    ):
        datasets.load("omniglot_strokes")


@pytest.fixture
def archive(monkeypatch, tmp_path):
    """A function {name: text} -> None: it writes an archive like Omniglot's to Keras' cache."""
    monkeypatch.delenv("KERAS_AE_DATA", raising=False)
    monkeypatch.setattr(keras.utils, "get_file", lambda name, origin: str(tmp_path / name))

    def put(contents):
        with zipfile.ZipFile(tmp_path / "omniglot_strokes_background.zip", "w") as file:
            for name, text in contents.items():
                file.writestr(f"strokes_background/{name}", text)

    return put


def test_strokes_are_read_from_omniglots_own_archive(archive):
    """A file's name gives its alphabet, character and drawer. The order of files is no help."""
    line = "START\n0.0,-10.5,0.0\n52.5,-10.5,12.0\nBREAK\n3.0,-4.0,90.0\nBREAK\n"
    alphabets = reversed(omniglot.ALPHABETS)
    names = {alphabet: f"{alphabet}/character01/0001_01.txt" for alphabet in alphabets}
    others = {
        "Latin/character02/0002_17.txt": line,
        "Latin/character10/0010_20.txt": line,
        "Braille/character01/0500_01.txt": line,
    }
    archive({"": "", "Latin/": "", **dict.fromkeys(names.values(), line), **others})
    (x_train, y_train), (x_test, y_test) = datasets.load("omniglot_strokes")
    assert y_train.tolist() == [0, 1, 2, 3, 4, 5, 8, 9] and y_test.tolist() == [6, 7]
    steps = [[-1 + 2 * 7.5 * i / 105, 0.8, i == 7] for i in range(8)]
    np.testing.assert_allclose(x_test[0, :9], [*steps, [-1 + 6 / 105, 1 - 8 / 105, 1]], atol=1e-6)


def test_an_archive_that_is_not_omniglots_is_refused(archive, tmp_path):
    archive({"Latin/character01/0001_01.txt": "START\n1,2\nBREAK\n"})
    with pytest.raises(
        ValueError, match="Omniglot's archive of pen strokes. Received: not enough values"
    ):
        datasets.load("omniglot_strokes")
    archive({"Latin/character01/0001_01.txt": "START\n1,2,3\nBREAK\n"})
    with pytest.raises(ValueError, match="Received: no Balinese, Early_Aramaic, Greek"):
        datasets.load("omniglot_strokes")
    (tmp_path / "omniglot_strokes_background.zip").write_bytes(b"404: Not Found")
    with pytest.raises(ValueError, match="Received: File is not a zip file"):
        datasets.load("omniglot_strokes")


@pytest.mark.full_data
def test_mnist_is_mnist():
    (x_train, y_train), (x_test, y_test) = datasets.load("mnist")
    assert x_train.shape == (60000, 28, 28, 1) and x_test.shape == (10000, 28, 28, 1)
    assert x_train.mean() / 255 == pytest.approx(0.13066, abs=1e-5)
    assert x_test.mean() / 255 == pytest.approx(0.13251, abs=1e-5)
    assert y_train[:5].tolist() == [5, 0, 4, 1, 9] and y_test[:5].tolist() == [7, 2, 1, 0, 4]


@pytest.mark.full_data
def test_fashion_mnist_is_fashion_mnist():
    (x_train, _), (x_test, y_test) = datasets.load("fashion_mnist")
    assert x_train.shape == (60000, 28, 28, 1)
    assert x_train.mean() / 255 == pytest.approx(0.28604, abs=1e-5)
    assert y_test[:5].tolist() == [9, 2, 1, 1, 6]


@pytest.mark.full_data
def test_mnist_5k_is_a_subset_of_mnists_training_set():
    (x_train, _), (x_test, _) = datasets.load("mnist")
    (subset, _), (held_out, _) = datasets.load("mnist_5k")
    train, test = {digest(x) for x in x_train}, {digest(x) for x in x_test}
    both = {digest(x) for x in np.concatenate([subset, held_out])}
    assert both <= train and not both & test


def test_move_dynamic_rotates_and_shifts_by_its_draws(monkeypatch):
    x = np.random.default_rng(0).random((3, 9, 9, 1), dtype="float32")
    moves = {"right angle": ([1.0, 0.5, 0.5], 90, 0.0), "shift": ([0.5, 1.0, 0.0], 0, 1 / 9)}
    expected = {"right angle": np.rot90(x, axes=(1, 2)), "shift": np.roll(x, (-1, 1), axis=(1, 2))}
    for name, (draws, rotation, shift) in moves.items():
        # Draws from [0, 1): the angle, the shift down, the shift to the right.
        drawn = np.repeat(np.array(draws, "float32")[:, None], 3, axis=1)  # (3,) -> (3, 3)
        monkeypatch.setattr(seeds, "uniform", lambda shape, seed, drawn=drawn: tf.constant(drawn))
        dataset = datasets.move_dynamic(x, 3, rotation=rotation, shift=shift)
        ((moved, still),) = dataset.as_numpy_iterator()
        order = [int(np.argmin(np.abs(image - x).sum(axis=(1, 2, 3)))) for image in still]
        found, wanted = moved, expected[name][order]
        if name == "shift":
            found, wanted = found[:, :-1, 1:], wanted[:, :-1, 1:]  # pixels from outside are black
            assert (moved[:, -1] == 0).all() and (moved[:, :, 0] == 0).all()
        np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_move_dynamic_draws_again_at_each_pass_and_follows_the_seed():
    x = (np.random.default_rng(0).random((10, 8, 8, 1)) * 255).astype("uint8")

    def passes(seed):
        dataset = datasets.move_dynamic(x, 4, seed)
        return [
            np.concatenate([moved for moved, _ in dataset.as_numpy_iterator()]) for _ in range(2)
        ]

    first, second = passes(1)
    np.testing.assert_array_equal(first, passes(1)[0])
    assert np.abs(first - second).max() > 0.1 and np.abs(first - passes(2)[0]).max() > 0.1
    pairs = datasets.move_dynamic(x, 4, 1).as_numpy_iterator()
    still = np.concatenate([image for _, image in pairs])
    found, wanted = still.sum(axis=(1, 2, 3)), (x / 255.0).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(np.sort(found), np.sort(wanted), rtol=1e-5)
    for options, message in (
        ({"x": x[..., 0]}, r"Received: shape=\(10, 8, 8\)"),
        ({"shift": -0.1}, "shift=-0.1"),
    ):
        with pytest.raises(ValueError, match=message):
            datasets.move_dynamic(**{"x": x, **options})


def test_a_pickle_in_a_data_file_is_not_read(monkeypatch, tmp_path):
    """Unpickling runs code. A data file from a stranger must not run any."""

    class Evil:
        def __reduce__(self):
            return (pathlib.Path(tmp_path / "owned").touch, ())

    arrays = {
        name: np.array([Evil()], dtype=object)
        for name in ("x_train", "y_train", "x_test", "y_test")
    }
    np.savez(tmp_path / "mnist.npz", **arrays)
    (tmp_path / "owned").unlink(missing_ok=True)
    monkeypatch.setenv("KERAS_AE_DATA", str(tmp_path))
    with pytest.raises(ValueError, match="Object arrays cannot be loaded when allow_pickle=False"):
        datasets.load("mnist")
    assert not (tmp_path / "owned").exists()
