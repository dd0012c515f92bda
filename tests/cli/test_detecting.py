import csv
import subprocess
import sys

import numpy as np
import pytest

import keras_ae
from keras_ae import cli
from keras_ae.cli import detecting
from keras_ae.estimators import ensembles

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(60, 3)).round(3)
TABLE[7] = [0.0, 30.0, 0.0]  # row 9 of the file: the names are row 1


def projection(x, seed):
    """Stands for the default models: their reconstruction is the mean, without a training."""
    ae = keras_ae.AE((x.shape[1],), 1, widths=(), likelihood="gaussian")
    ae.decoder.set_weights([0 * weights for weights in ae.decoder.get_weights()])
    return [ae]


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.setattr(ensembles, "denoisers", projection)
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "data.csv", ["key", "a", "b", "c"], [["k", *row] for row in TABLE])
    return tmp_path


def write(path, names, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([names, *rows])


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def detect(*options):
    return cli.main(["detect", "data.csv", "--out", "scores.csv", "--keep", "key", *options])


def test_the_odd_row_is_found_and_the_column_that_did_it(table, capsys):
    assert detect("--contamination", "0.05", "--picture", "scores.png") == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == ("saved scores.csv: 60 rows, 3 of them odd; the oddest is row 9, by b")
    assert (table / "scores.png").stat().st_size > 10_000
    rows = read(table / "scores.csv")
    assert [list(map(float, (row["a"], row["b"], row["c"]))) for row in rows] == TABLE.tolist()
    scores = np.array([float(row["anomaly_score"]) for row in rows])
    detector = keras_ae.Detector(contamination=0.05, random_state=0).fit(TABLE)
    np.testing.assert_allclose(scores, -detector.score_samples(TABLE), rtol=1e-5)
    assert [row["odd"] == "yes" for row in rows] == (detector.predict(TABLE) == -1).tolist()
    assert rows[7]["odd"] == "yes" and rows[7]["because"].startswith("b 9")


def test_what_was_learned_is_saved_and_finds_the_columns_by_their_names(table, capsys):
    assert detect("--save", "mine") == 0
    scores = [row["anomaly_score"] for row in read(table / "scores.csv")]
    write(table / "data.csv", ["c", "key", "b", "a"], [[r[2], "k", r[1], r[0]] for r in TABLE[:1]])
    assert detect("--model", "mine") == 0  # one row is enough
    assert [row["anomaly_score"] for row in read(table / "scores.csv")] == scores[:1]
    write(table / "data.csv", ["key", "b", "a", "d"], [["k", *TABLE[0]]])
    assert detect("--model", "mine") == 2
    assert "Received: no c but d\n" in capsys.readouterr().err


def test_the_shares_of_columns_are_named_by_size():
    contributions = np.array([[1.0, 7.0, 2.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    expected = ["b 70%; c 20%; a 10%", ""]
    assert detecting.because(["a", "b", "c", "d"], contributions) == expected


MISTAKES = [
    (["a", "b"], [["1", "2"], ["3", "much"]], [], "in the column 'b'; --keep b leaves it out"),
    (["a", "b"], [["x", "y"], ["3", "4"]], [], "--keep a b leaves out all columns like it"),
    (["a", "b"], [["", ""], ["3", "y"]], [], "'b'; --keep b leaves it out. Received: 'y' in row 3"),
    (["a", "b"], [["1", ""], ["3", "4"]], [], "Received: '' in row 2. keras-ae impute fills"),
    (["a", "b"], [["1", "inf"], ["3", "4"]], [], "Received: 'inf' in row 2"),
    (["a", "b"], [["1", "2"]], [], "at least two rows to learn from. Received: 1 row"),
    (["a", "b"], [], [], "a line of column names and rows below it"),
    (["a", "b"], [["1", "2"], ["3"]], [], "2 values in each row. Received: 1 in row 3"),
    (["a", "a"], [["1", "2"], ["3", "4"]], [], "different column names"),
    (["a", "odd"], [["1", "2"], ["3", "4"]], [], "no column 'odd', which is added"),
    (["a"], [["1"], ["2"]], ["--keep", "z"], "each column of --keep to be one of a"),
    (["a"], [["1"], ["2"]], ["--keep", "a"], "a column that is not in --keep"),
    (["a"], [["1"], ["2"]], ["--contamination", "0.6"], "--contamination in the range (0, 0.5]"),
    (["a"], [["1"], ["2"]], ["--false-alarms", "0"], "--false-alarms in the range (0, 1000]"),
    (["a"], [["1"], ["2"]], ["--quantile", "1", "--contamination", "0.1"], "Expected one of --con"),
    (["a"], [["1"], ["2"]], ["--model", "mine"], "a folder that --save wrote. Received: 'mine'"),
    (["a"], [["1"], ["2"]], ["--model", "mine", "--clean"], "Received: --clean beside it"),
    (["a"], [["1"], ["2"]], ["--out", "scores.txt"], "--out to end in .csv"),
    (["a"], [["1"], ["2"]], ["--picture", "scores.doc"], "to end in .png"),
]

HASTY = """
import sys
from keras_ae import cli
for i, options in enumerate(eval(sys.argv[1])):
    print(cli.main(["detect", f"{i}.csv", "--out", "scores.csv", *options]), end=" ")
print("tensorflow" in sys.modules)
"""


def test_mistakes_are_answered_without_tensorflow_and_nothing_is_written(tmp_path):
    """In a fresh process, since this one has imported TensorFlow already."""
    for i, (names, rows, _, _) in enumerate(MISTAKES):
        write(tmp_path / f"{i}.csv", names, rows)
    options = [mistake[2] for mistake in MISTAKES] + [[]]  # the last file does not exist
    command = [sys.executable, "-c", HASTY, repr(options)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert result.stdout.split() == [*["2"] * len(options), "False"], result.stderr
    lines = result.stderr.splitlines()
    for line, (_, _, _, message) in zip(lines, MISTAKES, strict=False):
        assert line.startswith("keras-ae: ") and message in line
    assert lines[-1] == f"keras-ae: No such file or directory: '{len(MISTAKES)}.csv'"
    assert len(lines) == len(options) and len(list(tmp_path.iterdir())) == len(MISTAKES)


def test_a_promise_that_the_rows_cannot_keep_is_told_before_the_training(table, capsys):
    assert detect("--false-alarms", "1") == 2
    assert "`false_alarms` of at least 76.9" in capsys.readouterr().err  # 1000 / (60 // 5 + 1)
    assert not (table / "scores.csv").exists()


def test_a_full_disk_loses_nothing(table, monkeypatch):
    (table / "scores.csv").write_text("before")
    monkeypatch.setattr(detecting.csv, "writer", lambda file: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        detect()
    assert (table / "scores.csv").read_text() == "before"
    assert sorted(path.name for path in table.iterdir()) == ["data.csv", "scores.csv"]


def test_the_limits_are_those_of_the_detector():
    for name, limit in detecting.LIMITS.items():
        keras_ae.Detector(**{name: limit})._check_arguments()
        with pytest.raises(ValueError, match=name):
            keras_ae.Detector(**{name: np.nextafter(limit, 2 * limit)}).fit(TABLE)
