"""`python -m benchmarks learning`: nats on images that were held out, against seconds of training.

Every contestant trains in a process of its own for the same time, which counts training only: the
measurements between are left out, and so is compiling, which stands beside. All are measured by the
same lines of numpy with the same noise: minus the evidence lower bound, one draw an image.
"""

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import time

import numpy as np
from matplotlib.figure import Figure

from benchmarks import report, task, worker

HELD_OUT, SLICES, SLICE = 2_000, 5, 11_520  # images; a slice is 90 batches of 128
QUICK = (256, 2, 512)
CONTESTANTS = {  # name: (function of this module, its arguments, the package that it needs)
    'keras_ae, "dense"': ("ours", ("dense",), None),
    'keras_ae, "conv"': ("ours", ("conv",), None),
    'keras_ae, "mixer"': ("ours", ("mixer",), None),
    "keras.io's VAE, transposed convolutions": ("keras_io", (), None),
    'PyTorch, the network of "conv"': ("torch_conv", (), "torch"),
    "pythae's trainer, the dense VAE": ("pythae", (), "pythae"),
}


class Clock:
    """The seconds of each piece of training, and the nats after some of them.

    Args:
        seconds: float, how long to train.
        held_out: float32 (n, 28, 28, 1) in [0, 1].
    """

    def __init__(self, seconds, held_out):
        self.seconds, self.held_out = seconds, held_out
        self.durations, self.measured = [], []  # measured: (number of pieces, nats)
        self._due = 0.0
        self._start = time.perf_counter()

    def piece(self, encode, decode):
        """Notes that a piece of training has ended. Returns whether the time is over.

        encode: x (n, 28, 28, 1) -> loc, scale, each (n, 20); decode: (n, 20) -> logits (n, ...).
        """
        self.durations.append(time.perf_counter() - self._start)
        spent = sum(self._without_compiling())
        done = len(self.durations) > 1 and spent >= self.seconds
        if done or spent >= self._due:
            nats = nats_of(self.held_out, encode, decode)
            self.measured.append((len(self.durations), nats))
            self._due = 1.1 * spent  # so that points are even on a logarithmic axis
        self._start = time.perf_counter()
        return done

    def _without_compiling(self):
        """The durations. The first, in which all is compiled, counts as the second."""
        return [*self.durations[1:2], *self.durations[1:]]

    def result(self):
        """{"compile_seconds", "seconds", "nats"}: lists, one number per measurement."""
        durations = np.cumsum(self._without_compiling())
        return {
            "compile_seconds": max(0.0, self.durations[0] - self.durations[1]),
            "seconds": [float(durations[n - 1]) for n, _ in self.measured],
            "nats": [nats for _, nats in self.measured],
        }


def nats_of(x, encode, decode):
    """Minus the evidence lower bound, the mean over the images: x (n, 28, 28, 1) in [0, 1]."""
    loc, scale = (np.asarray(part, "float64") for part in encode(x))
    noise = np.random.default_rng(0).standard_normal(loc.shape)
    logits = np.asarray(decode((loc + scale * noise).astype("float32")), "float64")
    logits = logits.reshape(x.shape)
    reconstruction = np.sum(np.logaddexp(0, logits) - x * logits)
    kl = 0.5 * np.sum(loc**2 + scale**2 - 1 - 2 * np.log(scale))
    return float((reconstruction + kl) / len(x))


def ours(slices, clock, network):
    """keras_ae's VAE."""
    from benchmarks import ours as module

    vae = module.vae_of(network)
    vae.compile()

    def encode(x):
        q = vae.posterior(x)
        return q.mean(), q.stddev()

    fit = {"batch_size": task.BATCH, "epochs": 1, "verbose": 0}
    _train(slices, clock, lambda x: vae.fit(x, **fit), encode, vae.decoder)


def keras_io(slices, clock):
    """The VAE of keras.io's example, with as many parameters as our network "conv"."""
    import keras

    from benchmarks import keras_io as module
    from benchmarks.ours import vae_of

    vae = module.transposed_of_size(module.parameters_of(vae_of("conv")))
    vae.compile(optimizer=keras.optimizers.Adam(task.LEARNING_RATE))

    def encode(x):
        loc, log_var, _ = vae.encoder.predict(x, verbose=0)
        return loc, np.exp(0.5 * log_var)

    def decode(z):
        p = np.clip(vae.decoder.predict(z, verbose=0).astype("float64"), 1e-7, 1 - 1e-7)
        return np.log(p) - np.log1p(-p)

    fit = {"batch_size": task.BATCH, "epochs": 1, "verbose": 0}
    slices = [x.astype("float32") / 255 for x in slices]
    _train(slices, clock, lambda x: vae.fit(x, **fit), encode, decode)


