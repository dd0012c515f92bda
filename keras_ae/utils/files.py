"""Writes files completely or not at all, with clear errors for a full or read-only disk."""

import contextlib
import errno
import gc
import os
import pathlib
import sys
import tempfile
import time
import traceback

REASONS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)


@contextlib.contextmanager
def writing(what):
    """Turns any error for a full disk or a read-only folder into one OSError that says so.

    HDF5 and TensorFlow wrap the system's error in their own exceptions. Only the text of these
    tells the reason.

    Args:
        what: str, for the message: what is written, and where.

    Raises:
        OSError: with the errno of the system.
    """
    try:
        yield
    except Exception as error:
        number = _reason(error)
        if number is None or getattr(error, "is_ours", False):
            raise
        _let_go(error)
        clear = OSError(
            number,
            f"Expected a disk with free space, and a folder that can be written, for {what}. "
            f"Received: {os.strerror(number)}",
        )
        clear.is_ours = True
        raise clear from None


@contextlib.contextmanager
def replacing(path, what):
    """Yields a path to write to. At the end, the new file replaces `path`.

    The new file is in the same folder. So `path` is never half-written.

    Args:
        path: pathlib.Path or str. Its folder is created if needed.
        what: as in `writing`.
    """
    path = pathlib.Path(path)
    part = path.with_name(f".part.{path.name}")
    with writing(f"{what} {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield part
            os.replace(part, path)
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(folder, mark, what):
    """Yields a new folder to write to. At the end, it replaces `folder`, which may be of its kind.

    Args:
        folder: pathlib.Path or str. Its parent is created if needed.
        mark: str, a file that every folder of this kind holds.
        what: as in `writing`.

    Raises:
        FileExistsError: `folder` is a file, or holds something else.
    """
    folder = pathlib.Path(folder)
    if folder.exists() and not (folder / mark).is_file():
        if not folder.is_dir() or any(folder.iterdir()):
            raise FileExistsError(
                f"Expected a new folder, or one with {mark}, for {what}. Received: {folder}"
            )
    with writing(f"{what} {folder}"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as part:
            written = pathlib.Path(part) / folder.name
            written.mkdir()
            yield written
            if folder.exists():
                folder.rename(pathlib.Path(part) / "before")
            written.rename(folder)


@contextlib.contextmanager
def locked(folder, seconds=10.0):
    """Holds the lock of a folder. One thread or process at a time can hold it.

    The lock binds only those who ask for it. It ends with the process that holds it. On systems
    without locks, nothing is locked.

    Args:
        folder: pathlib.Path.
        seconds: the longest wait. After that, the holder is taken to hang, and the work
            continues without the lock.
    """
    try:
        import fcntl

        descriptor, end = os.open(folder, os.O_RDONLY), time.monotonic() + seconds
    except (ImportError, OSError):  # Windows has no fcntl
        yield
        return
    try:
        while time.monotonic() < end:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.002)
            except OSError:  # a file system without locks
                break
        yield
    finally:
        os.close(descriptor)


def _reason(error):
    """The errno behind an exception: its own, or the one in its text. None for other errors."""
    if isinstance(error, OSError) and error.errno in REASONS:
        return error.errno
    text = str(error)
    for number in REASONS:
        if os.strerror(number) in text or f"errno = {number}," in text:
            return number
    return None


def _let_go(error):
    """Closes the files that an exception keeps open.

    h5py then tries to write the rest, fails, and complains. The complaint is silenced.
    """
    hook, sys.unraisablehook = sys.unraisablehook, lambda unraisable: None
    try:
        while error is not None:
            traceback.clear_frames(error.__traceback__)
            error = error.__context__
        gc.collect()
    finally:
        sys.unraisablehook = hook
