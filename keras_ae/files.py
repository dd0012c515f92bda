"""Errors of a full disk and of a folder that cannot be written, in words of ours."""

import contextlib
import errno
import os

REASONS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)


@contextlib.contextmanager
def writing(what):
    """Turns whatever is raised inside for a full disk or a read-only folder into one OSError that says so.

    HDF5 and TensorFlow wrap the system's error in exceptions of their own, so that it is known by its text alone.

    Args:
        what: str, what is written where, for the message.

    Raises:
        OSError: with the errno of the system.
    """
    try:
        yield
    except Exception as error:
        number = _reason(error)
        if number is None:
            raise
        message = f"Expected to write {what}, but could not; nothing is left half-written"
        raise OSError(number, f"{message}. Received: {os.strerror(number)}") from error


def _reason(error):
    """The errno behind an exception: its own, or the one whose text it quotes; None for other exceptions."""
    if isinstance(error, OSError) and error.errno in REASONS:
        return error.errno
    text = str(error)
    return next((number for number in REASONS if os.strerror(number) in text or f"errno = {number}," in text), None)
