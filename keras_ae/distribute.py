"""Several devices and several machines: tf.distribute strategies, and what `fit` needs beyond them."""

import concurrent.futures
import contextlib
import functools
import itertools
import json
import os
import warnings

import keras
import tensorflow as tf

JOBS = ("chief", "worker")
_KEYS = itertools.count(1000, 1000)
_made = []  # strategies over several workers, of which TensorFlow allows a process one


def strategy(name="auto", *, cluster_resolver=None):
    """The tf.distribute strategy of a name. A model that is made in its `scope()` trains on all of its devices.

    Args:
        name: "auto", "multiworker" if the environment variable TF_CONFIG names several workers, "mirrored" if there are several GPUs,
            else TensorFlow's default, one device; "cpu", one device, the processor, even where there are GPUs; "mirrored", all GPUs of
            this machine, or all logical CPUs, if there is none; "multiworker", all devices of all machines that TF_CONFIG or
            `cluster_resolver` names, to be called before anything else uses TensorFlow; or a device, as "CPU:0" or "GPU:1".
        cluster_resolver: for "multiworker", where TF_CONFIG is not set: a tf.distribute.cluster_resolver, for example
            SlurmClusterResolver().

    Returns:
        tf.distribute.Strategy, the same one for the same devices.

    Raises:
        ValueError: an unknown name; a device that is not there; TF_CONFIG is missing or malformed.
    """
    grow_memory()
    workers = _workers_of_tf_config() if cluster_resolver is None else None
    if name == "auto":
        several_gpus = len(tf.config.list_physical_devices("GPU")) > 1
        name = "multiworker" if len(workers or ()) > 1 or cluster_resolver else "mirrored" if several_gpus else "default"
        if name == "default":
            return tf.distribute.get_strategy()
    if name == "multiworker":
        if not workers and cluster_resolver is None:
            raise ValueError(
                'Expected the environment variable TF_CONFIG to name the workers for strategy("multiworker"), or `cluster_resolver`. '
                f"Received: TF_CONFIG={os.environ.get('TF_CONFIG')!r}"
            )
        return _multiworker(cluster_resolver)
    if cluster_resolver is not None:
        raise ValueError(f'Expected `cluster_resolver` with the strategy "multiworker" alone. Received: name={name!r}')
    devices = [device.name.removeprefix("/device:") for device in tf.config.list_logical_devices()]
    if name == "mirrored":
        gpus = tuple(device for device in devices if device.startswith("GPU"))
        return _mirrored(gpus or tuple(device for device in devices if device.startswith("CPU")))
    device = "CPU:0" if name == "cpu" else name.upper().removeprefix("/DEVICE:") if isinstance(name, str) else name
    if device not in devices:
        raise ValueError(
            f'Expected a strategy: "auto", "cpu", "mirrored", "multiworker", or a device of this machine: {", ".join(devices)}. '
            f"Received: {name!r}"
        )
    return _one_device(device)


def grow_memory():
    """Lets TensorFlow take GPU memory as it needs it, instead of all at once. Does nothing without a GPU or once one is in use."""
    for gpu in tf.config.list_physical_devices("GPU"):
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # too late: the GPU has been initialised
            return


def is_chief(strategy=None):
    """True on the one worker that writes files.

    Args:
        strategy: tf.distribute.Strategy; None: the one in scope, or else the one over several workers that this process has made.
    """
    if strategy is None and not tf.distribute.has_strategy() and _made:
        strategy = _made[-1]
    return (strategy or tf.distribute.get_strategy()).extended.should_checkpoint


def several_workers(strategy=None):
    """True where the strategy in scope, or the given one, spans several processes."""
    return (strategy or tf.distribute.get_strategy()).extended._in_multi_worker_mode()


@functools.cache
def _mirrored(devices):
    class Mirrored(tf.distribute.MirroredStrategy):
        _collective_key_base = next(_KEYS)  # TensorFlow 2.21 begins at 0 for every strategy, so that two get each other's messages

    return Mirrored(devices)


@functools.cache
def _one_device(device):
    return tf.distribute.OneDeviceStrategy(device)


@functools.cache
def _multiworker(cluster_resolver):
    if cluster_resolver is not None:
        # Asked by TensorFlow itself, a resolver tells the GPUs of the scheduler's request: one at least for SLURM, on machines without.
        cluster = cluster_resolver.cluster_spec()  # first: it is what sets the task of a SlurmClusterResolver
        cluster_resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            cluster,
            task_type=cluster_resolver.task_type,
            task_id=cluster_resolver.task_id,
            num_accelerators={"GPU": len(tf.config.list_physical_devices("GPU"))},
            rpc_layer="grpc",
        )
    try:
        _made.append(tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=cluster_resolver))
        return _made[-1]
    except RuntimeError as error:
        if "program startup" not in str(error):
            raise
        raise ValueError(
            f'Expected strategy("multiworker") before anything else uses TensorFlow in this program. Received: {error}'
        ) from error


