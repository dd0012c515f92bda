import importlib.util
import io
import json
import os
import pathlib
import subprocess
import sys
import types

import numpy as np
import pandas as pd
import pytest

import keras_ae
from benchmarks import __main__ as command
from benchmarks import family, report, synthetic_rows, task, worker, workers
from benchmarks.races import RACES


def results_of(race, times, value=100.0):
    names = [contestant.name for contestant in RACES[race].contestants]
    return {
        "date": "2026-01-01",
        "machine": "a machine",
        "python": "3",
        "versions": {},
        "quick": False,
        "scaling": [],
        "races": {
            race: [
                {
                    "name": name,
                    "first_seconds": 1.0,
                    "times": list(t),
                    "disturbed": [False] * len(t),
                    "value": value + 20.0 * i,
                }
                for i, (name, t) in enumerate(zip(names, times, strict=True))
            ]
        },
    }


def test_a_ratio_is_the_median_over_rounds():
    ours, theirs = (1.0, 2.0, 4.0), (30.0, 50.0, 40.0)  # ratios 30, 25, 10
    (row,) = report.comparisons(results_of("likelihood", [ours, theirs]))
    assert (row["ratio"], row["low"], row["high"], row["reached"]) == (25.0, 10.0, 30.0, True)


def test_a_disturbed_round_does_not_count():
    results = results_of("likelihood", [(1.0, 1.0), (90.0, 10.0)])
    results["races"]["likelihood"][1]["disturbed"] = [True, False]
    (row,) = report.comparisons(results)
    assert (row["ratio"], row["rounds"], row["reached"]) == (10.0, 1, False)
    results["races"]["likelihood"][0]["disturbed"] = [False, True]
    (row,) = report.comparisons(results)
    assert (row["ratio"], row["rounds"], row["reached"]) == (50.0, 0, None)


def test_a_largest_time_is_compared_the_other_way():
    (row,) = report.comparisons(results_of("startup", [(3.2, 3.2), (2.0, 2.0)]))
    assert (row["ratio"], row["reached"]) == (1.6, False)


def test_a_missed_target_and_another_result_are_said():
    results = results_of("dense", [[10.0]] * len(RACES["dense"].contestants))
    text = report.markdown(results)
    assert (
        text.count("**missed**") == 3
    )  # PyTorch, pythae and keras.Model.fit; the bare loop and JAX are as fast
    assert text.count("another result") == 6


def test_the_plot_has_a_panel_a_race():
    results = results_of("mixer", [[10.0]] * len(RACES["mixer"].contestants))
    assert len(report.plot(results).axes) == 1


def test_the_newest_two_processors_stand_side_by_side(tmp_path):
    times = [(1.0, 2.0), (30.0, 50.0)]
    for machine in ("first", "second", "third", "second"):
        results = {**results_of("likelihood", times), "machine": machine, "flags": "avx2"}
        results |= {"onednn": "off (TensorFlow's own choice)"}
        command.write(tmp_path, results)
    entries = json.loads((tmp_path / "results.json").read_text())
    assert [entry["machine"] for entry in entries] == ["second", "third"]
    text = (tmp_path / "results.md").read_text()
    assert text.index("## second") < text.index("## third")
    assert text.count("Instruction sets: avx2. oneDNN: off (TensorFlow's own choice).") == 2
    (line,) = [line for line in text.splitlines() if line.count("27.50 times as fast") == 2]
    assert line.startswith("| log-likelihood") and "at least 20 times" in line


def test_the_heading_tells_this_processor_and_onednn():
    text = "\n".join(report.heading({**report.environment(), "quick": False}))
    assert "oneDNN: on" in text or "oneDNN: off" in text
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    if cpuinfo.exists() and " avx2 " in cpuinfo.read_text():
        assert "avx2" in text


def scaling_of(ours, ddp, all_reduce):
    keys = ("network", "workers", "batch", "kind")
    cases = [dict(zip(keys, case, strict=True)) for case in workers.CASES if case[0] == "conv"]
    for case in cases:
        case |= {"ours": ours[case["kind"]], "ddp": ddp.get(case["kind"], [])}
    return {"cases": cases, "all_reduce": {"conv": all_reduce}}


