"""The folders that hold a saved estimator: JSON, arrays, a preset for each model. No pickle."""

import contextlib
import json
import pathlib
import tempfile

import numpy as np

from keras_ae.utils import files


@contextlib.contextmanager
def replacing(folder, config, what):
    """Yields a new folder to write to. At the end it replaces `folder`, whole or not at all.

    Args:
        folder: str or path.
        config: str, the name of the file that every folder of this kind holds.
        what: str, what the folder holds: "detector".

    Raises:
        FileExistsError: the folder holds something else.
        OSError: the disk is full, or the folder cannot be written; then it is as it was.
    """
    folder = pathlib.Path(folder)
    if folder.exists() and not (folder / config).is_file() and any(folder.iterdir()):
        raise FileExistsError(
            f"Expected a new folder, or one that holds a saved {what}. Received: {folder}"
        )
    with files.writing(f"the {what} {folder}"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as part:
            written = pathlib.Path(part) / folder.name
            written.mkdir()
            yield written
            if folder.exists():
                folder.rename(pathlib.Path(part) / "before")
            written.rename(folder)


def write(folder, config, arrays, values):
    """Writes values as JSON to the file `config`, and a dict of arrays to the file `arrays`."""
    (folder / config).write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    np.savez_compressed(folder / arrays[0], **arrays[1])


@contextlib.contextmanager
def reading(folder, config, arrays, what):
    """Yields (values of the JSON file, dict of arrays). What goes wrong inside is a clear error.

    Args:
        folder: str or path.
        config, arrays: str, the names of the two files.
        what: as in `replacing`.

    Raises:
        FileNotFoundError: the folder, or a file in it, is not there.
        ValueError: a file is damaged.
    """
    folder = pathlib.Path(folder)
    if not (folder / config).is_file():
        raise FileNotFoundError(f"Expected a folder with {config}. Received: {folder}")
    try:
        values = json.loads((folder / config).read_text(encoding="utf-8"))
        with np.load(folder / arrays, allow_pickle=False) as found:
            yield values, dict(found)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(
            f"Expected {folder} to hold a saved {what}; save it again. Received: {reason}"
        ) from error
