"""Drawings of Omniglot as pen strokes: 242 characters of eight alphabets, by 20 drawers each.

Source: Lake et al., "Human-level concept learning through probabilistic program induction",
Science 350, 2015.
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
PAGE = 105  # the side of the page, in points
SPACING = 8.0  # points between two steps of a stroke


def download(arrays):
    """The path of Omniglot's own archive in the Keras cache. It is downloaded if needed.

    Args:
        arrays: for the message: names of the arrays in omniglot_small.npz, which would do, too.

    Returns:
        pathlib.Path.

    Raises:
        FileNotFoundError: there is no network.
    """
    import keras

    try:
        return pathlib.Path(keras.utils.get_file("omniglot_strokes_background.zip", ORIGIN))
    except Exception as error:  # keras.utils.get_file raises bare Exceptions
        raise FileNotFoundError(
            "Expected the pen strokes of Omniglot in one of three places: omniglot_small.npz "
            f"(arrays {', '.join(arrays)}) in the folder that the environment variable "
            "KERAS_AE_DATA names; omniglot_strokes_background.zip in the Keras cache, "
            f"~/.keras/datasets; or a network, to download it from {ORIGIN}. "
            f"Received: KERAS_AE_DATA={os.environ.get('KERAS_AE_DATA')!r}, "
            f"and from the network: {error}"
        ) from error


def unzipped(path):
    """The drawings of `ALPHABETS` in Omniglot's archive: by alphabet, character and drawer.

    Returns:
        drawings: list of n float32 arrays (points, 4). A point is x from 0 to 105, y from 0 down
            to -105, the time in milliseconds, and 1 at the end of a stroke, else 0.
        characters: int array (n,), from 0.
        drawers: int array (n,), from 1.

    Raises:
        ValueError: the file is not that archive.
    """
    # float() and decode() raise ValueError, too.
    unreadable = (ValueError, OSError, EOFError, zipfile.BadZipFile)
    try:
        with zipfile.ZipFile(path) as archive:
            keys = {name: key for name in archive.namelist() if (key := _key(name))}
            names = sorted(keys, key=keys.get)
            drawings = [_parsed(archive.read(name).decode("ascii")) for name in names]
    except unreadable as error:
        raise ValueError(
            f"Expected {path} to be Omniglot's archive of pen strokes. Received: {error}"
        ) from error
    missing = set(ALPHABETS) - {ALPHABETS[keys[name][0]] for name in names}
    if missing:
        raise ValueError(
            f"Expected {path} to hold the alphabets {', '.join(ALPHABETS)}. "
            f"Received: no {', '.join(sorted(missing))}"
        )
    characters = list(dict.fromkeys(keys[name][:2] for name in names))
    numbers = np.array([characters.index(keys[name][:2]) for name in names])
    return drawings, numbers, np.array([keys[name][2] for name in names])


def _key(name):
    """The alphabet, character and drawer of a file in the archive: three ints, or None."""
    match = FILE.fullmatch(name)
    if match is None or match["alphabet"] not in ALPHABETS:
        return None
    return ALPHABETS.index(match["alphabet"]), int(match["character"]), int(match["drawer"])


def _parsed(text):
    """A drawing from its file: float32 (n, 4), x, y, time, and 1 at the end of a stroke, else 0.

    The file is START, then lines "x,y,time", with BREAK after each stroke.
    """
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
    """Resamples a drawing to steps (x, y, pen) at equal distances along each stroke.

    Args:
        points: (n, 2), x and y.
        ends: (n,), 1 at the end of a stroke, else 0.

    Returns:
        (steps, 3), on the page [-1, 1] x [-1, 1].
    """
    steps = []
    for stroke in np.split(points, np.flatnonzero(ends)[:-1] + 1):
        # The length of the stroke from its start to each point.
        along = np.append(0.0, np.cumsum(np.hypot(*np.diff(stroke, axis=0).T)))
        n = 1 + max(1, round(along[-1] / SPACING)) if along[-1] > 0 else 1
        at = np.linspace(0.0, along[-1], n)
        x, y = (np.interp(at, along, stroke[:, axis]) for axis in (0, 1))
        pen = np.arange(n) == n - 1
        steps.append(np.stack([2 * x / PAGE - 1, 2 * y / PAGE + 1, pen], axis=-1))  # (n, 3)
    return np.concatenate(steps)
