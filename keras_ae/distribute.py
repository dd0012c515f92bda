"""Several devices and several machines: the tf.distribute strategies that a user calls."""

import functools
import itertools
import json
import os

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
        name = (
            "multiworker"
            if len(workers or ()) > 1 or cluster_resolver
            else "mirrored"
            if several_gpus
            else "default"
        )
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
        raise ValueError(
            f'Expected `cluster_resolver` with the strategy "multiworker" alone. Received: name={name!r}'
        )
    devices = [device.name.removeprefix("/device:") for device in tf.config.list_logical_devices()]
    if name == "mirrored":
        gpus = tuple(device for device in devices if device.startswith("GPU"))
        return _mirrored(gpus or tuple(device for device in devices if device.startswith("CPU")))
    device = (
        "CPU:0"
        if name == "cpu"
        else name.upper().removeprefix("/DEVICE:")
        if isinstance(name, str)
        else name
    )
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
    strategy = strategy or tf.distribute.get_strategy()
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return False
    cluster = strategy.cluster_resolver.cluster_spec()
    return sum(cluster.num_tasks(job) for job in cluster.jobs) > 1


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
        # Asked by TensorFlow itself, a resolver tells the GPUs of the scheduler's request: one at least for SLURM, on machines without.
        cluster = (
            cluster_resolver.cluster_spec()
        )  # first: it is what sets the task of a SlurmClusterResolver
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
        valid = set(cluster) <= set(JOBS) and all(
            isinstance(address, str) and ":" in address for address in workers
        )
        valid &= isinstance(task["index"], int) and 0 <= task["index"] < len(cluster[task["type"]])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise error from None
    if not valid:
        raise error
    return workers
