"""How training scales with processes on one machine, each on a core of its own, beside PyTorch's.

ours: `fit` under MultiWorkerMirroredStrategy, started by `keras-ae cluster`. theirs: DDP over gloo,
see ddp.py. Each is compared with its own single process in the same round. In the same round two
pieces of a step are measured alone: the arithmetic of one worker's share of the batch, in a single
process, and TensorFlow's all-reduce of as many floats as the model has gradients.
"""

import importlib.util
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
CASES = (  # network, processes, batch of all together, how it scales
    ("dense", 1, 128, "one"),
    ("dense", 1, 64, "share"),
    ("dense", 2, 128, "strong"),
    ("dense", 2, 256, "weak"),
    ("dense", 1, 1024, "one"),
    ("dense", 2, 2048, "weak"),
    ("conv", 1, 128, "one"),
    ("conv", 1, 64, "share"),
    ("conv", 2, 128, "strong"),
    ("conv", 2, 256, "weak"),
)
LARGEST_STEP = 1.25  # target: a step of two workers, over its arithmetic and the raw all-reduce


def measure(rounds, quick=False):
    """Runs the cases in turns.

    Returns:
        dict of "cases": a list of dicts with network, workers, batch, kind, ours and ddp (lists of
        microseconds an image, ddp empty without PyTorch); and "all_reduce": dict of network: list
        of milliseconds.
    """
    keys = ("network", "workers", "batch", "kind")
    cases = [dict(zip(keys, case, strict=True), ours=[], ddp=[]) for case in CASES]
    cases = [case for case in cases if case["batch"] <= 256] if quick else cases
    length = ("2", "4") if quick else ()  # epochs, steps
    with_torch = importlib.util.find_spec("torch") is not None
    raw = {network: [] for network in dict.fromkeys(case["network"] for case in cases)}
    for _ in range(rounds):
        floats = {}
        for case in cases:
            what = (case["network"], str(case["batch"]), *length)
            answer = _cluster(case["workers"], "benchmarks.scaling", *what)
            floats[case["network"]] = answer["floats"]
            case["ours"].append(answer["microseconds_an_image"])
            if with_torch and case["kind"] != "share":
                case["ddp"].append(_ddp(case["workers"], *what)["microseconds_an_image"])
            print(f"  {_line(case)}", file=sys.stderr)
        for network, n in floats.items():
            times = ("2", "4") if quick else ()
            answer = _cluster(2, "benchmarks.allreduce", str(n), *times)
            raw[network].append(answer["milliseconds"])
            print(f"  raw all-reduce, {n} floats: {raw[network][-1]:.3g} ms", file=sys.stderr)
    return {"cases": cases, "all_reduce": raw}


def _line(case):
    theirs = f", DDP {case['ddp'][-1]:.3g}" if case["ddp"] else ""
    what = f"{case['network']}, {case['workers']} processes, batch {case['batch']}"
    return f"{what}: {case['ours'][-1]:.3g} µs an image{theirs}"


def _cluster(workers, module, *arguments):
    """The JSON that the chief of a cluster prints."""
    cluster = ["-m", "keras_ae.cli", "cluster", "--workers", str(workers), "--cores", "1"]
    command = [sys.executable, *cluster, "-m", module, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE.parent)
    if done.returncode:
        raise RuntimeError(f"{workers} workers stopped:\n{done.stdout}{done.stderr}")
    return _answer(done.stdout)


def _ddp(workers, *arguments):
    """The JSON that the first process of DDP prints."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(workers)}
    threads = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.ddp", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **threads, **group, "RANK": str(rank)},
            cwd=HERE.parent,
        )
        for rank in range(workers)
    ]
    outputs = [process.communicate()[0] for process in processes]
    # At times PyTorch aborts while it shuts its process group down, after the answer.
    if '{"' not in outputs[0]:
        raise RuntimeError("\n".join(["DDP stopped:", *outputs]))
    return _answer(outputs[0])


def _answer(output):
    """The last JSON object in the lines of a process; a worker's number may stand before it."""
    line = [line for line in output.splitlines() if '{"' in line][-1]
    return json.loads(line[line.index("{") :])


def compared(scaling):
    """One dict per case of several processes, with what the table says of it."""
    rows = []
    for case in scaling["cases"]:
        if case["workers"] == 1:
            continue
        each = case["batch"] // case["workers"]
        alone = [
            other
            for other in scaling["cases"]
            if other["network"] == case["network"] and other["workers"] == 1
        ]
        wanted = case["batch"] if case["kind"] == "strong" else each
        one = next(c for c in alone if c["batch"] == wanted)
        row = {
            **case,
            "ours_speed": _median_ratio(one["ours"], case["ours"]),
            "ddp_speed": _median_ratio(one["ddp"], case["ddp"]),
        }
        share = next((c for c in alone if c["batch"] == each), None)
        raw = scaling["all_reduce"].get(case["network"])
        rows.append(row | (_pieces(case, share, each, raw) if share and raw else {}))
    return rows


def _pieces(case, share, each, raw):
    """The milliseconds of a step, of what it must consist of, and the ratio."""
    steps = [time * case["batch"] / 1e3 for time in case["ours"]]
    arithmetic = [time * each / 1e3 for time in share["ours"]]
    sums = [a + b for a, b in zip(arithmetic, raw, strict=True)]
    return {
        "step": statistics.median(steps),
        "arithmetic": statistics.median(arithmetic),
        "raw": statistics.median(raw),
        "step_ratio": _median_ratio(steps, sums),
    }


def _median_ratio(above, below):
    """The median over the rounds; None without rounds."""
    ratios = [a / b for a, b in zip(above, below, strict=True)]
    return statistics.median(ratios) if ratios else None


def markdown(scaling):
    """The tables: the speed against one process, and what a step consists of."""
    lines = [
        "| network | processes | batch of each | keras_ae, µs an image | keras_ae, times one "
        "process | DDP, µs an image | DDP, times one process | at least DDP's |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows = {(row["network"], row["workers"], row["batch"]): row for row in compared(scaling)}
    for case in scaling["cases"]:
        if case["kind"] == "share":
            continue
        row = rows.get((case["network"], case["workers"], case["batch"]), {})
        times = [f"{statistics.median(case[name]):.3g}" for name in ("ours", "ddp") if case[name]]
        times += [""] * (2 - len(times))
        ours, theirs = row.get("ours_speed"), row.get("ddp_speed")
        speeds = [f"{speed:.2f}" if speed else "" for speed in (ours, theirs)]
        word = ("reached" if ours >= theirs else "**missed**") if ours and theirs else ""
        each = case["batch"] // case["workers"]
        lines.append(
            f"| {case['network']} | {case['workers']} | {each} | {times[0]} | {speeds[0]} | "
            f"{times[1]} | {speeds[1]} | {word} |"
        )
    whole = [row for row in rows.values() if "step_ratio" in row]
    return "\n".join([*lines, "", *_steps(whole)] if whole else lines)


def _steps(rows):
    lines = [
        "| network | batch of each | a step of two workers | arithmetic of one | raw all-reduce | "
        f"step / (arithmetic + all-reduce) | at most {LARGEST_STEP:g} |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        word = "reached" if row["step_ratio"] <= LARGEST_STEP else "**missed**"
        lines.append(
            f"| {row['network']} | {row['batch'] // row['workers']} | {row['step']:.3g} ms | "
            f"{row['arithmetic']:.3g} ms | {row['raw']:.3g} ms | {row['step_ratio']:.2f} | {word} |"
        )
    return lines
