"""Writing files: whole or not at all, with clear errors for a full disk and a folder that cannot be written."""

import contextlib
import errno
import gc
import os
import pathlib
import sys
import time
import traceback

REASONS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)


@contextlib.contextmanager
def writing(what):
    """Turns whatever is raised inside for a full disk or a read-only folder into one OSError that says so.

    HDF5 and TensorFlow wrap the system's error in exceptions of their own, which are known by their text alone.

    Args:
        what: str, what is written where, for the message.

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
        reason = os.strerror(number)
        clear = OSError(
            number,
            f"Expected a disk with room, and a folder that can be written, for {what}. Received: {reason}",
        )
        clear.is_ours = True
        raise clear from None


@contextlib.contextmanager
def replacing(path, what):
    """Gives a path to write to, in the same folder, that takes the place of `path` at the end: never a half-written file.

    Args:
        path: pathlib.Path or str; its folder is made where it is missing.
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
def locked(folder, seconds=10.0):
    """Holds the lock of a folder, which one thread or process has at a time; waits for it, but not for ever.

    The lock is advice to those who ask for it. It ends with the process that holds it. Where the system has none, there is none.

    Args:
        folder: pathlib.Path.
        seconds: the longest wait; then the work goes on without the lock, since whoever holds it hangs.
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
    """The errno behind an exception: its own, or the one whose text it quotes; None for other exceptions."""
    if isinstance(error, OSError) and error.errno in REASONS:
        return error.errno
    text = str(error)
    return next(
        (
            number
            for number in REASONS
            if os.strerror(number) in text or f"errno = {number}," in text
        ),
        None,
    )


def _let_go(error):
    """Closes the files that an exception keeps open, without the complaint of h5py, which tries in vain to write the rest."""
    hook, sys.unraisablehook = sys.unraisablehook, lambda unraisable: None
    try:
        while error is not None:
            traceback.clear_frames(error.__traceback__)
            error = error.__context__
        gc.collect()
    finally:
        sys.unraisablehook = hook
