"""`python -m benchmarks.paper`: how more machines would scale, computed from measured pieces.

    step = arithmetic of a worker's share + all-reduce
    all-reduce = 2 (N - 1) (latency + bytes / N / bandwidth)

TensorFlow's all-reduce is a ring: each of N workers sends 2 (N - 1) messages, each with an N-th of
the gradients. Arithmetic and all-reduce are those of results.json, two workers on one machine. The
bandwidth that follows is what TensorFlow itself can do; a slower network is the limit instead.
"""

import json
import pathlib
import statistics

FLOATS = {"dense": 407_224, "conv": 299_724}  # the gradients of the networks of scaling.py
LATENCY = 0.25  # ms of a message: two workers sum up one float in 0.5 ms
WORKERS = (2, 4, 8)
NETWORKS = {"1 Gbit/s": 1.25e5, "10 Gbit/s": 1.25e6}  # bytes in a millisecond


def all_reduce(floats, workers, bandwidth):
    """Milliseconds. bandwidth: bytes in a millisecond."""
    return 2 * (workers - 1) * (LATENCY + 4 * floats / workers / bandwidth)


def own_bandwidth(floats, milliseconds):
    """Bytes in a millisecond, from the all-reduce of two workers on one machine."""
    return 4 * floats / (milliseconds - 2 * LATENCY)


def markdown(scaling):
    """A table: how many times as fast as one worker, each with the same batch.

    Args:
        scaling: what `workers.measure` returns.
    """
    names = [f"{n} workers, {network}" for network in NETWORKS for n in WORKERS]
    lines = [f"| network | batch of each | {' | '.join(names)} |", "|---|" + "---|" * 7]
    for case in scaling["cases"]:
        if case["kind"] != "one":
            continue
        name, batch = case["network"], case["batch"]
        arithmetic = statistics.median(case["ours"]) * batch / 1e3
        own = own_bandwidth(FLOATS[name], statistics.median(scaling["all_reduce"][name]))
        speeds = [
            n * arithmetic / (arithmetic + all_reduce(FLOATS[name], n, min(own, bandwidth)))
            for bandwidth in NETWORKS.values()
            for n in WORKERS
        ]
        cells = " | ".join(f"{speed:.1f}" for speed in speeds)
        lines.append(f"| {name} | {batch} | {cells} |")
    return "\n".join(lines)


def main():
    """Prints the table, from the newest results."""
    newest = json.loads((pathlib.Path(__file__).parent / "results.json").read_text())[0]
    print(markdown(newest["scaling"]))


if __name__ == "__main__":
    main()