def test_scaling_is_against_one_process_in_the_same_round():
    ours = {"one": [100.0, 200.0, 120.0], "share": [100.0] * 3}
    ours |= {"strong": [80.0, 100.0, 100.0], "weak": [50.0, 100.0, 60.0]}
    ddp = {"one": [100.0] * 3, "strong": [50.0] * 3, "weak": [80.0] * 3}
    scaling = scaling_of(ours, ddp, [3.84] * 3)
    strong, weak = workers.compared(scaling)
    assert (strong["ours_speed"], weak["ours_speed"]) == (1.25, 2.0)
    assert (strong["ddp_speed"], weak["ddp_speed"]) == (2.0, 1.25)
    # ms: 128 images at 80, 100, 100 µs, over 64 images at 100 µs and the all-reduce
    assert strong["step_ratio"] == pytest.approx(12.8 / (6.4 + 3.84))
    # 256 images over the single process with 128 images in the same round
    assert weak["step_ratio"] == pytest.approx(
        np.median([12.8 / (12.8 + 3.84), 25.6 / (25.6 + 3.84), 15.36 / (15.36 + 3.84)])
    )
    lines = workers.markdown(scaling).splitlines()
    assert "**missed**" in lines[3] and "reached" in lines[4]  # DDP's speed
    assert lines[-2].endswith("| 1.25 | reached |")


def test_scaling_without_pytorch_has_our_half():
    ours = {kind: [100.0] for kind in ("one", "share", "strong", "weak")}
    text = workers.markdown(scaling_of(ours, {}, [1.0]))
    assert "missed" not in text.split("raw all-reduce")[0] and "| conv | 2 | 64 | 100 |" in text


