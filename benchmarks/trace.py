"""`python -m benchmarks trace`: where the time of a step of two workers goes, as a picture.

TensorFlow's profiler watches the first of two workers, each on a core of its own. The events of its
threads are sorted into four kinds, and drawn as a time line of a few steps.
"""

import glob
import itertools
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

import numpy as np
from matplotlib.figure import Figure

from benchmarks import report

NETWORKS = ("dense", "conv")
BATCH, STEPS, DRAWN = 128, 32, 4
KINDS = {
    "arithmetic": "#457b9d",
    "all-reduce": "#d1495b",
    "update": "#edae49",
    "rest": "#c8ccd4",
}


def profiled(network, batch, steps, folder):
    """Trains under the strategy of TF_CONFIG, and profiles one epoch on the first worker."""
    import tensorflow as tf

    import keras_ae
    from benchmarks.ours import vae_of

    strategy = keras_ae.distribute.strategy("auto")
    x = np.random.default_rng(0).integers(0, 256, (batch * steps, 28, 28, 1)).astype("uint8")
    with strategy.scope():
        vae = vae_of(network)
        vae.compile()
    chief = keras_ae.distribute.is_chief(strategy)
    vae.fit(x, batch_size=batch, epochs=2, verbose=0)  # traces and compiles
    if chief:
        tf.profiler.experimental.start(folder)
    vae.fit(x, batch_size=batch, verbose=0)
    if chief:
        tf.profiler.experimental.stop()
        print(json.dumps({"steps": steps}))