def _workers_of_tf_config():
    """The addresses of all workers that TF_CONFIG names, a list."""
    text = os.environ.get("TF_CONFIG", "")
    if not text.strip():
        return []
    form = '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}'
    error = ValueError(f"Expected TF_CONFIG to be JSON of the form {form}. Received: {text}")
    try:
        config = json.loads(text)
        cluster, task = config.get("cluster", {}), config.get("task", {})
        workers = [address for job in cluster.values() for address in job]
        if not workers:
            return []
        valid = set(cluster) <= set(JOBS) and all(isinstance(address, str) and ":" in address for address in workers)
        valid &= isinstance(task["index"], int) and 0 <= task["index"] < len(cluster[task["type"]])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise error from None
    if not valid:
        raise error
    return workers


# What `fit` needs on several replicas and workers


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
    spec = dataset.element_spec if isinstance(dataset.element_spec, tuple) else (dataset.element_spec,)
    tensors = len(spec) <= 3 and all(isinstance(part, tf.TensorSpec) and part.shape.rank for part in spec)
    by_files = dataset.options().experimental_distribute.auto_shard_policy != tf.data.experimental.AutoShardPolicy.DATA
    if strategy.num_replicas_in_sync == 1 or not tensors or (several_workers(strategy) and by_files):
        return dataset

    def add(x, y=None, weights=None):
        n = tf.shape(x)[0]
        weights = tf.ones([n]) if weights is None else tf.cast(tf.reshape(weights, [-1]), tf.float32)
        shares = tf.fill([n], 1 / tf.cast(n, tf.float32))
        return x, target(x, y), tf.stack([weights, shares], axis=1)  # 2 x (batch,) -> (batch, 2)

    shared = dataset.map(add, num_parallel_calls=2)
    if hasattr(dataset, "feed"):
        shared.feed = dataset.feed
    return shared


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


def replica():
    """The number of the replica whose step is being run or traced: 0 where there is one."""
    context = tf.distribute.get_replica_context()
    number = 0 if context is None else context.replica_id_in_sync_group
    return number if isinstance(number, int) else int(tf.get_static_value(number))


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
    if not several_workers(strategy):
        return values

    def of_replica(value):
        is_first = tf.distribute.get_replica_context().replica_id_in_sync_group == 0
        return tf.where(is_first, value, tf.zeros_like(value))

    @tf.function
    def on_all(values):
        return [strategy.reduce("SUM", strategy.run(of_replica, (value,)), axis=None) for value in values]

    return on_all([tf.convert_to_tensor(value) for value in values])


def alone(function, *args, **kwargs):
    """Calls a function as this worker alone, even within the scope of several, where making a variable is a matter of all of them.

    For saving and loading: Keras 3.15 makes an optimizer each time to learn its attributes, as its get_attr_skipset stores them under
    another name than it looks for. The scope of a strategy is that of a thread.
    """
    if not several_workers():
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
    with model.distribute_strategy.scope():  # all workers at once: the first value of a variable comes from the chief
        model.optimizer.build(model.trainable_variables)
    if not is_chief(model.distribute_strategy):
        callbacks, verbose = [callback for callback in callbacks if not isinstance(callback, WRITERS)], 0
    return [*callbacks, _BeginWithChief()], verbose


@contextlib.contextmanager
def in_step_with_others(strategy):
    """Turns TensorFlow's error for a worker that died into one that says what to do. It comes some ten seconds after the death."""
    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError) as error:
        if not several_workers(strategy):
            raise
        lines = str(error).strip().splitlines()
        reason = " ".join(line for line in lines if "aborted by" in line or line.startswith("/job:")) or lines[-1]
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


class _BeginWithChief(keras.callbacks.Callback):
    """Gives all workers the state that the chief has read from its backup. Comes after BackupAndRestore."""

    def on_train_begin(self, logs=None):
        model = self.model
        variables = [*model.variables, *model.optimizer.variables]
        *values, epoch = from_chief([*variables, model._initial_epoch or 0], model.distribute_strategy)
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        model._initial_epoch = int(epoch) or None  # where BackupAndRestore leaves it
