"""The commands that work on CSV files."""

import csv
import subprocess
import sys

import numpy as np
import pytest

from keras_ae import cli
from keras_ae.estimators import imputer as module

ROWS = np.random.default_rng(0).normal(size=(40, 1)) * [1, 10, -5] + 100.0


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A CSV file with text, numbers, holes; row i lacks the number i % 3 if i % 4 == 0."""
    monkeypatch.setattr(module, "SETTINGS", ((1, 1.0, 20.0),))
    lines = ["name,a,b,c"]
    for i, row in enumerate(ROWS):
        cells = [f"{value:.4f}" for value in row]
        if i % 4 == 0:
            cells[i % 3] = ("", "NA")[i % 8 == 0]
        lines.append(",".join([f"row {i}", *cells]))
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_impute_fills_and_keeps(table, tmp_path, capsys):
    out = tmp_path / "filled.csv"
    assert cli.main(["impute", str(table), "--out", str(out)]) == 0
    assert "10 values filled; left as they are: name" in capsys.readouterr().out
    before, after = read(table), read(out)
    assert after[0] == before[0] and len(after) == len(before)
    for old, new in zip(before[1:], after[1:], strict=True):
        assert [cell for cell, was in zip(new, old, strict=True) if was not in ("", "NA")] == [
            was for was in old if was not in ("", "NA")
        ]
    filled = np.array([row[1:] for row in after[1:]], "float64")
    np.testing.assert_allclose(filled, ROWS, atol=2.0)  # the columns are nearly one


def test_a_saved_imputer_fills_another_table(table, tmp_path, capsys):
    out, again, folder = tmp_path / "a.csv", tmp_path / "b.csv", tmp_path / "mine"
    assert cli.main(["impute", str(table), "--out", str(out), "--save", str(folder)]) == 0
    one = tmp_path / "one.csv"
    one.write_text("c,b,extra,a\n,110,x,101\n")  # one row, other order
    assert cli.main(["impute", str(one), "--out", str(again), "--model", str(folder)]) == 0
    (_, row) = read(again)
    assert row[1:] == ["110", "x", "101"] and float(row[0]) == pytest.approx(95, abs=1.5)
    one.write_text("c,b\n,110\n")
    assert cli.main(["impute", str(one), "--out", str(again), "--model", str(folder)]) == 2
    assert "Received: no a" in capsys.readouterr().err
    assert read(again)[0] == ["c", "b", "extra", "a"]  # the file of before


def test_draws_stand_below_each_other(table, tmp_path):
    out = tmp_path / "draws.csv"
    assert cli.main(["impute", str(table), "--out", str(out), "--draws", "3"]) == 0
    rows = read(out)
    assert rows[0] == ["draw", "name", "a", "b", "c"] and len(rows) == 1 + 3 * len(ROWS)
    assert [row[0] for row in rows[1 :: len(ROWS)]] == ["1", "2", "3"]
    first = [row[2] for row in rows[1 :: len(ROWS)]]
    assert len(set(first)) == 3  # drawn; row 0 lacks a


@pytest.mark.parametrize(
    "text, options, message",
    [
        ("a,b\n1,2\nx,3\n", [], "Received: 'x' in row 3"),
        ("a,b\n1,2\n", [], "at least two rows"),
        ("a,b\n1,\n2,\n", [], "none in b"),
        ("a,b\nx,y\nz,\n", [], "Expected a column of numbers"),
        ("a,b\n1,2\n3\n", [], "Received: 1 in row 3"),
        ("a,a\n1,2\n3,4\n", [], "different column names"),
        ("", [], "with 0 lines"),
        ("a,b\n1,2\n3,\n", ["--keep", "c"], "each column of --keep"),
        ("a,b\n1,2\n3,\n", ["--draws", "0"], "--draws to be at least 1"),
        ("a,b\n1,2\n3,\n", ["--model", "nowhere"], "that --save wrote"),
        ("draw,b\n1,2\n3,\n", ["--draws", "2"], "no column 'draw'"),
        ("a,b\n1,2\n3,\n", ["--save", "x", "--model", "y"], "--save or --model"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)
def test_mistakes_are_answered_without_tensorflow(
    tmp_path, capsys, monkeypatch, text, options, message
):
    path, out = tmp_path / "table.csv", tmp_path / "out.csv"
    path.write_text(text)
    monkeypatch.setattr("keras_ae.cli.console.quiet_import", lambda what: pytest.fail(what))
    assert cli.main(["impute", str(path), "--out", str(out), *options]) == 2
    error = capsys.readouterr().err
    assert message in error and error.startswith("keras-ae: Expected")
    assert not out.exists()


def test_a_missing_file_is_an_error(tmp_path, capsys):
    assert cli.main(["impute", str(tmp_path / "no.csv"), "--out", str(tmp_path / "o.csv")]) == 2
    assert "no.csv" in capsys.readouterr().err


def test_a_mistake_does_not_load_tensorflow(tmp_path):
    """In a fresh process."""
    code = (
        "import sys; from keras_ae import cli; "
        f"cli.main(['impute', {str(tmp_path / 'no.csv')!r}, '--out', 'o.csv']); "
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
