"""TensorFlow's sum over workers of so many floats, with nothing else: prints JSON.

keras-ae cluster --workers 2 --cores 1 -m benchmarks.allreduce 500000
"""

import json
import statistics
import sys
import time

import tensorflow as tf

import keras_ae

CALLS, TIMES = 5, 50  # the first call, which traces, is left out


def main(floats, calls=CALLS, times=TIMES):
    """Prints the milliseconds of one all-reduce, the median over the calls."""
    strategy = keras_ae.distribute.strategy("auto")
    times = int(times)

    @tf.function
    def sums(x):
        for _ in tf.range(times):
            x = tf.distribute.get_replica_context().all_reduce("MEAN", x)
        return x

    seconds = []
    for _ in range(int(calls)):
        start = time.perf_counter()
        result = strategy.run(sums, args=(tf.ones(int(floats)),))
        strategy.experimental_local_results(result)[0].numpy()
        seconds.append((time.perf_counter() - start) / times)
    if keras_ae.distribute.is_chief(strategy):
        milliseconds = statistics.median(seconds[1:]) * 1e3
        print(json.dumps({"milliseconds": milliseconds, "floats": int(floats)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
