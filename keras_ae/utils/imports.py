"""Importing TensorFlow, and packages that build on it, in less time."""

import contextlib
import gc
import sys


@contextlib.contextmanager
def fast():
    """Stops the garbage collector while heavy packages are imported.

    The import makes hundreds of thousands of objects that stay until the process ends. The
    collector would go through all of them again and again: during the import, at times during a
    training, and at exit. So it stops during the import and ignores these objects afterwards
    (`gc.freeze`). It ignores them only if TensorFlow was imported here. Otherwise they may
    include objects of the user.
    """
    if not gc.isenabled():
        yield
        return
    is_new = "tensorflow" not in sys.modules
    if is_new:
        gc.collect()  # frozen objects are never collected
    gc.disable()
    try:
        yield
    finally:
        if is_new and "tensorflow" in sys.modules:
            gc.freeze()
        gc.enable()
