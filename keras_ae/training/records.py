"""What an objective reports beside its loss: parts for the logs, values for the end of the step."""

import contextlib
import contextvars

# Each replica runs in its own thread, so each has its own context.
_current = contextvars.ContextVar("record", default=None)


class Record:
    """What was reported while the record was open.

    Attributes:
        parts: dict of (batch,) tensors: parts of the objective, by the name in the logs.
        kept: dict of values that were kept for the end of the training step.
    """

    def __init__(self, outer=None, kept=None):
        self.outer, self.parts, self.kept = outer, {}, dict(kept or {})


@contextlib.contextmanager
def recording():
    """Opens a record. It alone gets the parts; the records outside it get the kept values, too."""
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
    """Keeps values for the end of the training step, if a step is running."""
    record = _current.get()
    while record is not None:
        record.kept.update(values)
        record = record.outer