def torch_conv(slices, clock):
    """The twin of our network "conv" in PyTorch, channels_last."""
    import torch

    from benchmarks import torch_conv as module
    from benchmarks import torch_vae
    from benchmarks.ours import vae_of

    encoder, decoder = module.twins(vae_of("conv"))
    slices = [torch.from_numpy(x).permute(0, 3, 1, 2).float() / 255 for x in slices]
    one_pass = torch_vae.one_pass_of(encoder, decoder)
    functions = _functions_of_torch(encoder, decoder, lambda x: x.permute(0, 3, 1, 2))
    _train(slices, clock, one_pass, *functions)


def _functions_of_torch(encoder, decoder, arranged):
    import torch

    def encode(x):
        with torch.no_grad():
            loc, log_var = encoder(arranged(torch.from_numpy(x))).chunk(2, dim=1)
        return loc.numpy(), np.exp(0.5 * log_var.numpy())

    def decode(z):
        with torch.no_grad():
            return decoder(torch.from_numpy(z)).numpy()

    return encode, decode


def pythae(slices, clock):
    """pythae's VAE and trainer. A piece is an epoch, since its trainer cannot be paused."""
    from benchmarks import pythae_vae, torch_vae

    encoder, decoder = torch_vae.dense_network()
    functions = _functions_of_torch(encoder, decoder, lambda x: x.flatten(1))
    x = np.concatenate(slices).astype("float32") / 255
    pythae_vae.train_until(encoder, decoder, x, lambda: clock.piece(*functions))


def _train(slices, clock, one_pass, encode, decode):
    while True:
        for x in slices:
            one_pass(x)
            if clock.piece(encode, decode):
                return


def contestant(name, seconds, quick):
    """Trains one contestant in this process: its curve, a dict."""
    held, slices, length = QUICK if quick else (HELD_OUT, SLICES, SLICE)
    x = task.images(slices * length + held)
    function, arguments, _ = CONTESTANTS[name]
    clock = Clock(seconds, x[-held:].astype("float32") / 255)
    globals()[function](np.split(x[:-held], slices), clock, *arguments)
    return clock.result()


def main(quick=False, folder=None, seconds=30.0):
    """Runs all contestants, one after the other; writes learning.json, .md and .png."""
    curves = {}
    for name, (_, _, package) in CONTESTANTS.items():
        if package and not importlib.util.find_spec(package):
            print(f"  {name}: skipped, {package} is not installed", file=sys.stderr)
            continue
        if not quick:
            worker.wait_for_quiet()
        curves[name] = _process(name, 2.0 if quick else seconds, quick)
        last = curves[name]
        print(f"  {name}: {last['nats'][-1]:.2f} nats", file=sys.stderr)
    results = {**report.environment(), "quick": quick, "curves": curves}
    print(markdown(results))
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "learning.json").write_text(json.dumps(results, indent=1) + "\n")
        (folder / "learning.md").write_text(markdown(results))
        plot(results).savefig(folder / "learning.png")


def _process(name, seconds, quick):
    command = [sys.executable, "-m", "benchmarks.learning", name, str(seconds), str(int(quick))]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=report.ROOT)
    if done.returncode:
        raise RuntimeError(f"{name} stopped:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def markdown(results):
    """The table: nats after some seconds of training."""
    times = (1, 3, 10, 20, 30)
    lines = ["# Learning per second", "", *report.heading(results)]
    lines += [
        "Minus the evidence lower bound of MNIST images that were held out, in nats an image, at "
        "the first measurement after so many",
        "seconds of training. Compiling is not counted, and stands in the last column.",
        "",
        "| contestant | " + " | ".join(f"{t} s" for t in times) + " | compiling |",
        "|---|" + "---|" * (len(times) + 1),
    ]
    for name, curve in results["curves"].items():
        pairs = list(zip(curve["seconds"], curve["nats"], strict=True))
        cells = [next((f"{nats:.1f}" for s, nats in pairs if s >= t), "") for t in times]
        lines.append(f"| {name} | {' | '.join(cells)} | {curve['compile_seconds']:.1f} s |")
    return "\n".join(lines) + "\n"


def plot(results):
    """The curves, as a matplotlib Figure."""
    figure = Figure(figsize=(9, 5), dpi=120, layout="constrained")
    axes = figure.subplots()
    for name, curve in results["curves"].items():
        style = {} if name.startswith("keras_ae") else {"linestyle": "--"}
        axes.plot(curve["seconds"], curve["nats"], marker=".", label=name, **style)
    lowest = min(min(curve["nats"]) for curve in results["curves"].values())
    axes.set(xscale="log", xlabel="seconds of training, without compiling")
    axes.set_ylabel("nats an image, held out; less is better")
    axes.set_ylim(lowest - 2, max(lowest + 60, lowest * 1.5))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize=9)
    axes.set_title(f"{results['date']}, {results['machine']}", fontsize=8, loc="right")
    return figure


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        answer = contestant(sys.argv[1], float(sys.argv[2]), bool(int(sys.argv[3])))
    print(json.dumps(answer))
