"""Files of a preset: read whole, of bounded size, inside the folder, with the hash that the metadata states."""

import hashlib
import os
import pathlib

MAX_JSON = 8 * 2**20  # bytes


class DamagedPresetError(ValueError):
    """A file of a preset is not as it was written.

    Attributes:
        path: str or path, the file.
        what: str, what is wrong with it.
    """

    def __init__(self, path, what):
        super().__init__(
            f"Expected {path} to be as it was written, but it was truncated or altered. Install keras_ae again if the preset is "
            f"built in, else save or download it again. Received: {what}"
        )
        self.path, self.what = path, what


def short(error):
    """The text of an exception in one line."""
    return " ".join(str(error).split())[:300]


def is_inside(folder, file):
    """True for a file of the folder. False for a link that leads out of it, but in a snapshot of huggingface_hub's cache to its blobs."""
    folder = pathlib.Path(folder).resolve()
    path = (folder / file).resolve()
    allowed = [folder]
    if folder.parent.name == "snapshots":
        allowed.append(folder.parent.parent / "blobs")
    return path.is_file() and path.parent in allowed


def read(folder, file, limit=MAX_JSON):
    """The bytes of a file of a preset.

    Args:
        folder: pathlib.Path.
        file: its name.
        limit: the largest size in bytes.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is larger than the limit, or a link that leads out of the folder.
    """
    path = folder / file
    if not path.is_file():
        raise FileNotFoundError(
            f"Expected {file} in the preset {folder}. Received: no such file. Install keras_ae again if the preset is built in, else "
            f"save or download it again"
        )
    if not is_inside(folder, file):
        raise ValueError(
            f"Expected {path} to be a file of the preset. Received: a link to {os.path.realpath(path)}"
        )
    with open(path, "rb") as opened:
        content = opened.read(limit + 1)
    if len(content) > limit:
        raise ValueError(
            f"Expected {path} to hold at most {limit:,} bytes. Received: {path.stat().st_size:,} bytes"
        )
    return content


def sha256(content):
    """The hex digest of bytes."""
    return hashlib.sha256(content).hexdigest()


def check_hash(content, expected, path):
    """Raises ValueError if the bytes of a file do not have the expected hash."""
    if sha256(content) != expected:
        raise DamagedPresetError(
            path, f"sha256 {sha256(content)}, where the metadata says {expected}"
        )
