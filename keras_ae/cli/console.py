"""What the commands share: how they tell the user something, load a model, and save files.

Results go to the output stream. Notes, such as what takes time, go to the error stream: a pipe gets
only results.
"""

import contextlib
import json
import os
import pathlib
import sys

from keras_ae.utils import files

NAME = "a built-in model, a folder, or hf://user/repo"  # what every command takes
PICTURES = (".png", ".pdf", ".svg", ".jpg", ".jpeg")


def tell(note):
    """Writes a note to the error stream."""
    print(note, file=sys.stderr, flush=True)


def quiet_import(what):
    """Imports TensorFlow without its start-up lines, which its C++ part writes to the error stream.

    Args:
        what: str, what the user waits for, such as "loading vae_mnist". It is told if TensorFlow is
            not imported yet.

    Returns:
        keras_ae.
    """
    if "tensorflow" not in sys.modules:
        tell(f"{what} ... (TensorFlow takes some seconds to start)")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from keras_ae.utils import imports

    with _error_stream_to(os.devnull), imports.fast():
        import tensorflow

        import keras_ae
    # Advice on tracing is for programmers.
    tensorflow.get_logger().setLevel("ERROR")
    return keras_ae


def load(name):
    """Loads a model and tells the user so. Returns (keras_ae, model)."""
    keras_ae = quiet_import(f"loading {name}")
    return keras_ae, keras_ae.load(name)


def check_out(path, suffixes=PICTURES):
    """The path of a file to save.

    Raises:
        ValueError: the path ends otherwise, or is a folder.
        FileNotFoundError: its folder is not there.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() not in suffixes:
        known = " or ".join(suffixes).replace(" or ", ", ", len(suffixes) - 2)
        raise ValueError(f"Expected --out to end in {known}. Received: {str(path)!r}")
    if path.is_dir():
        raise ValueError(f"Expected --out to be a file. Received: {str(path)!r}, a folder")
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"Expected --out to be in a folder that exists. Received: {str(path)!r}"
        )
    return path


def save(figure, path, what, as_json=False):
    """Saves a figure, whole or not at all, and tells what was saved where."""
    path = check_out(path)
    with files.replacing(path, "the picture") as part:
        figure.savefig(part)
    saved([path], what, as_json)


def saved(paths, what, as_json=False):
    """Tells which files were saved, or in which folder they are.

    Args:
        paths: list of paths, all in one folder.
        what: str, what they show.
        as_json: whether to print {"saved": [path, ...]} instead.
    """
    if as_json:
        print(json.dumps({"saved": [str(path) for path in paths]}))
        return
    where = (
        paths[0] if len(paths) == 1 else f"{len(paths)} files in {pathlib.Path(paths[0]).parent}"
    )
    print(f"saved {where}: {what}")


def table(rows):
    """Lines of text whose columns are aligned: a list of rows of str -> a list of str."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    return ["  ".join(row).rstrip() for row in padded]


def count(n, word):
    """ "1 image", "1,000 images"."""
    return f"{n:,} {word}{'' if n == 1 else 's'}"


@contextlib.contextmanager
def _error_stream_to(path):
    sys.stderr.flush()
    saved = os.dup(2)
    target = os.open(path, os.O_WRONLY)
    os.dup2(target, 2)
    os.close(target)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(saved, 2)
        os.close(saved)