def test_cases_of_scaling_have_what_they_are_compared_with():
    for network, processes, batch, kind in workers.CASES:
        alone = {case[2] for case in workers.CASES if case[:2] == (network, 1)}
        if processes > 1:
            assert {batch // processes, batch if kind == "strong" else batch // 2} <= alone


def test_every_contestant_exists():
    for race in RACES.values():
        for contestant in race.contestants:
            spec = importlib.util.find_spec(f"benchmarks.{contestant.module}")
            assert f"def {contestant.function}(" in pathlib.Path(spec.origin).read_text()


def test_transposed_convolutions_get_as_many_parameters():
    from benchmarks import keras_io

    assert abs(keras_io.parameters_of(keras_io.transposed_of_size(300_000)) / 300_000 - 1) < 0.05


def test_the_twin_in_pytorch_agrees():
    pytest.importorskip("torch")
    from benchmarks import torch_conv

    torch_conv.twins(
        keras_ae.VAE((28, 28, 1), task.LATENT, network="conv")
    )  # raises where they differ


def test_the_twin_of_the_mixer_in_pytorch_agrees():
    pytest.importorskip("torch")
    from benchmarks import ours, torch_mixer

    encoder, decoder = torch_mixer.twins(ours.vae_of("mixer"))  # raises where they differ
    decoder.move[0].weight.data += 1.0
    with pytest.raises(AssertionError, match="other outputs"):
        torch_mixer.torch_conv.compare(decoder, ours.vae_of("mixer").decoder, (task.LATENT,))


@pytest.mark.parametrize("network", ["dense", "conv", "mixer"])
def test_the_twins_in_jax_agree(network):
    pytest.importorskip("jax")
    from benchmarks import jax_vae, ours

    functions = [getattr(jax_vae, f"{network}_{part}") for part in ("encoder", "decoder")]
    jax_vae.twins(ours.vae_of(network), *functions)  # raises where they differ
    with pytest.raises(AssertionError, match="other outputs"):
        jax_vae.twins(ours.vae_of(network), lambda *x: functions[0](*x) + 0.01, functions[1])


@pytest.mark.parametrize(
    "network",
    ["dense", *(pytest.param(name, marks=pytest.mark.slow) for name in ("conv", "mixer"))],
)
def test_the_twins_in_jax_train(network):
    pytest.importorskip("jax")
    from benchmarks import jax_vae

    train = getattr(jax_vae, network)(192)  # a batch, and half of one
    first, last = train(1), train(3)
    assert 150 < last < first < 700


@pytest.mark.parametrize("batch", [3, 4])
def test_jax_has_adams_step(batch):
    """Against the formulas, by numpy: one step of a linear pair on a batch."""
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    from benchmarks import jax_vae

    rng = np.random.default_rng(0)
    weights = tuple(
        [(rng.normal(size=size).astype("float32"), np.zeros(size[1], "float32"))]
        for size in ((784, 40), (20, 784))
    )
    x = rng.random((batch, 28, 28, 1), dtype="float32")
    key = jax.random.key(0)
    encoder, decoder = jax_vae.dense_encoder, jax_vae.dense_decoder
    loss = jax_vae.loss_of(weights, x, key, encoder, decoder)
    loc, log_var = np.split(x.reshape(batch, -1) @ weights[0][0][0], 2, axis=1)
    z = loc + np.exp(0.5 * log_var) * np.asarray(jax.random.normal(key, loc.shape))
    logits = z @ weights[1][0][0]
    nll = np.logaddexp(0, logits) - x.reshape(batch, -1) * logits
    kl = 0.5 * (loc**2 + np.exp(log_var) - 1 - log_var)
    np.testing.assert_allclose(loss, (nll.sum() + kl.sum()) / batch, rtol=1e-4)
    optimizer = optax.adam(task.LEARNING_RATE)
    state = (weights, optimizer.init(weights), key)
    (after, _, _), _ = jax_vae.step_of(encoder, decoder, optimizer)(state, x)
    moved = np.abs(np.asarray(after[1][0][0]) - weights[1][0][0])
    np.testing.assert_allclose(np.median(moved), task.LEARNING_RATE, rtol=1e-2)


class Steady:
    """In the place of a contestant's process: a turn takes one microsecond an image."""

    def __init__(self, contestant, quick):
        self.count = contestant.quick_count if quick else contestant.count

    def __enter__(self):
        return self

    def turn(self, passes):
        return {"seconds": 1e-6 * passes * self.count, "value": 500.0, "disturbed": False}

    def __exit__(self, *_):
        pass


def test_the_command_writes_what_the_contestants_answer(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "_Worker", Steady)
    monkeypatch.setattr(command.importlib.util, "find_spec", lambda name: name != "pythae")
    command.main(["dense", "--quick", "--out", str(tmp_path)])
    (entry,) = json.loads((tmp_path / "results.json").read_text())
    race = entry["races"]["dense"]
    names = [contestant.name for contestant in RACES["dense"].contestants]
    assert [result["name"] for result in race] == [name for name in names if "pythae" not in name]
    for result in race:
        assert result["times"] == [pytest.approx(1.0)] and result["disturbed"] == [False]
        assert result["first_seconds"] == pytest.approx(1.28e-3) and result["value"] == 500.0
    assert "mean nothing" in (tmp_path / "results.md").read_text()
    assert (tmp_path / "results.png").stat().st_size > 10_000
    printed = capsys.readouterr()
    assert (
        tmp_path / "results.md"
    ).read_text() in printed.out and "pythae is not installed" in printed.err


def test_a_contestants_process_answers_each_turn(monkeypatch, capsys):
    known = types.SimpleNamespace(multiply=lambda count: lambda passes: count * passes)
    monkeypatch.setitem(sys.modules, "benchmarks.known", known)
    monkeypatch.setattr(sys, "argv", ["worker", "known", "multiply", "10"])
    monkeypatch.setattr(sys, "stdin", io.StringIO("1\n4\n"))
    worker.main()
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["value"] for answer in answers] == [10, 40]
    assert all(answer.keys() == {"seconds", "value", "disturbed"} for answer in answers)


@pytest.mark.slow
def test_quick_races_in_which_all_do_the_same_work(tmp_path):
    command = [sys.executable, "-m", "benchmarks", "dense", "--quick", "--out", str(tmp_path)]
    subprocess.run(
        command, check=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}, capture_output=True
    )
    (entry,) = json.loads((tmp_path / "results.json").read_text())
    race = entry["races"]["dense"]
    losses = [result["value"] for result in race]
    assert np.ptp(losses) < 0.1 * losses[0], losses
    assert "mean nothing" in (tmp_path / "results.md").read_text()
    assert (tmp_path / "results.png").stat().st_size > 10_000


def test_the_table_of_parts_is_that_of_its_measurements():
    folder = pathlib.Path(family.__file__).parent
    results = json.loads((folder / "family.json").read_text())
    assert (folder / "family.md").read_text() == family.markdown(results)
    assert {name: list(rows) for name, rows in results.items()} == {
        name: list(comparison.models) for name, comparison in family.COMPARISONS.items()
    }


