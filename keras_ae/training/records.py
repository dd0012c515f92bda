"""What an objective tells beside its loss: parts for the logs, and tensors for the end of the training step."""

import contextlib
import contextvars

_current = contextvars.ContextVar(
    "record", default=None
)  # each replica runs in a thread, and so in a context, of its own


class Record:
    """What was told while a record was open.

    Attributes:
        parts: dict of (batch,) tensors, parts of the objective, by the name that the logs show.
        kept: dict of whatever was kept for the end of the training step.
    """

    def __init__(self, outer):
        self.outer, self.parts, self.kept = outer, {}, {}


@contextlib.contextmanager
def recording():
    """Opens a record. Parts stay in it; what is kept is kept by the records outside it, too."""
    record = Record(_current.get())
    token = _current.set(record)
    try:
        yield record
    finally:
        _current.reset(token)


def log(**parts):
    """Adds parts of the objective to the open record, if there is one."""
    if _current.get() is not None:
        _current.get().parts.update(parts)


def keep(**values):
    """Keeps values for the end of the training step, if one is being run."""
    record = _current.get()
    while record is not None:
        record.kept.update(values)
        record = record.outer
