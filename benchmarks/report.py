"""Results as Markdown and as a plot."""

import datetime
import importlib.metadata
import os
import pathlib
import platform
import statistics

from matplotlib.figure import Figure

from benchmarks import workers
from benchmarks.races import MS, RACES, US, S
from keras_ae.training.callbacks import hardware

ROOT = pathlib.Path(__file__).parent.parent
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16")
PROCESSORS = 2  # so many are kept side by side
SCALE = {US: 1e6, MS: 1e3, S: 1.0}  # units a second
TOLERANCE = (
    0.05  # by which the losses of contestants that do the same work may differ from keras_ae's
)


def environment():
    """What the numbers depend on: date, machine, flags, onednn, python and versions, a dict."""
    versions = {}
    for package in (
        "keras-ae",
        "tensorflow",
        "keras",
        "tensorflow-probability",
        "torch",
        "pythae",
        "jax",
        "optax",
        "numpy",
    ):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    if "keras-ae" not in versions:  # run from a checkout
        import keras_ae

        versions = {"keras-ae": keras_ae.__version__, **versions}
    return {
        "date": datetime.date.today().isoformat(),
        "machine": hardware(),
        "flags": flags(),
        "onednn": onednn(),
        "python": platform.python_version(),
        "versions": versions,
    }


def flags():
    """The processor's instruction sets that matter, in one line; "" on systems without /proc."""
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    here = next((line.split() for line in lines if line.startswith("flags")), [])
    return ", ".join(flag for flag in FLAGS if flag in here)


def onednn():
    """Whether TensorFlow uses oneDNN in a process like this one, and who decided."""
    from tensorflow.python.util import _pywrap_util_port

    state = "on" if _pywrap_util_port.IsMklEnabled() else "off"
    value = os.environ.get("TF_ENABLE_ONEDNN_OPTS")
    by = "TensorFlow's own choice" if value is None else f"TF_ENABLE_ONEDNN_OPTS={value}"
    return f"{state} ({by})"


def kept(entries, results):
    """One entry for each of the newest processors, newest first; `results` is the first.

    entries: what was kept before, a list.
    """

    def processor(entry):
        return entry["machine"], entry.get("flags", "")

    others = [entry for entry in entries if processor(entry) != processor(results)]
    return [results, *others][:PROCESSORS]


def heading(results):
    """The lines that say where, when and with what the numbers were measured."""
    versions = ", ".join(f"{package} {version}" for package, version in results["versions"].items())
    line = f"{results['date']}, {results['machine']}."
    if results.get("flags"):
        line += f" Instruction sets: {results['flags']}."
    if results.get("onednn"):
        line += f" oneDNN: {results['onednn']}."
    lines = [f"{line} Python {results['python']}, {versions}.", ""]
    if results["quick"]:
        lines += ["**A quick look on few images: these numbers mean nothing.**", ""]
    return lines


def comparisons(results):
    """One dict per rival, with work, against, ratio, low, high, rounds, target and reached.

    A ratio compares the two times of one round. `ratio` is the median over the rounds, low and high
    are the smallest and the largest. It says how many times as fast as the rival keras_ae is or, if
    the target is a largest time, how many times the rival's time it takes.

    Rounds that other processes disturbed are left out. If that is all of them, `reached` is None,
    and the ratio is that of the disturbed rounds.
    """
    rows = []
    for name, times in results["races"].items():
        rivals = {contestant.name: contestant for contestant in RACES[name].contestants}
        ours = times[0]
        for result in times[1:]:
            rival = rivals.get(result["name"])
            if rival is None:  # an older run; it is a contestant no more
                continue
            faster = rival.at_most is None
            pairs = list(zip(ours["times"], result["times"], strict=True))
            quiet = [
                not (a or b) for a, b in zip(ours["disturbed"], result["disturbed"], strict=True)
            ]
            counted = [
                pair for pair, is_quiet in zip(pairs, quiet, strict=True) if is_quiet
            ] or pairs
            ratios = [b / a if faster else a / b for a, b in counted]
            ratio = statistics.median(ratios)
            if rival.at_least is not None:
                target, reached = (
                    f"at least {rival.at_least:g} times as fast",
                    ratio >= rival.at_least,
                )
            elif rival.at_most is not None:
                target, reached = (
                    f"at most {rival.at_most:g} times its time",
                    ratio <= rival.at_most,
                )
            else:
                target, reached = "none", None
            rows.append(
                {
                    "work": RACES[name].work,
                    "against": rival.name,
                    "ratio": ratio,
                    "low": min(ratios),
                    "high": max(ratios),
                    "says": "times as fast" if faster else "times its time",
                    "target": target,
                    "rounds": sum(quiet),
                    "reached": reached if any(quiet) else None,
                }
            )
    return rows


