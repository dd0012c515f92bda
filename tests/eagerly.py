"""TensorFlow without graphs: for a few calls, tracing a function takes far longer than running it."""

import contextlib
import warnings

import tensorflow as tf


@contextlib.contextmanager
def eagerly():
    """Within it every tf.function runs as the Python that it was made of. Also a decorator: `@eagerly()`."""
    tf.config.run_functions_eagerly(True)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", "Even though the `tf.config"
            )  # tf.data has its graphs all the same
            yield
    finally:
        tf.config.run_functions_eagerly(False)
