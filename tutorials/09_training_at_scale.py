# %% [markdown]
# # Training at scale
#
# **What you will learn**
#
# * how to measure how fast a training is, and what it spends its time on;
# * what XLA, several steps per execution and the way that data come in change;
# * what mixed precision is, and how to see whether it pays;
# * how to train on several devices and on several machines, and how to check that the result is the
#   one of a single device;
# * how a training that was killed goes on as if nothing had happened.
#
# You need to know how to train a model of this library (tutorials 01 and 05). Everything runs on
# one ordinary machine: its processor plays two devices, and two processes play two machines. The
# networks are small and the trainings short, since only their speed and exactness count here. **The
# times are those of the machine that ran this notebook**, a small one that had other work to do.
# Run it on yours. Without MNIST at hand write `"mnist_5k"` instead of `"mnist"`.

# %%
import os
import pathlib
import re
import subprocess
import sys
import time

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import keras_ae

# Before anything is computed: two logical devices on one processor, to try out what needs several.
processor = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)

keras.utils.set_random_seed(0)
plt.rcParams.update({"figure.dpi": 80, "axes.spines.top": False, "axes.spines.right": False})
BLUE, ORANGE, TEAL, GREY = "#0077bb", "#ee7733", "#009988", "#888888"

(x_train, _), (x_test, _) = keras_ae.datasets.load("mnist")
print(keras_ae.training.hardware())
print("devices:", [device.name for device in tf.config.list_logical_devices()])

# %% [markdown]
# ## Measure first
#
# Look at the time per training image. The first epoch also traces and compiles the model, so it
# does not count; of the others we take the fastest, since whatever else the machine does can only
# make a training slower. The clock here is `process_time`, the time that all cores together spend
# on this process, because this machine was busy. On a machine of your own, and with a GPU, use
# `time.perf_counter`, the time that you wait.


# %%
clock = time.process_time


