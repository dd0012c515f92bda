"""Drawings of Omniglot: the pen's way over the page, of 242 characters of eight alphabets, by 20 drawers each.

Source: Lake et al., "Human-level concept learning through probabilistic program induction", Science 350, 2015.
"""

import os
import pathlib
import re
import zipfile

import numpy as np

ORIGIN = (
    "https://raw.githubusercontent.com/brendenlake/omniglot/master/python/strokes_background.zip"
)
ALPHABETS = (
    "Balinese",
    "Early_Aramaic",
    "Greek",
    "Japanese_(katakana)",
    "Korean",
    "Latin",
    "Sanskrit",
    "Tagalog",
)
FILE = re.compile(
    r"(?:.*/)?(?P<alphabet>[^/]+)/character(?P<character>\d+)/\d+_(?P<drawer>\d+)\.txt"
)
PAGE, SPACING = 105, 8.0  # points a side, points between two steps of a stroke


def download(arrays):
    """The path of Omniglot's own archive in the Keras cache, where it is put if it is not there.

    Args:
        arrays: names of the arrays of the file that would have done as well, for the message.

    Raises:
        FileNotFoundError: there is no network.
    """
    import keras

    try:
        return pathlib.Path(keras.utils.get_file("omniglot_strokes_background.zip", ORIGIN))
    except Exception as error:  # keras.utils.get_file raises bare Exceptions
        raise FileNotFoundError(
            f"Expected the pen strokes of Omniglot in one of three places: omniglot_small.npz (arrays {', '.join(arrays)}) in the "
            f"folder that the environment variable KERAS_AE_DATA names; omniglot_strokes_background.zip in the Keras cache, "
            f"~/.keras/datasets; or a network, to download it from {ORIGIN}. Received: "
            f"KERAS_AE_DATA={os.environ.get('KERAS_AE_DATA')!r}, and from the network: {error}"
        ) from error


def unzipped(path):
    """The drawings of `ALPHABETS` in Omniglot's archive, in its order.

    Returns:
        list of float32 arrays (points, 4): x, from 0 to 105, y, from 0 down to -105, time in milliseconds, and 1 where a stroke ends, else
        0; int arrays (n,), the character of each, from 0, and its drawer, from 1.

    Raises:
        ValueError: the file is not that archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            found = [
                (match, name) for name in archive.namelist() if (match := FILE.fullmatch(name))
            ]
            found = [(match, name) for match, name in found if match["alphabet"] in ALPHABETS]
            keys = {
                name: (ALPHABETS.index(m["alphabet"]), int(m["character"]), int(m["drawer"]))
                for m, name in found
            }
            names = sorted(keys, key=keys.get)
            drawings = [_parsed(archive.read(name).decode("ascii")) for name in names]
    except (
        ValueError,
        OSError,
        EOFError,
        zipfile.BadZipFile,
    ) as error:  # ValueError: of float() and decode() too
        raise ValueError(
            f"Expected {path} to be Omniglot's archive of pen strokes. Received: {error}"
        ) from error
    missing = set(ALPHABETS) - {ALPHABETS[keys[name][0]] for name in names}
    if missing:
        raise ValueError(
            f"Expected {path} to hold the alphabets {', '.join(ALPHABETS)}. Received: no {', '.join(sorted(missing))}"
        )
    characters = list(dict.fromkeys(keys[name][:2] for name in names))
    return (
        drawings,
        np.array([characters.index(keys[name][:2]) for name in names]),
        np.array([keys[name][2] for name in names]),
    )


def _parsed(text):
    """START, lines of x,y,time, and BREAK after each stroke -> float32 (n, 4): x, y, time, and 1 where a stroke ends."""
    points = []
    for line in text.split():
        if line == "BREAK" and points:
            points[-1][3] = 1.0
        elif line not in ("START", "BREAK"):
            x, y, time = map(float, line.split(","))
            points.append([x, y, time, 0.0])
    if not points:
        raise ValueError("a drawing without a point")
    points[-1][3] = 1.0
    return np.array(points, "float32")


def resampled(points, ends):
    """Steps (x, y, pen) at equal distances along each stroke: points (n, 2) and whether one ends a stroke (n,) -> (steps, 3)."""
    steps = []
    for stroke in np.split(points, np.flatnonzero(ends)[:-1] + 1):
        along = np.append(
            0.0, np.cumsum(np.hypot(*np.diff(stroke, axis=0).T))
        )  # the way from the start to each point
        n = 1 + max(1, round(along[-1] / SPACING)) if along[-1] > 0 else 1
        at = [np.interp(np.linspace(0.0, along[-1], n), along, stroke[:, axis]) for axis in (0, 1)]
        steps.append(
            np.stack([2 * at[0] / PAGE - 1, 2 * at[1] / PAGE + 1, np.arange(n) == n - 1], axis=-1)
        )  # (n, 3)
    return np.concatenate(steps)