def test_rows_of_parts_are_kept_one_by_one(tmp_path):
    row = {
        "measure": "nll",
        "value": 84.567,
        "error": 0.25,
        "unit": "nats",
        "parameters": 1234,
        "epochs": 3,
        "minutes": 2.4,
    }
    family.write(tmp_path, "prior", "N(0, I)", row)
    family.write(tmp_path, "bits", "vqvae_mnist", {**row, "unit": "per pixel", "note": "980 bits"})
    lines = (tmp_path / "family.md").read_text().splitlines()[-2:]
    assert "| N(0, I) | nll 84.57 ± 0.25 nats | 1,234 | 3 | 2 |" in lines[0]
    assert "nll 84.567000 ± 0.250000 per pixel (980 bits)" in lines[1]
    with pytest.raises(SystemExit):
        family.main(["nothing"])


@pytest.mark.full_data
def test_parts_are_measured(tmp_path):
    family.main(["bits", "--quick", "--out", str(tmp_path)])
    rows = json.loads((tmp_path / "family.json").read_text())["bits"]
    assert rows["vqvae_mnist"]["value"] < rows["conv_ae_mnist"]["value"] < 0.005
    row = family.COMPARISONS["inference"].models["planar"](quick=True)  # two batches
    assert row["value"] > 86 and row["note"].startswith("nll, 500 samples: ")


def people(n, seed=0):
    """Rows with a number, two categories and a label that depends on the number."""
    draws = np.random.default_rng(seed)
    age = draws.normal(40, 10, n)
    kind = draws.choice(["a", "b"], n, p=[0.7, 0.3])
    label = np.where(age + draws.normal(size=n) > 40, ">50K", "<=50K")
    return pd.DataFrame({"age": age, "kind": kind, "same": kind, "income": label})


def test_drawn_rows_are_compared_with_real_ones():
    train, test = people(400), people(200, seed=1)
    shares = synthetic_rows.shares(train, train)
    np.testing.assert_allclose(shares["age"], np.full(10, 0.1), atol=0.01)
    np.testing.assert_allclose(shares["kind"], train["kind"].value_counts(normalize=True))
    associations = synthetic_rows.associations(train, train)
    assert associations[1, 2] == pytest.approx(1) and associations[0, 1] < 0.3
    noise = train.assign(age=train["age"].sample(frac=1, random_state=0).to_numpy())
    scores = [synthetic_rows.macro_f1(rows, test, train, 0) for rows in (train, noise)]
    assert scores[0] > 90 and scores[1] < 70
    far = pd.DataFrame({"age": [train["age"].max()], "kind": ["a"], "same": ["b"]})
    far["income"] = ["<=50K"]
    assert synthetic_rows.nearest(train, train).max() == 0
    assert 0.25 <= synthetic_rows.nearest(far, train)[0] <= 0.5


def test_sets_of_rows_are_measured(tmp_path, monkeypatch):
    train, test = people(300), people(100, seed=1)
    monkeypatch.setattr(synthetic_rows, "CLASSIFIERS", 1)
    monkeypatch.setattr(synthetic_rows, "drawn", lambda *_: people(300, seed=3))
    out = tmp_path / "rows.json"
    peers = [("TVAE", people(300, seed=2))]
    synthetic_rows.run(train, test, peers, out, tmp_path / "rows", seeds=1, epochs=1)
    rows = json.loads(out.read_text())["rows"]
    assert [row["name"] for row in rows] == ["real rows", "keras_ae.TableModel", "TVAE"]
    assert rows[0]["shares"] == rows[0]["associations"] == 0 and rows[0]["copies"] == 0
    assert rows[2]["copies"] == 0 and rows[2]["macro_f1"][0] > 85
    assert "| TVAE | 1 |" in (tmp_path / "rows.md").read_text()
    assert (tmp_path / "rows.png").stat().st_size > 10_000


@pytest.mark.slow
def test_drawn_rows_are_kept(tmp_path):
    train = people(300)
    rows = synthetic_rows.drawn(train, 0, tmp_path / "rows", epochs=1)
    assert list(rows) == list(train) and len(rows) == 300
    (tmp_path / "rows" / "ours_0.csv").write_text("age,income\n1,a\n")
    assert len(synthetic_rows.drawn(train, 0, tmp_path / "rows")) == 1
