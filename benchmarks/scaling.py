"""How training scales with workers, each on a core of its own: prints JSON lines.

    keras-ae cluster --workers 1 --cores 1 -m benchmarks.scaling dense 128
    # strong: the same batch, shared
    keras-ae cluster --workers 2 --cores 1 -m benchmarks.scaling dense 128
    # weak: the same batch for each worker
    keras-ae cluster --workers 2 --cores 1 -m benchmarks.scaling dense 256

One worker is a plain process without a strategy, at its best (XLA where it suits the network).
"""

import json
import math
import statistics
import sys
import time

import keras
import numpy as np

import keras_ae
from benchmarks.ours import vae_of

EPOCHS, STEPS = 6, 50  # the first epoch, which compiles, is left out


class Clock(keras.callbacks.Callback):
    """Keeps the seconds of each epoch."""

    def on_train_begin(self, logs=None):
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.start)


def main(network="dense", batch="128", epochs=EPOCHS, steps=STEPS):
    """Trains a VAE of 28 x 28 images; prints the microseconds an image, of all workers together."""
    strategy = keras_ae.distribute.strategy("auto")
    n = int(batch) * int(steps)
    x = np.random.default_rng(0).integers(0, 256, (n, 28, 28, 1)).astype("uint8")
    with strategy.scope():
        vae = vae_of(network)
        vae.compile()
    clock = Clock()
    vae.fit(x, batch_size=int(batch), epochs=int(epochs), verbose=0, callbacks=[clock])
    if keras_ae.distribute.is_chief(strategy):
        microseconds = [seconds / n * 1e6 for seconds in clock.seconds[1:]]
        result = {
            "network": network,
            "workers": strategy.num_replicas_in_sync,
            "batch": int(batch),
            "xla": vae.jit_compile,
            "floats": sum(math.prod(weight.shape) for weight in vae.trainable_variables),
        }
        print(
            json.dumps(
                {
                    **result,
                    "microseconds_an_image": round(statistics.median(microseconds), 1),
                    "epochs": microseconds,
                }
            )
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
