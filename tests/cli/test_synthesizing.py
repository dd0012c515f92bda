import numpy as np
import pandas as pd
import pytest
from eagerly import eagerly

from keras_ae import cli
from keras_ae.tables import model as module


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A CSV file with numbers, text and a hole; a training of a moment."""
    monkeypatch.setattr(module, "STEPS", 8)
    draws = np.random.default_rng(0)
    rows = {"age": draws.integers(18, 80, 60), "income": draws.lognormal(7, 1, 60).round(1)}
    rows = pd.DataFrame({**rows, "city": draws.choice(["Bern", "Basel"], 60)})
    rows.loc[3, "income"] = np.nan
    path = tmp_path / "people.csv"
    rows.to_csv(path, index=False)
    return path


@eagerly()
def test_new_rows_have_the_columns_of_the_table(table, tmp_path, capsys):
    out, again, folder = tmp_path / "drawn.csv", tmp_path / "again.csv", tmp_path / "saved"
    command = ["synthesize", str(table), "--rows", "25", "--seed", "3"]
    assert cli.main([*command, "--out", str(out), "--save", str(folder)]) == 0
    assert f"saved {out}: 25 new rows" in capsys.readouterr().out
    rows, drawn = pd.read_csv(table), pd.read_csv(out)
    assert list(drawn.columns) == ["age", "income", "city"] and len(drawn) == 25
    assert set(drawn.city) <= {"Bern", "Basel"} and not drawn.isna().any(axis=None)
    assert drawn.age.between(rows.age.min(), rows.age.max()).all()
    assert drawn.income.between(rows.income.min(), rows.income.max()).all()
    assert cli.main([*command, "--out", str(again), "--model", str(folder)]) == 0
    assert again.read_text() == out.read_text()


@pytest.mark.parametrize(
    "options, message",
    [
        (["--rows", "0"], "Expected --rows"),
        (["--model", "nothing"], "Expected --model to be a folder that --save wrote"),
        (["--model", "a", "--save", "b"], "Expected --save or --model. Received: both"),
    ],
)
def test_mistakes_are_told_and_nothing_is_written(options, message, table, tmp_path, capsys):
    out = tmp_path / "drawn.csv"
    assert cli.main(["synthesize", str(table), "--out", str(out), *options]) == 2
    assert message in capsys.readouterr().err and not out.exists()