class Stopwatch(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.epochs = []

    def on_epoch_begin(self, epoch, logs=None):
        self.start = clock()

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(clock() - self.start)


def measured(model, data, n, epochs=3, **options):
    """Processor time per image in microseconds, in the fastest epoch, and the extra seconds of the
    first epoch, which compiles.
    """
    watch = Stopwatch()
    model.fit(data, epochs=epochs, verbose=0, callbacks=[watch], **options)
    return min(watch.epochs[1:]) / n * 1e6, watch.epochs[0] - min(watch.epochs[1:])


def dense_vae():
    keras.utils.set_random_seed(0)
    return keras_ae.VAE((28, 28, 1), latent_dim=20, widths=(100,))


def bars(
    values,
    title,
    colours=BLUE,
    label="processor time per training image, microseconds",
    form="%.0f",
):
    fig, axes = plt.subplots(figsize=(8, 0.5 * len(values) + 1), layout="constrained")
    shown = axes.barh(list(values), list(values.values()), color=colours)
    axes.bar_label(shown, fmt=form, padding=4)
    axes.invert_yaxis()
    axes.set(xlabel=label, title=title)
    plt.show()


# %% [markdown]
# ## Compilation, and several steps per execution
#
# A training step of a small network is a hundred small operations. `jit_compile=True` lets the
# compiler XLA make few large ones of them, and `steps_per_execution=32` lets TensorFlow do 32 steps
# before it returns to Python. `compile()` without arguments chooses these settings. Here we switch
# them on one after the other:

# %%
N, BATCH = 6_400, 128
images = x_train[:N]
times, price = {}, {}
for jit_compile, steps in ((False, 1), (False, 32), (True, 32)):
    model = dense_vae()
    model.compile(jit_compile=jit_compile, steps_per_execution=steps)
    name = f"{'XLA' if jit_compile else 'no XLA'}, {steps} step{'s' if steps > 1 else ''}"
    times[name], price[name] = measured(model, images, N, batch_size=BATCH)
    print(f"{name:>16}: {times[name]:5.0f} microseconds per image, ", end="")
    print(f"the first epoch took {price[name]:4.1f} s longer")
bars(times, "dense VAE 784-100-20, batches of 128")
label = "seconds that the first epoch takes longer"
bars(price, "the price of compiling, paid once", ORANGE, label, "%.1f")
model = dense_vae()
model.compile()
print("compile() chooses:", model.training_plan)

# %% [markdown]
# Compilation saves time with each image, and costs time once, before the first step. How many
# epochs it takes to pay depends on the network, the number of images and the processor: compare the
# two numbers of each line.
#
# ## Where the data comes from
#
# `fit` takes arrays or a `tf.data.Dataset`. An array is kept on the device as the bytes it is, and
# shuffled and rescaled there. A dataset can read files, corrupt, augment, or hold more than fits
# into memory; each batch passes through it. With a dataset, put what is slow into `map` with
# several calls at once, and `prefetch` last, so that the next batches are made while the model
# works on this one. A generator in Python is the slowest way, because Python hands over every
# single image. We compare them without XLA:


# %%
def by_hand():
    for i in np.random.default_rng(0).permutation(len(images)):
        yield images[i] / np.float32(255)


images = x_train[:3200]
picture = tf.TensorSpec((28, 28, 1), tf.float32)
slices = tf.data.Dataset.from_tensor_slices(images).shuffle(len(images), seed=0)


def scaled(x):
    return tf.cast(x, tf.float32) / 255


sources = {
    "array": images,
    "tf.data, batch then map": slices.batch(BATCH).map(scaled, num_parallel_calls=2).prefetch(2),
    "tf.data, map then batch": slices.map(scaled).batch(BATCH),
    "Python generator": tf.data.Dataset.from_generator(by_hand, output_signature=picture)
    .batch(BATCH)
    .prefetch(2),
}
times = {}
for name, source in sources.items():
    model = dense_vae()
    model.compile(jit_compile=False)
    options = {"batch_size": BATCH} if name == "array" else {}
    times[name], _ = measured(model, source, len(images), **options)
bars(times, "the same model, the same images", [BLUE, TEAL, ORANGE, GREY])

# %% [markdown]
# The model's own work is the same in all four. The differences are the price of the pipelines.
# Small differences are noise: repeat the measurement before you believe them.
#
# ## Mixed precision
#
# Under the policy `mixed_bfloat16` the layers compute in 16 bits, and the weights stay in 32.
# Numbers of 16 bits take half the memory, and processors and GPUs that have instructions for them
# compute faster; others emulate them and may be slower. `bfloat16` has the range of `float32` with
# 8 instead of 24 bits of precision. The distributions and the loss stay in `float32` in this
# library: log-likelihoods are sums of hundreds of terms. Does it pay on this machine, and does the
# loss suffer? A small network and a few images are enough to see:

# %%
few = x_train[:512]
losses, times = {}, {}
for policy in ("float32", "mixed_bfloat16"):
    keras.config.set_dtype_policy(policy)
    keras.utils.set_random_seed(0)
    model = keras_ae.VAE((28, 28, 1), latent_dim=20, network="conv", widths=(8, 16))
    keras.config.set_dtype_policy("float32")
    model.compile()
    times[policy], _ = measured(model, few, len(few), epochs=4, batch_size=64)
    losses[policy] = model.history.history["loss"]
    compute = model.encoder.layers[1].compute_dtype
    print(f"{policy:>14}: weights {model.weights[0].dtype}, layers compute in {compute}, ", end="")
    print(f"{times[policy]:.0f} microseconds per image, last loss {losses[policy][-1]:.2f} nats")
bars(times, "convolutional VAE 8-16, batches of 64", [BLUE, ORANGE])
apart = np.abs(np.subtract(*losses.values())).max()
print(f"the losses differ by {apart:.2f} nats at most, in {len(losses['float32'])} epochs")
cpu_info = pathlib.Path("/proc/cpuinfo")  # on Linux
flags = set(cpu_info.read_text().split()) if cpu_info.exists() else set()
fast = sorted(flags & {"avx512_bf16", "amx_bf16", "avx_ne_convert"})
print("instructions of this processor for bfloat16:", ", ".join(fast) or "none found")

# %% [markdown]
# The losses stay close. The time is another matter: so small a network spends most of it outside of
# the multiplications, and without special instructions `bfloat16` is emulated. Measure on the
# machine that you train on, with the network that you train, before you choose it.
#
# ## Several devices
#
# Under `tf.distribute` each device, here a *replica*, holds a copy of the weights. A batch $B$ is
# shared among the replicas, each computes the gradient on its share $B_r$, and the gradients are
# added up, so that all copies make the same step:
#
# $$\nabla L = \frac{1}{|B|} \sum_{r} \sum_{i \in B_r} \nabla L(\mathbf{x}^{(i)})$$
#
# In words: it is the gradient of the whole batch, only computed in pieces. So the result should be
# that of one device. It is not, if one averages the *means* of the replicas while one replica has
# fewer images. That happens in a last batch that cannot be shared evenly. We check it with 1,000
# images in batches of 96: the last batch has 40. Build and compile under the strategy's `scope`;
# the rest is as always.

# %%
thousand = x_train[:1000]


def trained(strategy):
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model = keras_ae.AE((28, 28, 1), latent_dim=16, widths=(100,))
        model.compile(keras.optimizers.Adam(1e-3))
    history = model.fit(thousand, batch_size=96, epochs=6, verbose=0).history["loss"]
    return model.get_weights(), history, model.training_plan


results = {name: trained(keras_ae.distribute.strategy(name)) for name in ("cpu", "mirrored")}
for name, (_, _, plan) in results.items():
    print(f"{name:>8}: {plan}")
difference = max(
    np.abs(a - b).max() for a, b in zip(results["cpu"][0], results["mirrored"][0], strict=True)
)
moved = max(np.abs(a).max() for a in results["cpu"][0])
print(
    f"largest difference of a weight after training: {difference:.1e} (largest weight: {moved:.2f})"
)
apart = np.abs(np.subtract(results["cpu"][1], results["mirrored"][1])).max()
print(f"largest difference of the loss in 6 epochs: {apart:.1e} nats per image")

# %% [markdown]
# The losses and the weights agree to rounding. Two *logical* devices share one processor, so this
# is a rehearsal, and no faster. With two GPUs the same lines use both. (A VAE draws codes; its
# replicas draw different ones, so that its weights agree on average only.)
#
# ## Several machines
#
# On several machines the same program runs on each, and the environment variable `TF_CONFIG` tells
# each who it is. To try it out, `keras-ae cluster --workers 2 program.py` starts such a cluster on
# one machine, with real processes that talk over the network interface. The first of them gets
#
# ```json
# {"cluster": {"worker": ["127.0.0.1:40001", "127.0.0.1:40002"]},
#  "task": {"type": "worker", "index": 0}}
# ```
#
# with ports that are free, and the second the same with `"index": 1`. The first is the *chief*, who
# writes the files. This is the program, in which only the first two lines of `train` know of it:

# %%
PROGRAM = """
import os, signal, sys
import keras, keras_ae


def train(folder, cls, kill_in=0):
    strategy = keras_ae.distribute.strategy("auto")  # before anything else uses TensorFlow
    is_chief = keras_ae.distribute.is_chief(strategy)  # one worker alone writes files
    (images, _), _ = keras_ae.datasets.load("digits")
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model = cls((8, 8, 1), latent_dim=8, widths=(64,))
        model.compile(keras.optimizers.Adam(1e-3))
    kill = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: epoch + 1 == kill_in and die(epoch + 1)
    )
    log = keras_ae.TrainingLog(f"{folder}/training.log")
    backup = keras_ae.BackupAndRestore(f"{folder}/backup")
    model.fit(images, batch_size=100, epochs=8, callbacks=[log, kill, backup], verbose=0)
    if is_chief:
        model.save_weights(f"{folder}/end.weights.h5")
    epochs, loss = model.history.epoch, model.history.history["loss"][-1]
    print(f"{strategy.num_replicas_in_sync} replica(s), chief: {is_chief}, ", end="")
    print(f"epochs {epochs[0] + 1} to {epochs[-1] + 1}, last loss {loss:.4f}", flush=True)


def die(epoch):
    print(f"killed at the end of epoch {epoch}, before its backup", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)  # no chance to save anything


if __name__ == "__main__":
    train(sys.argv[1], getattr(keras_ae, sys.argv[2]), int(sys.argv[3]))
"""
pathlib.Path("program.py").write_text(PROGRAM)


def run(folder, cls, kill_in=0, cluster=()):
    """Runs the program in its own process, or in a cluster of them, and prints their output."""
    pathlib.Path(folder).mkdir(exist_ok=True)
    command = [sys.executable, *cluster, "program.py", folder, cls, str(kill_in)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run(command, env=environment, **output)
    # TensorFlow says, for example, which GPU it does not find.
    of_tensorflow = re.compile(r"(\[\d+\] )?([IWE]\d{4} |WARNING: All log messages)")
    lines = [line for line in done.stdout.splitlines() if not of_tensorflow.match(line)]
    print(*lines, f"exit code {done.returncode}", sep="\n")


def end(folder, cls):
    model = cls((8, 8, 1), latent_dim=8, widths=(64,))
    model.load_weights(f"{folder}/end.weights.h5")
    return model.get_weights()


def largest_difference(a, b):
    return max(np.abs(x - y).max() for x, y in zip(a, b, strict=True))


import program  # noqa: E402  (it has just been written)

program.train("alone", keras_ae.AE)  # in this process
run("cluster", "AE", cluster=("-m", "keras_ae.cli", "cluster", "--workers", "2"))
apart = largest_difference(end("alone", keras_ae.AE), end("cluster", keras_ae.AE))
print(f"largest difference of a weight: {apart:.1e}")

# %% [markdown]
# Two processes, each of which saw half of every batch, end with the weights of one. On real
# machines the scheduler sets `TF_CONFIG`; the guide `docs/distributed.md` shows how for SLURM and
# Kubernetes.
#
# ## Resume after a kill
#
# Long trainings get killed: by a time limit, a reboot, a spot instance that is taken away.
# `BackupAndRestore` keeps, after each epoch, the weights, the state of the optimizer, the number of
# the epoch and the state of the random numbers. So a training that is started again does not only
# go on, it ends *with the same weights*. The test: a VAE, with random draws and shuffled data, is
# killed in its fifth epoch without warning, and started again. Beside it one that is left alone.

# %%
program.train("whole", keras_ae.VAE)  # in this process
run("killed", "VAE", kill_in=5)
run("killed", "VAE")
apart = largest_difference(end("whole", keras_ae.VAE), end("killed", keras_ae.VAE))
print(f"largest difference of a weight: {apart:.1e}")

# %%
fig, axes = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
lines = keras_ae.TrainingLog("killed/training.log").read()
whole = {line["epoch"]: line["loss"] for line in keras_ae.TrainingLog("whole/training.log").read()}
axes.plot([line["epoch"] for line in lines], [line["loss"] for line in lines], "o-", color=BLUE)
axes.axvline(5, color=GREY, linewidth=1)
axes.text(
    5.1, max(whole.values()), "killed in this epoch,\nand started again", va="top", color=GREY
)
axes.set(xlabel="epoch", ylabel="loss, nats per image", title="the log of the killed training")
plt.show()
apart = max(abs(line["loss"] - whole[line["epoch"]]) for line in lines)
print(f"largest difference of the loss from the training left alone: {apart:.1e} nats per image")

# %% [markdown]
# ## What we have seen
#
# * Measure the fastest epoch, not the first. `compile()` chooses what suits the model, and
#   `training_plan` says what.
# * Feed arrays if they fit into memory; otherwise a `tf.data.Dataset` that batches early and
#   prefetches.
# * Mixed precision takes one line; whether it is faster depends on the processor. Several devices
#   take two lines, and should not change the result.
# * With a backup that holds *all* of the state, a kill costs at most one epoch, and nothing else.
#
# ## Exercises
#
# 1. Measure batches of 32, 128, 512 and 2048. Which has the fastest images, and which the lowest
#    loss after a minute?
# 2. Measure the convolutional VAE with `jit_compile=True`. Why does `compile()` choose otherwise on
#    a processor?
# 3. In the program, replace `keras_ae.BackupAndRestore` by that of Keras and kill the training in
#    other places. Does it end with the same weights each time?
# 4. Give the cluster `--restarts 1`, and kill one worker only. What do the others do?
# 5. Train a VAE under `"cpu"` and `"mirrored"`. By how much do the losses differ, and by how much
#    do they between two seeds?
#
# <details><summary>Solutions</summary>
#
# 1. `measured(model, images, N, batch_size=B)` for each `B`. Large batches are faster per image, up
#    to a point, but make fewer steps.
# 2. `model.compile(jit_compile=True)` and the default one, for `network="conv"`: `training_plan`
#    gives the reason.
# 3. `keras.callbacks.BackupAndRestore` keeps weights and optimizer. Compare by
#    `largest_difference`, and ask what else a training draws from: the order of the data and the
#    random codes.
# 4. `cluster=("-m", "keras_ae.cli", "cluster", "--workers", "2", "--restarts", "1")`. Without the
#    killed worker the other one cannot go on. It stops with an error, and both start again.
# 5. `keras.utils.set_random_seed(0)` and `(1)` under "cpu" give the difference between seeds.
#    Compare it with the difference between the strategies.
#
# </details>
#
# ## References
#
# * M. Abadi et al., "TensorFlow: a system for large-scale machine learning", OSDI 2016.
# * P. Micikevicius et al., "Mixed precision training", ICLR 2018.
# * P. Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", arXiv:1706.02677,
#   2017.
# * TensorFlow, ["Distributed training with
#   TensorFlow"](https://www.tensorflow.org/guide/distributed_training), and ["Better performance
#   with the tf.data API"](https://www.tensorflow.org/guide/data_performance).