def events_of(folder):
    """The events of a profile: a list of (begin, end, name), ms, sorted."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    (file,) = glob.glob(f"{folder}/**/*.xplane.pb", recursive=True)
    space = xplane_pb2.XSpace()
    space.ParseFromString(pathlib.Path(file).read_bytes())
    found = []
    for plane in space.planes:
        for line in plane.lines if plane.name == "/host:CPU" else ():
            for event in line.events:
                begin = line.timestamp_ns / 1e6 + event.offset_ps / 1e9
                name = plane.event_metadata[event.metadata_id].name
                found.append((begin, begin + event.duration_ps / 1e9, name))
    return sorted(found)


def sorted_into_kinds(events):
    """Intervals of each kind but "rest": a dict of kind: list of (begin, end), ms.

    Only operations inside the loop over the steps count; their names are paths. An all-reduce lasts
    from the call until the executor goes on. If XLA compiled the step, it is two programs, of which
    the one after an all-reduce updates the weights. Otherwise the names of the operations tell.
    """
    reduces = _all_reduces(events)
    found = {"arithmetic": [], "all-reduce": reduces, "update": []}
    programs = [(a, b) for a, b, name in events if name.startswith("CpuExecutable::ExecuteAsync")]
    compiled = len(programs) <= 2 * len(reduces) + 2
    for begin, end in programs:
        before = [b for _, b in reduces if b <= begin]
        another = before and any(before[-1] <= a < begin for a, _ in programs)
        is_update = compiled and before and not another
        found["update" if is_update else "arithmetic"].append((begin, end))
    for begin, end, name in events:
        path, _, operation = name.rpartition(":")
        if "/" in path and "::" not in name and not operation.startswith(("Collective", "Partit")):
            found["update" if "/adam/" in path else "arithmetic"].append((begin, end))
    return {kind: merged(intervals) for kind, intervals in found.items()}


def _all_reduces(events):
    calls = [(a, b) for a, b, name in events if name.startswith("CollectiveOpV2Kernel::Run")]
    done = [begin for begin, _, name in events if name.startswith("ExecutorState::ProcessAsync::D")]
    found = []
    for begin, end, name in events:
        path, _, operation = name.rpartition(":")
        if operation.startswith("CollectiveReduce") and "/" in path:
            first = [a for a, b in calls if a <= begin <= b + 1]
            last = [time for time in done if begin <= time <= end]
            found.append((min(first, default=begin), min(last, default=end)))
    return found


def merged(intervals):
    """The union of intervals (begin, end): a sorted list without overlaps."""
    union = []
    for begin, end in sorted(intervals):
        if union and begin <= union[-1][1]:
            union[-1] = (union[-1][0], max(end, union[-1][1]))
        else:
            union.append((begin, end))
    return union


def steps_of(kinds):
    """Each step as a dict of kind: ms, and "begin", "end": from one all-reduce to the next."""
    begins = [begin for begin, _ in kinds["all-reduce"]]
    steps = []
    for first, last in itertools.pairwise(begins):
        step, taken = {"begin": first, "end": last}, []
        for kind in ("all-reduce", "update", "arithmetic"):  # what waits comes first
            before = sum(b - a for a, b in taken)
            taken = merged(taken + _clipped(kinds[kind], first, last))
            step[kind] = sum(b - a for a, b in taken) - before
        step["rest"] = last - first - sum(b - a for a, b in taken)
        steps.append(step)
    return steps


def _clipped(intervals, first, last):
    return [(max(a, first), min(b, last)) for a, b in intervals if b > first and a < last]


def table(traces):
    """The median milliseconds a step, by kind, in Markdown."""
    lines = [f"| network | step | {' | '.join(KINDS)} |", "|---" * (2 + len(KINDS)) + "|"]
    for network, (_, steps) in traces.items():
        cells = [statistics.median(step["end"] - step["begin"] for step in steps)]
        cells += [statistics.median(step[kind] for step in steps) for kind in KINDS]
        lines.append(f"| {network} | {' | '.join(f'{ms:.2f} ms' for ms in cells)} |")
    return "\n".join(lines)


def plot(traces, title=""):
    """A time line of a few steps of each network, with the table. A matplotlib Figure."""
    figure = Figure(figsize=(11, 2.9 * len(traces)), dpi=120, layout="constrained")
    panels = figure.subplots(len(traces), 2, squeeze=False, width_ratios=(3.2, 1))
    for (axes, beside), (network, (kinds, steps)) in zip(panels, traces.items(), strict=True):
        shown = steps[len(steps) // 2 :][:DRAWN]
        first, last = shown[0]["begin"], shown[-1]["end"]
        for lane, (kind, color) in enumerate(KINDS.items()):
            busy = merged([interval for some in kinds.values() for interval in some])
            intervals = kinds[kind] if kind in kinds else gaps(_clipped(busy, first, last))
            bars = [(a - first, b - a) for a, b in _clipped(intervals, first, last)]
            axes.broken_barh(bars, (lane - 0.4, 0.8), color=color)
        for step in shown:
            axes.axvline(step["begin"] - first, color="black", linewidth=0.6)
        axes.set(yticks=range(len(KINDS)), yticklabels=list(KINDS), xlim=(0, last - first))
        axes.invert_yaxis()
        axes.set(xlabel="ms", title=f"{network}: {len(shown)} steps, each from a line to the next")
        medians = [(kind, statistics.median(step[kind] for step in steps)) for kind in KINDS]
        whole = statistics.median(step["end"] - step["begin"] for step in steps)
        cells = [[kind, f"{ms:.2f}"] for kind, ms in [*medians, ("whole step", whole)]]
        beside.axis("off")
        drawn = beside.table(cells, colLabels=["kind", "ms a step"], loc="center")
        drawn.scale(1, 1.4)
    figure.suptitle(title, fontsize=9)
    return figure


def gaps(intervals):
    """What lies between the intervals of a sorted list without overlaps."""
    return [(a[1], b[0]) for a, b in itertools.pairwise(intervals)]


def main(quick=False, folder=None):
    """Profiles two workers; writes trace.md and trace.png."""
    traces = {}
    for network in NETWORKS:
        with tempfile.TemporaryDirectory() as profile:
            cluster = ["-m", "keras_ae.cli", "cluster", "--workers", "2", "--cores", "1"]
            arguments = [network, str(BATCH), str(8 if quick else STEPS), profile]
            command = [sys.executable, *cluster, "-m", "benchmarks.trace", *arguments]
            done = subprocess.run(command, capture_output=True, text=True, cwd=report.ROOT)
            if done.returncode:
                raise RuntimeError(f"a worker stopped:\n{done.stdout}{done.stderr}")
            kinds = sorted_into_kinds(events_of(profile))
        traces[network] = kinds, steps_of(kinds)
    results = {**report.environment(), "quick": quick}
    lines = ["# A step of two workers", "", *report.heading(results)]
    lines += [f"Batch {BATCH}, shared; medians over the steps of one epoch.", "", table(traces)]
    print("\n".join(lines))
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "trace.md").write_text("\n".join(lines) + "\n")
        title = f"the first of two workers, {results['date']}, {results['machine']}"
        plot(traces, title).savefig(folder / "trace.png")


if __name__ == "__main__":
    profiled(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
