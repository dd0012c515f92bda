"""What the commands share: a quiet import of TensorFlow, and files that they save."""

import contextlib
import json
import os
import pathlib
import sys

from keras_ae.utils import files

NAME = "a built-in model, a folder, or hf://user/repo"  # what every command takes
PICTURES = (".png", ".pdf", ".svg", ".jpg", ".jpeg")


def quiet_import():
    """Imports TensorFlow without its start-up lines, which its C++ part writes straight to the error stream. Returns keras_ae."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from keras_ae.utils import imports

    with _error_stream_to(os.devnull), imports.fast():
        import tensorflow

        import keras_ae
    tensorflow.get_logger().setLevel(
        "ERROR"
    )  # no advice on tracing, which is not for the user of a command
    return keras_ae


def check_out(path, suffixes=PICTURES):
    """The path of a file to save. Raises ValueError if it ends otherwise, FileNotFoundError if its folder is not there."""
    path = pathlib.Path(path)
    if path.suffix.lower() not in suffixes:
        known = (
            f"{', '.join(suffixes[:-1])} or {suffixes[-1]}" if len(suffixes) > 1 else suffixes[0]
        )
        raise ValueError(f"Expected --out to end in {known}. Received: {str(path)!r}")
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"Expected --out to be in a folder that exists. Received: {str(path)!r}"
        )
    return path


def save(figure, path, as_json=False):
    """Saves a figure, whole or not at all, and says so."""
    path = check_out(path)
    with files.replacing(path, "the picture") as part:
        figure.savefig(part)
    saved([path], as_json)


def saved(paths, as_json=False):
    """Says which files were saved, or where, for many."""
    if as_json:
        print(json.dumps({"saved": [str(path) for path in paths]}))
    elif len(paths) == 1:
        print(f"saved {paths[0]}")
    else:
        print(f"saved {len(paths)} images in {pathlib.Path(paths[0]).parent}")


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
