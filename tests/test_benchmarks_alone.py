"""The commands of the benchmarks with a table and a picture of their own: learning, trace, gpu."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks import gpu, learning, paper, report, trace


def test_nats_of_held_out_images_are_the_bound():
    x = np.random.default_rng(0).random((5, 4, 4, 1), dtype="float32")
    loc, scale, logit = 0.5, 0.8, 0.3
    nats = learning.nats_of(
        x,
        lambda x: (np.full((5, 2), loc), np.full((5, 2), scale)),
        lambda z: np.full((5, 16), logit),
    )
    kl = 2 * 0.5 * (loc**2 + scale**2 - 1 - 2 * np.log(scale))
    p = 1 / (1 + np.exp(-logit))
    cross = -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum() / 5
    assert nats == pytest.approx(cross + kl)


def test_the_clock_counts_training_only(monkeypatch):
    now = iter([0.0, 5.0, 100.0, 101.0, 200.0, 201.5])  # begin, then end of a piece and begin
    monkeypatch.setattr(learning.time, "perf_counter", lambda: next(now, 300.0))
    monkeypatch.setattr(learning, "nats_of", lambda *_: 100.0)
    clock = learning.Clock(2.4, None)
    assert [clock.piece(None, None) for _ in range(3)] == [False, False, True]
    # the first piece took 5 s, 4 of which were compiling, since the second took 1 s
    assert clock.result()["compile_seconds"] == 4.0
    assert clock.result()["seconds"] == [1.0, 2.0, 3.5]


@pytest.mark.parametrize("name", learning.CONTESTANTS)
@pytest.mark.slow
def test_every_learner_learns(name):
    package = learning.CONTESTANTS[name][2]
    if package:
        pytest.importorskip(package)
    curve = learning._process(name, 0.5, quick=True)
    assert curve["nats"][-1] < curve["nats"][0] < 700 and curve["seconds"][0] > 0


def test_the_curves_are_drawn_and_told():
    curve = {"compile_seconds": 2.5, "seconds": [0.5, 1.5, 4.0], "nats": [300.0, 200.0, 150.0]}
    results = {**report.environment(), "quick": True, "curves": {"keras_ae": curve}}
    assert "| keras_ae | 200.0 | 150.0 |  |  |  | 2.5 s |" in learning.markdown(results)
    (line,) = learning.plot(results).axes[0].lines
    np.testing.assert_allclose(line.get_ydata(), curve["nats"])


def events_of_two_steps(xla):
    """Three times: a call and its all-reduce, 3 ms; update, 1 ms; arithmetic, 4 ms; nothing."""
    update = "CpuExecutable::ExecuteAsyncOnStream" if xla else "while/adam/sub:Sub"
    gradients = "CpuExecutable::ExecuteAsyncOnStream" if xla else "while/conv:Conv2D"
    events = [(-2.0, -1.0, "CollectiveReduceV2_1:CollectiveReduceV2")]  # before the loop
    for start in (0.0, 10.0, 20.0):
        events += [
            (start, start + 0.5, "CollectiveOpV2Kernel::Run"),
            (start + 0.6, start + 5, "while/CollectiveReduceV2:CollectiveReduceV2"),
            (start + 3, start + 5, "ExecutorState::ProcessAsync::Done"),
            (start + 3.5, start + 4.5, update),
            (start + 5, start + 9, gradients),
            (start + 5, start + 9.5, "ExecutorState::Process"),
        ]
    return sorted(events)


@pytest.mark.parametrize("xla", [True, False])
def test_a_trace_is_sorted_into_kinds(xla):
    kinds = trace.sorted_into_kinds(events_of_two_steps(xla))
    steps = trace.steps_of(kinds)
    assert len(steps) == 2
    for step in steps:
        found = [step[kind] for kind in ("all-reduce", "update", "arithmetic", "rest")]
        np.testing.assert_allclose(found, [3, 1, 4, 2])
    traces = {"dense": (kinds, steps)}
    assert trace.table(traces).endswith(
        "| dense | 10.00 ms | 4.00 ms | 3.00 ms | 1.00 ms | 2.00 ms |"
    )
    assert len(trace.plot(traces).axes) == 2


def test_programs_of_xla_inside_a_step_without_it_are_arithmetic():
    """An activation that XLA compiles, between convolutions."""
    program = "CpuExecutable::ExecuteAsyncOnStream"
    extra = [(start + i, start + i + 0.2, program) for start in (5, 15, 25) for i in range(4)]
    kinds = trace.sorted_into_kinds(sorted(events_of_two_steps(False) + extra))
    assert kinds["update"] == [(3.5, 4.5), (13.5, 14.5), (23.5, 24.5)]


def test_intervals_are_joined():
    assert trace.merged([(3.0, 4.0), (0.0, 1.0), (0.5, 2.0)]) == [(0.0, 2.0), (3.0, 4.0)]
    assert trace.gaps([(0.0, 2.0), (3.0, 4.0), (6.0, 7.0)]) == [(2.0, 3.0), (4.0, 6.0)]


def test_without_a_gpu_its_benchmark_says_so(monkeypatch):
    monkeypatch.setattr(gpu.tf.config, "list_physical_devices", lambda kind: [])
    with pytest.raises(SystemExit, match="No GPU was found"):
        command.main(["gpu"])


def on_two_logical_processors(program):
    """The last line that a program prints; a process has its number of devices from its start."""
    start = """