def markdown(*entries):
    """The report of one processor, or of several: side by side, then each by itself."""
    lines = ["# Benchmarks", ""]
    if len(entries) == 1:
        return "\n".join([*lines, *_markdown_of_one(entries[0])]) + "\n"
    lines += _side_by_side(entries)
    for entry in entries:
        lines += ["", f"## {entry['machine']}", "", *_markdown_of_one(entry)]
    return "\n".join(lines) + "\n"


def _side_by_side(entries):
    names = [f"{entry['machine']}, {entry['date']}" for entry in entries]
    lines = [f"| work | against | target | {' | '.join(names)} |", "|---" * (3 + len(names)) + "|"]
    rows = {}
    for i, entry in enumerate(entries):
        for row in comparisons(entry):
            key = (row["work"], row["against"], row["target"])
            cells = rows.setdefault(key, [""] * len(entries))
            missed = " **missed**" if row["reached"] is False else ""
            cells[i] = f"{row['ratio']:.2f} {row['says']}{missed}"
    return lines + [f"| {' | '.join([*key, *cells])} |" for key, cells in rows.items()]


def _markdown_of_one(results):
    lines = heading(results)
    lines += _markdown_of_races(results) if results["races"] else []
    if results["scaling"]:
        lines += [
            "",
            "Processes pinned to a core each: plain `fit` under MultiWorkerMirroredStrategy, and "
            "PyTorch's DDP over gloo. A speed is",
            "the median over rounds, against one process of the same framework in the same round.",
            "",
            workers.markdown(results["scaling"]),
        ]
    return lines


def _markdown_of_races(results):
    measured = [result for race in results["races"].values() for result in race]
    lines = ["| work | against | keras_ae is | target | | rounds |", "|---|---|---|---|---|---|"]
    words = {True: "reached", False: "**missed**", None: ""}
    for row in comparisons(results):
        ratio = f"{row['ratio']:.2f} {row['says']} ({row['low']:.2f} to {row['high']:.2f})"
        lines += [
            f"| {row['work']} | {row['against']} | {ratio} | {row['target']} | "
            f"{words[row['reached']]} | {row['rounds'] or 'none quiet'} |"
        ]
    rounds = len(measured[0]["times"])
    lines += [
        "",
        f"Ratios: of the two times in one of {rounds} rounds, in which all take a turn one after "
        "the other; the median over the",
    ]
    lines += [
        "rounds without other processes on the machine, and in brackets the smallest and the "
        "largest.",
        "",
    ]
    return lines + _times(results)


def _times(results):
    lines = [
        "| work | contestant | time, median (range) | first pass | value after all passes |",
        "|---|---|---|---|---|",
    ]
    for name, race in results["races"].items():
        for result in race:
            times = _counted(result)
            span = f"({_digits(min(times))} to {_digits(max(times))})"
            time = f"{_digits(statistics.median(times))} {RACES[name].unit} {span}"
            value = (
                ""
                if result["value"] is None
                else f"{result['value']:.2f} nats{_remark(name, race, result)}"
            )
            lines += [
                f"| {RACES[name].work} | {result['name']} | {time} | "
                f"{result['first_seconds']:.1f} s | {value} |"
            ]
    return [
        *lines,
        "",
        "First pass: with all tracing and compiling. Value: the training loss, or minus the "
        "log-likelihood, an image.",
    ]


def _counted(result):
    """The times of the turns that nothing disturbed; all, if there is none."""
    return [
        t for t, bad in zip(result["times"], result["disturbed"], strict=True) if not bad
    ] or result["times"]


def _digits(time):
    """Three digits that count, without an exponent."""
    return f"{time:,.0f}" if time >= 100 else f"{time:.3g}"


def _remark(name, race, result):
    differs = RACES[name].same_value and abs(result["value"] / race[0]["value"] - 1) > TOLERANCE
    return ", **another result than keras_ae's**" if differs else ""


def plot(results):
    """The times as horizontal bars, one panel a race. Returns a matplotlib Figure."""
    races = results["races"]
    heights = [len(race) + 1 for race in races.values()]
    figure = Figure(figsize=(9, 0.42 * sum(heights) + 0.6), dpi=120, layout="constrained")
    panels = figure.subplots(len(races), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[
        :, 0
    ]
    for panel, (name, race) in zip(panels, races.items(), strict=True):
        medians = [statistics.median(_counted(result)) for result in race]
        colors = ["#d1495b"] + ["#8d99ae"] * (len(race) - 1)
        bars = panel.barh([result["name"] for result in race], medians, color=colors)
        panel.bar_label(bars, [f" {_digits(median)}" for median in medians])
        panel.set_title(f"{RACES[name].work}: {RACES[name].unit}", loc="right", fontsize=10)
        panel.invert_yaxis()
        panel.margins(x=0.12)
        panel.spines[["top", "right"]].set_visible(False)
    figure.supxlabel(f"less is better; {results['date']}, {results['machine']}", fontsize=8)
    return figure
