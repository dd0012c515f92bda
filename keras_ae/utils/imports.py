"""Importing TensorFlow and what builds on it, in less time."""

import contextlib
import gc
import sys


@contextlib.contextmanager
def fast():
    """Keeps the garbage collector from walking through TensorFlow, for the import of heavy packages.

    Their hundreds of thousands of objects stay to the end of the process, yet the collector goes through all of them again and again
    while they are made, at times in a training, and at exit. So it rests meanwhile, and then leaves them alone (`gc.freeze`). The latter
    only if TensorFlow came in here: else a user's own objects may be among what is there.
    """
    if not gc.isenabled():
        yield
        return
    is_new = "tensorflow" not in sys.modules
    if is_new:
        gc.collect()  # what is frozen is never collected
    gc.disable()
    try:
        yield
    finally:
        if is_new and "tensorflow" in sys.modules:
            gc.freeze()
        gc.enable()
