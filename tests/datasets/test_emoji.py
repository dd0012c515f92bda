"""The emoji, from a stand-in for npm's archive, and the photographs of CIFAR-10."""

import base64
import hashlib
import io
import itertools
import json
import shutil
import subprocess
import tarfile

import keras
import numpy as np
import pytest
from PIL import Image

from keras_ae import datasets
from keras_ae.datasets import emoji

TONES = ("1F3FB", "1F3FC", "1F3FD", "1F3FE", "1F3FF")


def picture(number, mode="RGBA", size=64):
    """The bytes of a PNG: grey of brightness `number`, half transparent on the left."""
    pixels = np.full((size, size, 4), number, "uint8")
    pixels[..., 3] = np.where(np.arange(size) < size // 2, 51, 255)
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, "PNG")
    return stream.getvalue()


def told(codes, category="Flags", variants=()):
    """An entry of the package's list, and those of its variants."""
    entries = {
        code: {"unified": code, "image": f"{code.lower()}.png", "category": category}
        for code in (codes, *variants)
    }
    own = entries.pop(codes)
    return {**own, "skin_variations": entries} if variants else own


def pack(path, told, pictures):
    """Writes an archive like the package's."""
    contents = {"package/emoji.json": json.dumps(told).encode()}
    contents |= {f"package/img/google/64/{name}": data for name, data in pictures.items()}
    with tarfile.open(path, "w:gz") as package:
        for name, data in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            package.addfile(member, io.BytesIO(data))


@pytest.fixture
def few():
    """25 emoji, of which the 20th has skin tones, one that begins with another code point."""
    codes = [f"{0x1F600 + i:X}" for i in range(25)]
    tones = [f"{codes[19]}-{tone}" for tone in TONES[:3]] + [f"{codes[2]}-{TONES[3]}-200D"]
    entries = [told(code, emoji.CATEGORIES[i % 10]) for i, code in enumerate(codes)]
    entries[19] = told(codes[19], emoji.CATEGORIES[9], tones)
    names = [f"{code.lower()}.png" for code in [*codes, *tones]]
    pictures = {name: picture(5 * i) for i, name in enumerate(names)}
    return entries[::-1], pictures