import json, pathlib
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from benchmarks import gpu, report, task
"""
    command = [sys.executable, "-c", start + program]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_case_of_gpus_runs_on_logical_processors():
    row = on_two_logical_processors("""
devices = ["CPU:0", "CPU:1"]
row = gpu.training(devices, "dense", jit_compile=False, x=task.images(24), batch=8, passes=2)
print(json.dumps(row))
""")
    assert (row["network"], row["devices"], row["policy"], row["xla"]) == (
        "dense",
        2,
        "float32",
        False,
    )
    assert row["images_a_second"] > 0 and 400 < row["loss"] < 700


@pytest.mark.slow
def test_all_cases_of_gpus_run_on_logical_processors(tmp_path):
    rows = on_two_logical_processors(f"""
measured = gpu.measure(["CPU:0", "CPU:1"], quick=True, x=task.images(24), batch=8)
results = {{**report.environment(), "quick": True, "gpus": ["CPU"] * 2, "tests": "none"}}
gpu.write(results | measured, pathlib.Path({str(tmp_path)!r}))
row = gpu.training(["CPU:0"], "dense", "mixed_bfloat16", False, x=task.images(16), batch=8)
print(json.dumps(measured["training"] + [row]))
""")
    assert all(400 < row.get("loss", 0) < 700 for row in rows), rows
    assert len(rows) == 9  # one and two devices, two networks, with XLA and without; bfloat16
    assert "failed" not in (tmp_path / "gpu.md").read_text()


def test_the_table_of_gpus_keeps_what_failed(tmp_path):
    row = {"network": "dense", "devices": 1, "policy": "float32", "xla": True}
    rows = [
        {**row, "devices": n, "images_a_second": 1e5 * n, "first_seconds": 2.0, "loss": 150.0}
        for n in (1, 2)
    ]
    rows.append({**row, "policy": "mixed_float16", "error": "out of memory"})
    results = {**report.environment(), "quick": False, "gpus": ["A", "B"], "tests": "9 passed"}
    gpu.write(results | {"training": rows, "likelihood": 1.5, "loading": 2.5}, tmp_path)
    text = (tmp_path / "gpu.md").read_text()
    assert "| dense | 2 | float32 | yes | 200,000 | 2.0 s | 150.00 nats |" in text
    assert "failed: out of memory" in text and "9 passed" in text and "1.5 ms" in text
    (line,) = gpu.plot(json.loads((tmp_path / "gpu.json").read_text())).axes[0].lines
    np.testing.assert_allclose(line.get_ydata(), [1e5, 2e5])
    assert (tmp_path / "gpu.png").stat().st_size > 10_000


def test_cases_of_gpus_are_all_combinations():
    cases = list(gpu.cases(["GPU:0", "GPU:1"]))
    assert len(cases) == len({str(case) for case in cases}) == 2 * 2 * 3 * 2
    assert (["GPU:0", "GPU:1"], "conv", "mixed_bfloat16", False) in cases


def test_more_machines_on_paper():
    """By hand: 2 workers, 1 ms of arithmetic a step, an all-reduce that takes 1 ms."""
    floats = paper.FLOATS["dense"]
    own = paper.own_bandwidth(floats, 1.0)
    assert paper.all_reduce(floats, 2, own) == pytest.approx(1.0)
    # Four workers send three times as many messages, each half as large.
    assert paper.all_reduce(floats, 4, own) == pytest.approx(6 * (0.25 + 0.25 / 2))
    case = {"network": "dense", "batch": 100, "kind": "one", "ours": [10.0]}
    lines = paper.markdown({"cases": [case], "all_reduce": {"dense": [1.0]}}).splitlines()
    slow = 1 + paper.all_reduce(floats, 2, 1.25e5)
    assert lines[2].startswith(f"| dense | 100 | {2 / slow:.1f} | ") and len(lines) == 3


def test_the_table_of_more_machines_is_that_of_the_documentation(capsys):
    """Computed from results.json, number by number."""
    paper.main()
    printed = [line.split("|")[3:-1] for line in capsys.readouterr().out.splitlines()[2:]]
    text = (pathlib.Path(paper.__file__).parents[1] / "docs/distributed.md").read_text()
    table = text[text.index("2 workers, 1 Gbit/s") :].split("\n\n")[0].splitlines()[2:]
    assert len(printed) == 3 and [line.split("|")[3:-1] for line in table] == printed
