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
    times, x = int(times), tf.ones(int(floats))

    def one_sum(i):
        total = tf.distribute.get_replica_context().all_reduce("SUM", x * tf.cast(i, tf.float32))
        return total[0]

    @tf.function(autograph=False)
    def sums():
        def again(i, _):
            return i + 1, strategy.run(one_sum, args=(i,))

        return tf.while_loop(lambda i, _: i < times, again, (0, 0.0), parallel_iterations=1)

    seconds = []
    for _ in range(int(calls)):
        start = time.perf_counter()
        sums()[1].numpy()
        seconds.append((time.perf_counter() - start) / times)
    if keras_ae.distribute.is_chief(strategy):
        milliseconds = statistics.median(seconds[1:]) * 1e3
        print(json.dumps({"milliseconds": milliseconds, "floats": int(floats)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
