"""Reading the files of a preset: each in its folder, with a limited size and the right hash."""

import hashlib
import os
import pathlib

MAX_JSON = 8 * 2**20  # bytes


class DamagedPresetError(ValueError):
    """A file of a preset was damaged or altered.

    Attributes:
        path: str or path, the file.
        what: str, what is wrong with the file.
    """

    def __init__(self, path, what):
        super().__init__(
            f"Expected {path} to be as it was written, but it was truncated or altered. "
            "Install keras_ae again if the preset is built in, else save or download it again. "
            f"Received: {what}"
        )
        self.path, self.what = path, what


def short(error):
    """The text of an exception in one line of at most 300 characters."""
    return " ".join(str(error).split())[:300]


def is_inside(folder, file):
    """True for a file in the folder; False for a link that leads out of the folder.

    In the cache of huggingface_hub, files of a snapshot are links to its blobs. They are allowed.
    """
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
        file: str, the name of the file.
        limit: int, the largest size in bytes.

    Returns:
        bytes.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is larger than the limit, or a link that leads out of the folder.
    """
    path = folder / file
    if not path.is_file():
        raise FileNotFoundError(
            f"Expected {file} in the preset {folder}. Received: no such file. Install keras_ae "
            "again if the preset is built in, else save or download it again"
        )
    if not is_inside(folder, file):
        raise ValueError(
            f"Expected {path} to be a file of the preset. "
            f"Received: a link to {os.path.realpath(path)}"
        )
    with open(path, "rb") as opened:
        content = opened.read(limit + 1)
    if len(content) > limit:
        raise ValueError(
            f"Expected {path} to hold at most {limit:,} bytes. "
            f"Received: {path.stat().st_size:,} bytes"
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
