"""`python -m benchmarks gpu`: what no processor can show, measured on a machine with GPUs.

The tests that need a GPU, training in three precisions with XLA and without on one to all GPUs,
likelihoods, and loading. Without a GPU it says so and measures nothing.
"""

import itertools
import json
import statistics
import subprocess
import sys
import time

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

import keras_ae
from benchmarks import report, task
from benchmarks.ours import vae_of

NETWORKS = ("dense", "conv")
POLICIES = ("float32", "mixed_float16", "mixed_bfloat16")
COUNT, BATCH = 60_000, 512  # images a pass; the batch of each device
_KEYS = itertools.count(500_000, 1000)


def strategy_of(devices):
    """One strategy over the named logical devices, such as ("GPU:0", "GPU:1")."""
    if len(devices) == 1:
        return tf.distribute.OneDeviceStrategy(devices[0])

    class Mirrored(tf.distribute.MirroredStrategy):
        # TensorFlow 2.21 begins at 0 for every strategy, so that two get each other's messages.
        _collective_key_base = next(_KEYS)

    return Mirrored(devices)


def training(devices, network, policy="float32", jit_compile=True, *, x, batch=BATCH, passes=3):
    """Trains a VAE on some devices.

    Args:
        devices: list of str, names of logical devices.
        network: as in `benchmarks.ours.vae_of`.
        policy: str, a Keras dtype policy.
        jit_compile: bool, whether XLA compiles the step.
        x: uint8 (n, 28, 28, 1).
        batch: int, the batch of each device.
        passes: int >= 2, the first of which is not counted.

    Returns:
        dict of the case, with images_a_second, first_seconds (the first pass) and loss.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        with strategy_of(devices).scope():
            vae = vae_of(network)
            vae.compile(jit_compile=jit_compile)
        seconds = []
        for _ in range(passes):
            start = time.perf_counter()
            history = vae.fit(x, batch_size=batch * len(devices), verbose=0).history
            seconds.append(time.perf_counter() - start)
    finally:
        keras.config.set_dtype_policy(before)
    return {
        "network": network,
        "devices": len(devices),
        "policy": policy,
        "xla": jit_compile,
        "images_a_second": len(x) / statistics.median(seconds[1:]),
        "first_seconds": seconds[0],
        "loss": history["loss"][-1],
    }


def likelihood(device, n_samples=task.SAMPLES, *, x):
    """Milliseconds an image of the log-likelihood of the dense VAE, x: float32 (n, 28, 28, 1)."""
    with strategy_of([device]).scope():
        vae = vae_of("dense")
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        vae.log_likelihood(x, n_samples=n_samples).numpy()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:]) * 1e3 / len(x)


def loading(device):
    """Seconds to load "vae_mnist" and to reconstruct an image, in this process."""
    start = time.perf_counter()
    with strategy_of([device]).scope():
        keras_ae.load("vae_mnist").reconstruct(np.zeros((1, 28, 28, 1), "uint8"))
    return time.perf_counter() - start


def cases(devices, quick=False):
    """All combinations that are trained: (devices, network, policy, jit_compile)."""
    counts = range(1, len(devices) + 1)
    policies = POLICIES[:1] if quick else POLICIES
    for n, network, policy, xla in itertools.product(counts, NETWORKS, policies, (True, False)):
        yield devices[:n], network, policy, xla


def measure(devices, quick=False, *, x, batch=BATCH):
    """Every case on the devices: {"training": list of dicts, "likelihood", "loading"}.

    A case that fails is a row with its error, so that the others are kept.
    """
    rows = []
    for case in cases(devices, quick):
        try:
            rows.append(training(*case, x=x, batch=batch, passes=2 if quick else 3))
        except Exception as error:  # of any kind: drivers and compilers have many
            keys = ("network", "devices", "policy", "xla")
            names, *rest = case
            found = dict(zip(keys, (rest[0], len(names), *rest[1:]), strict=True))
            rows.append(found | {"error": str(error).splitlines()[0][:200]})
        print(f"  {rows[-1]}", file=sys.stderr)
    images = task.binary(10 if quick else 100)
    samples = 100 if quick else task.SAMPLES
    return {
        "training": rows,
        "likelihood": likelihood(devices[0], samples, x=images),
        "loading": loading(devices[0]),
    }


def guarded_tests():
    """The last line of the tests that need a GPU, in a process of their own."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_gpu.py"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=report.ROOT)
    return done.stdout.strip().splitlines()[-1]


def main(quick=False, folder=None):
    """Runs all; writes gpu.json, gpu.md and gpu.png."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        sys.exit("No GPU was found by TensorFlow on this machine, so nothing was measured.")
    tests = guarded_tests()  # before this process takes memory
    keras_ae.distribute.grow_memory()
    names = [tf.config.experimental.get_device_details(gpu).get("device_name") for gpu in gpus]
    devices = [f"GPU:{i}" for i in range(len(gpus))]
    results = {**report.environment(), "quick": quick, "gpus": names, "tests": tests}
    results |= measure(devices, quick, x=task.images(1_280 if quick else COUNT))
    write(results, folder)


def write(results, folder):
    """Prints the table, and writes it, the numbers and the picture into a folder unless None."""
    print(markdown(results))
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "gpu.json").write_text(json.dumps(results, indent=1) + "\n")
        (folder / "gpu.md").write_text(markdown(results))
        plot(results).savefig(folder / "gpu.png")


def markdown(results):
    """The table."""
    lines = ["# GPUs", "", f"{', '.join(map(str, results['gpus']))}.", ""]
    lines += report.heading(results)
    lines += [f"Tests that need a GPU: {results['tests']}.", ""]
    lines += ["| network | devices | precision | XLA | images a second | first pass | loss |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for row in results["training"]:
        said = f"{row.get('images_a_second', 0):,.0f} | {row.get('first_seconds', 0):.1f} s | "
        said += f"{row.get('loss', 0):.2f} nats"
        said = f"failed: {row['error']} | |" if "error" in row else said
        xla = "yes" if row["xla"] else "no"
        lines.append(f"| {row['network']} | {row['devices']} | {row['policy']} | {xla} | {said} |")
    lines += [
        "",
        f"Log-likelihood of the dense VAE: {results['likelihood']:.3g} ms an image. Loading "
        f"vae_mnist with one reconstruction: {results['loading']:.2f} s.",
    ]
    return "\n".join(lines) + "\n"


def plot(results):
    """Images a second over the number of devices, a panel a network. A matplotlib Figure."""
    figure = Figure(figsize=(10, 4), dpi=120, layout="constrained")
    for axes, network in zip(figure.subplots(1, len(NETWORKS)), NETWORKS, strict=True):
        for policy, xla in itertools.product(POLICIES, (True, False)):
            points = [
                (row["devices"], row["images_a_second"])
                for row in results["training"]
                if (row["network"], row["policy"], row["xla"]) == (network, policy, xla)
                and "error" not in row
            ]
            if points:
                label = f"{policy}, {'XLA' if xla else 'without XLA'}"
                axes.plot(*zip(*points, strict=True), marker="o" if xla else "x", label=label)
        axes.set(title=network, xlabel="devices", ylim=(0, None))
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("images a second; more is better")
    figure.axes[0].legend(fontsize=8)
    return figure
