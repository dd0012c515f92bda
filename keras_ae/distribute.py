"""Several devices and several machines: the tf.distribute strategies that a user calls."""

import functools
import itertools
import json
import os

import tensorflow as tf

JOBS = ("chief", "worker")
_KEYS = itertools.count(1000, 1000)
# The strategies over several workers. TensorFlow allows one per process.
_made = []


def strategy(name="auto", *, cluster_resolver=None):
    """The tf.distribute strategy of a name.

    A model made in its `scope()` trains on all its devices.

    Args:
        name: one of
            "auto": "multiworker" if the environment variable TF_CONFIG names several workers,
            "mirrored" if there are several GPUs, else TensorFlow's default, one device;
            "cpu": one device, the processor, even if there are GPUs;
            "mirrored": all GPUs of this machine, or all logical CPUs if there is no GPU;
            "multiworker": all devices of all machines that TF_CONFIG or `cluster_resolver`
            names. Call it before anything else uses TensorFlow;
            or a device, such as "CPU:0" or "GPU:1".
        cluster_resolver: for "multiworker" without TF_CONFIG: a tf.distribute.cluster_resolver,
            for example SlurmClusterResolver().

    Returns:
        tf.distribute.Strategy, the same object for the same devices.

    Raises:
        ValueError: an unknown name; a device that does not exist; TF_CONFIG is missing or
            malformed.

    Example:

        with keras_ae.distribute.strategy("cpu").scope():
            vae = keras_ae.VAE((28, 28, 1), latent_dim=20)
    """
    grow_memory()
    workers = _workers_of_tf_config() if cluster_resolver is None else None
    if name == "auto":
        name = _chosen(workers, cluster_resolver)
        if name == "default":
            return tf.distribute.get_strategy()
    if name == "multiworker":
        if not workers and cluster_resolver is None:
            raise ValueError(
                "Expected the environment variable TF_CONFIG to name the workers for "
                'strategy("multiworker"), or `cluster_resolver`. '
                f"Received: TF_CONFIG={os.environ.get('TF_CONFIG')!r}"
            )
        return _multiworker(cluster_resolver)
    if cluster_resolver is not None:
        raise ValueError(
            'Expected `cluster_resolver` only with the strategy "multiworker". '
            f"Received: name={name!r}"
        )
    devices = [device.name.removeprefix("/device:") for device in tf.config.list_logical_devices()]
    if name == "mirrored":
        gpus = tuple(device for device in devices if device.startswith("GPU"))
        return _mirrored(gpus or tuple(device for device in devices if device.startswith("CPU")))
    device = "CPU:0" if name == "cpu" else name
    device = device.upper().removeprefix("/DEVICE:") if isinstance(device, str) else device
    if device not in devices:
        raise ValueError(
            'Expected a strategy: "auto", "cpu", "mirrored", "multiworker", or a device of this '
            f"machine: {', '.join(devices)}. Received: {name!r}"
        )
    return _one_device(device)


def _chosen(workers, cluster_resolver):
    """The strategy that "auto" stands for: "multiworker", "mirrored" or "default"."""
    if len(workers or ()) > 1 or cluster_resolver:
        return "multiworker"
    return "mirrored" if len(tf.config.list_physical_devices("GPU")) > 1 else "default"


def grow_memory():
    """Lets TensorFlow take GPU memory when it needs it, instead of all at once.

    Does nothing without a GPU, or if a GPU is in use already.
    """
    for gpu in tf.config.list_physical_devices("GPU"):
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # too late: the GPU is initialised already
            return


def is_chief(strategy=None):
    """True on the one worker that writes files.

    Args:
        strategy: tf.distribute.Strategy. None for the strategy in scope, or else the strategy
            over several workers that this process has made.

    Returns:
        bool.
    """
    if strategy is None and not tf.distribute.has_strategy() and _made:
        strategy = _made[-1]
    return (strategy or tf.distribute.get_strategy()).extended.should_checkpoint


def several_workers(strategy=None):
    """True if the strategy spans several processes. None: the strategy in scope."""
    strategy = strategy or tf.distribute.get_strategy()
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return False
    cluster = strategy.cluster_resolver.cluster_spec()
    return sum(cluster.num_tasks(job) for job in cluster.jobs) > 1


def several_replicas_here(strategy=None):
    """True if this process itself has several replicas. None: the strategy in scope."""
    strategy = strategy or tf.distribute.get_strategy()
    return len(strategy.extended.worker_devices) > 1


@functools.cache
def _mirrored(devices):
    class Mirrored(tf.distribute.MirroredStrategy):
        _collective_key_base = next(
            _KEYS
        )  # TensorFlow 2.21 begins at 0 for every strategy, so that two get each other's messages

    return Mirrored(devices)


@functools.cache
def _one_device(device):
    return tf.distribute.OneDeviceStrategy(device)


@functools.cache
def _multiworker(cluster_resolver):
    if cluster_resolver is not None:
        # A resolver tells TensorFlow the number of GPUs in the request to the scheduler. SLURM's
        # says at least one, even for machines without a GPU. So we count the GPUs.
        # cluster_spec() comes first: it sets the task of a SlurmClusterResolver.
        cluster = cluster_resolver.cluster_spec()
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
            'Expected strategy("multiworker") before anything else uses TensorFlow in this '
            f"program. Received: {error}"
        ) from error


def _workers_of_tf_config():
    """The addresses of all workers in TF_CONFIG: a list."""
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
        valid = all(isinstance(address, str) and ":" in address for address in workers)
        valid &= set(cluster) <= set(JOBS)
        valid &= isinstance(task["index"], int) and 0 <= task["index"] < len(cluster[task["type"]])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise error from None
    if not valid:
        raise error
    return workers
