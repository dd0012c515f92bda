"""What `fit` needs on several replicas and several workers."""

import concurrent.futures
import contextlib
import warnings

import keras
import tensorflow as tf

from keras_ae import distribute
from keras_ae.training import keras_internals


def with_shares(dataset, strategy, target=lambda x, y: x if y is None else y):
    """Tells each example what part of its global batch it is, so that replicas with unequal numbers of examples average right.

    Args:
        dataset: tf.data.Dataset of batches x, (x,), (x, y) or (x, y, sample_weight).
        strategy: the strategy that will split the batches among its replicas.
        target: function x, y -> y, y being None where the dataset has none.

    Returns:
        tf.data.Dataset of (x, y, (batch, 2): weight and 1 / batch). The dataset itself, if it is of another
        form, or if there is one replica, or if TensorFlow may deal whole files to the workers, each of which then has batches of its own.
    """
    spec = (
        dataset.element_spec if isinstance(dataset.element_spec, tuple) else (dataset.element_spec,)
    )
    tensors = len(spec) <= 3 and all(
        isinstance(part, tf.TensorSpec) and part.shape.rank for part in spec
    )
    by_files = (
        dataset.options().experimental_distribute.auto_shard_policy
        != tf.data.experimental.AutoShardPolicy.DATA
    )
    if (
        has_shares(dataset)
        or strategy.num_replicas_in_sync == 1
        or not tensors
        or (distribute.several_workers(strategy) and by_files)
    ):
        return dataset

    def add(x, y=None, weights=None):
        n = tf.shape(x)[0]
        weights = (
            tf.ones([n]) if weights is None else tf.cast(tf.reshape(weights, [-1]), tf.float32)
        )
        shares = tf.fill([n], 1 / tf.cast(n, tf.float32))
        return x, target(x, y), tf.stack([weights, shares], axis=1)  # 2 x (batch,) -> (batch, 2)

    shared = dataset.map(add, num_parallel_calls=2)
    shared.has_shares = True
    if hasattr(dataset, "feed"):
        shared.feed = dataset.feed
    return shared


def has_shares(dataset):
    """Whether `with_shares` has told the examples of a dataset their shares already."""
    return getattr(dataset, "has_shares", False)


def possible(strategy, jit_compile, steps_per_execution):
    """What `compile` may use of XLA and of several steps at once: neither, with a warning, for several replicas.

    TensorFlow's XLA does not reach the variables of another device (https://www.tensorflow.org/xla/known_issues), and Keras' loop over
    several steps fails on the batches of several replicas (Keras 3.15, TensorFlow 2.21).
    """
    if strategy.num_replicas_in_sync == 1:
        return jit_compile, steps_per_execution
    if jit_compile is True or steps_per_execution not in (1, "auto"):
        warnings.warn(
            "Expected jit_compile=False and steps_per_execution=1, which several replicas need and get. "
            f"Received: jit_compile={jit_compile}, steps_per_execution={steps_per_execution}",
            stacklevel=3,
        )
    return False, 1


def split_shares(sample_weight):
    """(batch, 2) of `with_shares` -> weights (batch,), shares (batch,). Anything else: itself, None."""
    if sample_weight is None or len(sample_weight.shape) != 2 or sample_weight.shape[1] != 2:
        return sample_weight, None
    return sample_weight[:, 0], sample_weight[:, 1]


def never_empty(array):
    """Gives a replica that got nothing of the last batch one example of zeros, of weight 0: some distributions cannot draw none."""
    missing = tf.cast(tf.shape(array)[0] == 0, tf.int32)
    return tf.pad(array, [[0, missing]] + [[0, 0]] * (array.shape.rank - 1))


def sum_over_replicas(tensors):
    """The sums of tensors over all replicas. Replicas wait here for each other."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return tensors
    return context.all_reduce(tf.distribute.ReduceOp.SUM, tensors)


def all_of_replicas(tensor):
    """The rows of all replicas, one after the other. Replicas wait here for each other."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return tensor
    return context.all_gather(tensor, axis=0)


def from_chief(values, strategy):
    """The chief's values, a list, on every worker: a collective operation, in which all workers take part. Outside replicas."""
    if not distribute.several_workers(strategy):
        return values

    def of_replica(value):
        is_first = tf.distribute.get_replica_context().replica_id_in_sync_group == 0
        return tf.where(is_first, value, tf.zeros_like(value))

    @tf.function
    def on_all(values):
        return [
            strategy.reduce("SUM", strategy.run(of_replica, (value,)), axis=None)
            for value in values
        ]

    return on_all([tf.convert_to_tensor(value) for value in values])


def alone(function, *args, **kwargs):
    """Calls a function as this worker alone, even within the scope of several, where making a variable is a matter of all of them.

    For saving and loading: Keras 3.15 makes an optimizer each time to learn its attributes, as its get_attr_skipset stores them under
    another name than it looks for. The scope of a strategy is that of a thread.
    """
    if not distribute.several_workers():
        return function(*args, **kwargs)
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        return thread.submit(function, *args, **kwargs).result()


def prepare_worker(model, callbacks, verbose):
    """Makes the callbacks and the verbosity of one worker's fit: only the chief writes, all begin where the chief begins.

    Args:
        model: a compiled model made in the scope of a MultiWorkerMirroredStrategy.
        callbacks: list of Keras callbacks.
        verbose: as in keras.Model.fit.

    Returns:
        list of callbacks, verbose.
    """
    with (
        model.distribute_strategy.scope()
    ):  # all workers at once: the first value of a variable comes from the chief
        model.optimizer.build(model.trainable_variables)
    if not distribute.is_chief(model.distribute_strategy):
        callbacks, verbose = (
            [callback for callback in callbacks if not isinstance(callback, WRITERS)],
            0,
        )
    return [*callbacks, BeginWithChief()], verbose


@contextlib.contextmanager
def in_step_with_others(strategy):
    """Turns TensorFlow's error for a worker that died into one that says what to do. It comes some ten seconds after the death."""
    try:
        yield
    except (
        tf.errors.UnavailableError,
        tf.errors.AbortedError,
        tf.errors.DeadlineExceededError,
    ) as error:
        if not distribute.several_workers(strategy):
            raise
        lines = str(error).strip().splitlines()
        reason = (
            " ".join(line for line in lines if "aborted by" in line or line.startswith("/job:"))
            or lines[-1]
        )
        raise ConnectionError(
            "Expected all workers of the cluster to go on. Start all of them again; with keras.callbacks.BackupAndRestore the training "
            f"resumes from its last backup. Received: {reason}"
        ) from error


WRITERS = (
    keras.callbacks.BackupAndRestore,
    keras.callbacks.ModelCheckpoint,
    keras.callbacks.CSVLogger,
    keras.callbacks.TensorBoard,
)


class BeginWithChief(keras.callbacks.Callback):
    """Gives all workers the state that the chief has read from its backup. Comes after BackupAndRestore."""

    def on_train_begin(self, logs=None):
        model = self.model
        variables = [*model.variables, *model.optimizer.variables]
        first_epoch = keras_internals.first_epoch(model) or 0
        *values, first_epoch = from_chief([*variables, first_epoch], model.distribute_strategy)
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        keras_internals.set_first_epoch(model, int(first_epoch) or None)
