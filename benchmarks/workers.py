"""How training scales with processes, each on a core of its own (MultiWorkerMirroredStrategy)."""

import json
import pathlib
import statistics
import subprocess
import sys

SCRIPT = pathlib.Path(__file__).parent / "scaling.py"
CASES = (
    (1, 128, "one"),
    (2, 128, "strong"),
    (2, 256, "weak"),
)  # processes, batch of all together, how it scales
NETWORKS = ("dense", "conv")


def measure(rounds):
    """Runs the cases in turns: a list of dicts with network, workers, batch, kind and times.

    times: microseconds per image.
    """
    rows = [
        {"network": network, "workers": workers, "batch": batch, "kind": kind, "times": []}
        for network in NETWORKS
        for workers, batch, kind in CASES
    ]
    for _ in range(rounds):
        for row in rows:
            row["times"].append(_microseconds(row["network"], row["workers"], row["batch"]))
            print(
                f"  {row['network']}, {row['kind']}: {row['times'][-1]:.3g} µs an image",
                file=sys.stderr,
            )
    return rows


def _microseconds(network, workers, batch):
    cluster = [
        sys.executable,
        "-m",
        "keras_ae.cli",
        "cluster",
        "--workers",
        str(workers),
        "--cores",
        "1",
    ]
    done = subprocess.run(
        [*cluster, str(SCRIPT), network, str(batch)], capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{workers} workers stopped:\n{done.stdout}{done.stderr}")
    line = next(line for line in done.stdout.splitlines() if "microseconds_an_image" in line)
    return json.loads(line[line.index("{") :])[
        "microseconds_an_image"
    ]  # the worker's number stands before it


def markdown(rows):
    """The table. "times as fast": median over the rounds, against one process in the same round."""
    lines = [
        "| network | processes | batch of each | time, median | times as fast as one process |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        one = next(
            other for other in rows if other["network"] == row["network"] and other["workers"] == 1
        )
        speed = statistics.median(a / b for a, b in zip(one["times"], row["times"], strict=True))
        each = row["batch"] // row["workers"]
        time = statistics.median(row["times"])
        lines.append(
            f"| {row['network']} | {row['workers']} | {each} | "
            f"{time:.3g} µs an image | {speed:.2f} |"
        )
    return "\n".join(lines)