@pytest.fixture
def npm(monkeypatch, tmp_path, few):
    """Stands in for npm, and for the cache. -> what it was asked to pack."""
    asked, archive = [], tmp_path / "emoji.tgz"
    pack(archive, *few)
    digest = hashlib.sha512(archive.read_bytes()).digest()

    def run(command, cwd, **options):
        asked.append(command[3])
        shutil.copy(archive, cwd)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(emoji, "INTEGRITY", "sha512-" + base64.b64encode(digest).decode())
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("KERAS_AE_DATA", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(subprocess, "run", run)
    return asked


def test_every_tenth_code_point_is_for_testing_with_its_skin_tones(npm):
    (x_train, y_train), (x_test, y_test) = datasets.load("emoji")
    assert x_train.shape == (23, 64, 64, 3) and x_test.shape == (6, 64, 64, 3)
    assert all(array.dtype == np.uint8 for array in (x_train, y_train, x_test, y_test))
    # The right half is opaque and has the brightness 5 * i of picture i.
    found = x_test[:, 0, 63, 0] // 5
    assert sorted(found) == [9, 19, 25, 26, 27, 28]
    assert y_test[found.argsort()].tolist() == [9, 9, 9, 9, 9, 9]
    assert sorted(x_train[:, 0, 63, 0] // 5) == [i for i in range(25) if i not in (9, 19)]
    assert [datasets.EMOJI_CATEGORIES[y] for y in y_train[:2]] == list(emoji.CATEGORIES[:2])


def test_pictures_are_composed_on_white():
    """51 of 255 opaque: a fifth of the picture's grey, four fifths of white."""
    for mode in ("RGBA", "LA"):
        composed = emoji._composed(io.BytesIO(picture(100, mode)))
        assert composed[:, 40:].min() == composed[:, 40:].max() == 100
        assert composed[:, :32].min() == composed[:, :32].max() == 20 + 204
    with pytest.raises(ValueError, match=r"of shape \(32, 32, 3\)"):
        emoji._composed(io.BytesIO(picture(0, size=32)))


def test_they_are_fetched_once(npm, tmp_path):
    first, second = datasets.load("emoji"), datasets.load("emoji")
    assert npm == [emoji.PACKAGE]
    for a, b in zip(itertools.chain(*first), itertools.chain(*second), strict=True):
        np.testing.assert_array_equal(a, b)
    folder = tmp_path / "keras" / "datasets"
    assert [path.name for path in folder.iterdir()] == [emoji.CACHED]


def test_equal_pictures_are_kept_once(few, tmp_path):
    entries, pictures = few
    codes = sorted(pictures)
    pictures[codes[24]] = pictures[codes[9]]  # one for training is one for testing
    pack(tmp_path / "emoji.tgz", entries, pictures)
    found = emoji.unpacked(tmp_path / "emoji.tgz")
    both = np.concatenate([found["x_train"], found["x_test"]]).reshape(28, -1)
    assert len(np.unique(both, axis=0)) == 28


def test_another_archive_is_refused_and_nothing_is_left(npm, few, tmp_path):
    datasets.load("emoji")
    cached = tmp_path / "keras" / "datasets" / emoji.CACHED
    cached.unlink()
    pack(tmp_path / "emoji.tgz", few[0], {**few[1], "1f600.png": picture(200)})
    with pytest.raises(ValueError, match="with the integrity sha512-.*Received: sha512-"):
        datasets.load("emoji")
    assert not list(cached.parent.iterdir())


def test_an_archive_of_something_else_is_refused(few, tmp_path):
    entries, pictures = few
    path = tmp_path / "emoji.tgz"
    for broken, files, message in (
        (entries, {}, "1f600.png"),
        ([told("1F600", "Weather")], pictures, "Weather"),
        ([{"unified": "1F600"}], pictures, "image"),
        (entries, {**pictures, "1f600.png": b"no picture"}, "cannot identify"),
    ):
        pack(path, broken, files)
        with pytest.raises(ValueError, match=f"to be the npm package emoji-data.*{message}"):
            emoji.unpacked(path)
    path.write_bytes(b"404")
    with pytest.raises(ValueError, match="to be the npm package emoji-data"):
        emoji.unpacked(path)


def test_without_a_network_the_error_names_all_ways(npm, monkeypatch, tmp_path):
    failed = subprocess.CompletedProcess([], 1, "", "npm error code ENOTFOUND")
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: failed)
    with pytest.raises(FileNotFoundError, match="KERAS_AE_DATA.*emoji-16.*npm.*ENOTFOUND"):
        datasets.load("emoji")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(FileNotFoundError, match=r"nodejs\.org"):
        datasets.load("emoji")
    assert not list(tmp_path.glob("keras/datasets/*"))


@pytest.mark.parametrize("name, size", [("emoji", 64), ("cifar10", 32)])
def test_the_folder_of_the_environment_variable_comes_first(name, size, npm, monkeypatch, tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (6, size, size, 3)).astype("uint8")
    arrays = dict(x_train=x[:4], y_train=np.arange(4), x_test=x[4:], y_test=np.arange(2))
    np.savez(tmp_path / f"{name}.npz", **arrays)
    monkeypatch.setenv("KERAS_AE_DATA", str(tmp_path))
    (x_train, y_train), (x_test, _) = datasets.load(name)
    np.testing.assert_array_equal(x_train, x[:4])
    np.testing.assert_array_equal(x_test, x[4:])
    assert y_train.tolist() == [0, 1, 2, 3] and y_train.dtype == np.uint8 and npm == []
    np.savez(tmp_path / f"{name}.npz", **{**arrays, "x_train": x[:4, 1:]})
    with pytest.raises(ValueError, match=rf"\(n, {size}, {size}, 3\). Received: uint8"):
        datasets.load(name)


def test_cifar10_comes_from_keras(monkeypatch):
    monkeypatch.delenv("KERAS_AE_DATA", raising=False)
    x = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3)).astype("uint8")
    y = np.arange(5, dtype="uint8")[:, None]  # as keras.datasets has them
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", lambda: ((x, y), (x[:2], y[:2])))
    (x_train, y_train), (x_test, y_test) = datasets.load("cifar10")
    np.testing.assert_array_equal(x_train, x)
    assert y_train.tolist() == [0, 1, 2, 3, 4] and x_test.shape == (2, 32, 32, 3)
    assert y_test.tolist() == [0, 1]

    def refuse():
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.datasets.cifar10, "load_data", refuse)
    with pytest.raises(FileNotFoundError, match="cifar10.npz.*URL fetch failure"):
        datasets.load("cifar10")


@pytest.mark.full_data
def test_emoji_are_the_emoji(monkeypatch):
    """The real package, from the network or the cache."""
    monkeypatch.delenv("KERAS_AE_DATA", raising=False)
    try:
        (x_train, y_train), (x_test, y_test) = datasets.load("emoji")
    except FileNotFoundError as error:
        pytest.skip(str(error))
    assert x_train.shape == (3473, 64, 64, 3) and x_test.shape == (294, 64, 64, 3)
    assert np.bincount(y_train).tolist() == [153, 2115, 5, 141, 117, 196, 78, 239, 202, 227]
    assert np.bincount(y_test).tolist() == [16, 136, 0, 18, 14, 22, 7, 25, 22, 34]
    assert x_train.mean() / 255 == pytest.approx(0.76040, abs=1e-5)
    sizes = []  # bytes of the test pictures as PNG, beside which docs/metrics.md sets vqvae2_emoji
    for picture in x_test:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "png", optimize=True)
        sizes.append(len(file.getvalue()))
    assert np.mean(sizes) == pytest.approx(3_730, abs=40)
    assert 8 * np.mean(sizes) / x_test[0].size == pytest.approx(2.43, abs=0.03)
