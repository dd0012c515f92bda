"""What `fit` needs on several replicas and several workers."""

import concurrent.futures
import contextlib

import keras
import tensorflow as tf

from keras_ae import distribute
from keras_ae.training import keras_internals


def with_shares(dataset, strategy, target=lambda x, y: x if y is None else y):
    """Adds to each example its share of the global batch: 1 / batch.

    With the shares, the loss is averaged correctly over replicas that have different numbers of
    examples.

    Args:
        dataset: tf.data.Dataset of batches x, (x,), (x, y) or (x, y, sample_weight).
        strategy: the strategy that will split the batches among its replicas.
        target: function x, y -> y. Its y is None if the dataset has none.

    Returns:
        tf.data.Dataset of (x, y, (batch, 2)); the last holds the weight and the share. The
        dataset is returned unchanged if it has another form, or if there is one replica. It is
        also unchanged if TensorFlow may give whole files to the workers, because then each
        worker has its own batches.
    """
    if not _takes_shares(dataset, strategy):
        return dataset

    def add(x, y=None, weights=None):
        return add_shares(x, target(x, y), weights, tf.shape(x)[0])

    shared = dataset.map(add, num_parallel_calls=2)
    shared.has_shares = True
    if hasattr(dataset, "feed"):
        shared.feed = dataset.feed
    return shared


def add_shares(x, y, weights, size):
    """Puts the share of each example, 1 / size, beside its weight: -> x, y, (batch, 2).

    Args:
        x, y: tensors (batch, ...).
        weights: tensor (batch,) or (batch, 1), or None.
        size: int or int32 (), the size of the global batch.
    """
    n = tf.shape(x)[0]
    weights = tf.ones([n]) if weights is None else tf.cast(tf.reshape(weights, [-1]), tf.float32)
    shares = tf.fill([n], 1 / tf.cast(size, tf.float32))
    return x, y, tf.stack([weights, shares], axis=1)  # 2 x (batch,) -> (batch, 2)


def _takes_shares(dataset, strategy):
    """Whether `with_shares` adds shares to the dataset."""
    if has_shares(dataset) or strategy.num_replicas_in_sync == 1:
        return False
    spec = dataset.element_spec
    spec = spec if isinstance(spec, tuple) else (spec,)
    tensors = all(isinstance(part, tf.TensorSpec) and part.shape.rank for part in spec)
    if len(spec) > 3 or not tensors:
        return False
    policy = dataset.options().experimental_distribute.auto_shard_policy
    by_examples = policy == tf.data.experimental.AutoShardPolicy.DATA
    return by_examples or not distribute.several_workers(strategy)


def has_shares(dataset):
    """Whether `with_shares` has added shares to the dataset already."""
    return getattr(dataset, "has_shares", False)


def split_shares(sample_weight):
    """Splits the (batch, 2) of `with_shares`: -> weights (batch,), shares (batch,).

    Anything else is returned as (sample_weight, None).
    """
    if sample_weight is None or len(sample_weight.shape) != 2 or sample_weight.shape[1] != 2:
        return sample_weight, None
    return sample_weight[:, 0], sample_weight[:, 1]


def never_empty(array):
    """Adds one example of zeros if the replica has no examples: (0, ...) -> (1, ...).

    Its weight is 0. Some distributions fail when they draw nothing.
    """
    missing = tf.cast(tf.shape(array)[0] == 0, tf.int32)
    return tf.pad(array, [[0, missing]] + [[0, 0]] * (array.shape.rank - 1))


def sum_over_replicas(tensors):
    """The sums of tensors over all replicas. All replicas wait for each other here."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return tensors
    return context.all_reduce(tf.distribute.ReduceOp.SUM, tensors)


def all_of_replicas(tensor):
    """The rows of all replicas, joined: (n, ...) -> (sum of n, ...).

    All replicas wait for each other here.
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return tensor
    return context.all_gather(tensor, axis=0)


def from_chief(values, strategy):
    """Gives every worker the chief's values.

    This is a collective operation: all workers must call it, outside a replica.

    Args:
        values: list of arrays or numbers.
        strategy: tf.distribute.Strategy.

    Returns:
        list of tensors. With one worker, `values` unchanged.
    """
    if not distribute.several_workers(strategy):
        return values

    def of_replica(value):
        is_first = tf.distribute.get_replica_context().replica_id_in_sync_group == 0
        return tf.where(is_first, value, tf.zeros_like(value))

    def on_all_replicas(value):
        return strategy.reduce("SUM", strategy.run(of_replica, (value,)), axis=None)

    @tf.function
    def on_all(values):
        return [on_all_replicas(value) for value in values]

    return on_all([tf.convert_to_tensor(value) for value in values])


def alone(function, *args, **kwargs):
    """Calls a function on this worker alone, even inside the scope of several workers.

    In that scope, all workers have to make a variable together. Saving and loading make
    variables: Keras 3.15 makes an optimizer each time to learn its attributes, because its
    get_attr_skipset stores them under another name than it looks for. The scope of a strategy
    holds in one thread only, so the function runs in another one.
    """
    if not distribute.several_workers():
        return function(*args, **kwargs)
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        return thread.submit(function, *args, **kwargs).result()


def prepare_worker(model, callbacks, verbose):
    """The callbacks and the verbosity of `fit` on one worker of several.

    Only the chief writes files. All workers begin at the state of the chief.

    Args:
        model: a compiled model made in the scope of a MultiWorkerMirroredStrategy.
        callbacks: list of Keras callbacks.
        verbose: as in keras.Model.fit.

    Returns:
        list of callbacks, verbose.
    """
    strategy = model.distribute_strategy
    # All workers do this together: the first value of a variable comes from the chief.
    with strategy.scope():
        model.optimizer.build(model.trainable_variables)
    if not distribute.is_chief(strategy):
        callbacks = [callback for callback in callbacks if not isinstance(callback, WRITERS)]
        verbose = 0
    return [*callbacks, BeginWithChief()], verbose


@contextlib.contextmanager
def in_step_with_others(strategy):
    """Replaces TensorFlow's error for a dead worker by one that says what to do.

    The error comes about ten seconds after the worker died.
    """
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
        causes = [line for line in lines if "aborted by" in line or line.startswith("/job:")]
        raise ConnectionError(
            "Expected all workers of the cluster to keep running. Start all of them again. With "
            "keras.callbacks.BackupAndRestore the training resumes from its last backup. "
            f"Received: {' '.join(causes) or lines[-1]}"
        ) from error


WRITERS = (
    keras.callbacks.BackupAndRestore,
    keras.callbacks.ModelCheckpoint,
    keras.callbacks.CSVLogger,
    keras.callbacks.TensorBoard,
)


class BeginWithChief(keras.callbacks.Callback):
    """Gives all workers the state that the chief read from its backup.

    List it after BackupAndRestore.
    """

    def on_train_begin(self, logs=None):
        model = self.model
        variables = [*model.variables, *model.optimizer.variables]
        first_epoch = keras_internals.first_epoch(model) or 0
        *values, first_epoch = from_chief([*variables, first_epoch], model.distribute_strategy)
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        keras_internals.set_first_epoch(model, int(first_epoch) or None)
