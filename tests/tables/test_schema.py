import json

import numpy as np
import pandas as pd
import pytest

from keras_ae.tables import TableSchema

N = 40
RNG = np.random.default_rng(0)


def table():
    """A column of every dtype that a table may have."""
    return pd.DataFrame(
        {
            "bool": [True, False] * 20,
            "ordered": pd.Categorical(["x", "y"] * 20, categories=["y", "x", "z"], ordered=True),
            "numbers": pd.Categorical([1, 2] * 20),
            "int8": np.arange(N, dtype="int8"),
            "negative": np.arange(N) - 20,
            "Int64": pd.array([3, 1, None, 7] * 10, dtype="Int64"),
            "float32": np.linspace(0, 1, N, dtype="float32"),
            "large": np.linspace(1e9, 1e9 + 1, N),
            "skewed": np.exp(3 * RNG.normal(size=N)),
            "string": pd.array(["a", None] * 20, dtype="string"),
            "str": ["b", "c"] * 20,
            "mixed": np.array(["a", 1] * 20, object),
            "boolean": pd.array([True, None, False, True] * 10, dtype="boolean"),
            "year": np.arange(1980, 1980 + N),
            "constant": 3.5,
        }
    )


def test_a_table_comes_back_with_names_dtypes_and_categories():
    rows = table()
    schema = TableSchema.of(rows)
    schema = TableSchema.from_config(json.loads(json.dumps(schema.get_config())))
    x = schema.to_array(rows, missing=True)
    assert x.shape == (N, schema.width) and x.dtype == "float32"
    pd.testing.assert_frame_equal(schema.to_table(x), rows)
    turned = schema.to_array(rows[rows.columns[::-1]], missing=True)
    np.testing.assert_array_equal(turned, x)


def test_kinds_are_found():
    kinds = TableSchema.of(table()).kinds
    found = {kind: [name for name in kinds if kinds[name] == kind] for kind in set(kinds.values())}
    assert found == {
        "categorical": ["bool", "ordered", "numbers", "string", "str", "mixed", "boolean"],
        "count": ["int8", "Int64"],
        "numeric": ["negative", "float32", "large", "year", "constant"],
        "positive": ["skewed"],
    }


def test_numbers_are_standardised():
    y = RNG.lognormal(size=(200, 3)) * [1e9, 1e-6, 1]
    schema = TableSchema.of(y, kinds=["numeric", "positive", None])
    x = schema.to_array(y)
    np.testing.assert_allclose(x[:, 0], (y[:, 0] - y[:, 0].mean()) / y[:, 0].std(), rtol=1e-5)
    logs = np.log(y[:, 1])
    np.testing.assert_allclose(x[:, 1], (logs - logs.mean()) / logs.std(), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(schema.to_table(x), y, rtol=1e-5)
    # log |dx/dy| by differences of the transformation itself
    step = 1e-4 * y
    slopes = (schema.to_array(y + step) - schema.to_array(y - step)) / (2 * step)
    np.testing.assert_allclose(schema.log_volume(y), np.log(slopes).sum(axis=1), atol=0.1)


def test_counts_are_exact():
    counts = RNG.integers(0, 100_000, (500, 1))
    schema = TableSchema.of(counts)
    x = schema.to_array(counts)
    assert schema.kinds == {0: "count"} and np.sqrt(np.mean(x**2)) == pytest.approx(1)
    np.testing.assert_array_equal(schema.to_table(x), counts)
    assert schema.likelihood().columns[0][0] == "negative_binomial"


def test_whole_numbers_with_few_values_are_learned_as_they_are():
    rows = np.repeat([[0], [40], [99]], 20, axis=0)
    schema = TableSchema.of(rows)
    assert schema.likelihood().columns == [("categorical", 3)] and schema.kinds == {0: "count"}
    new = np.array([[0], [19], [21], [70], [5000]])
    np.testing.assert_array_equal(schema.to_table(schema.to_array(new)).ravel(), [0, 0, 40, 99, 99])
    assert TableSchema.of(rows, max_values=0).width == 1


def test_a_constant_column_stays_constant():
    rows = np.full((30, 1), 1e9 + 0.5)
    schema = TableSchema.of(rows)
    np.testing.assert_array_equal(schema.to_table(RNG.normal(size=(5, 1))), rows[:5])


def test_drawn_numbers_have_no_more_decimals_than_the_training_rows():
    rows = np.stack([np.round(np.exp(RNG.normal(size=200)) + 0.01, 2), RNG.random(200)], axis=1)
    schema = TableSchema.of(rows, kinds=["positive", "numeric"])
    np.testing.assert_array_equal(schema.to_table(schema.to_array(rows))[:, 0], rows[:, 0])
    drawn = schema.to_table(RNG.normal(size=(50, 2)))
    assert {len(str(number).split(".")[1]) for number in drawn[:, 0]} <= {1, 2}
    assert min(len(str(number)) for number in drawn[:, 1]) > 8  # of no such column


def test_drawn_numbers_lie_in_the_range_of_the_training_rows():
    rows = np.stack([np.arange(30), np.exp(np.arange(30.0)), 3.0 * np.arange(30) ** 2], axis=1)
    schema = TableSchema.of(rows, kinds=["numeric", "positive", "count"], max_values=0)
    drawn = schema.to_table(RNG.normal(size=(500, 3)) * 1e3)
    assert np.all(drawn >= rows.min(axis=0) - 1e-6) and np.all(drawn <= rows.max(axis=0) + 1e-6)
    assert np.all(drawn[:, [0, 2]] % 1 == 0)


def test_blocks_and_missing_cells():
    rows = pd.DataFrame({"a": ["x", None, "y"], "b": [1.5, 2.0, np.nan]})
    schema = TableSchema.of(rows)
    assert schema.blocks == {"a": slice(0, 2), "b": slice(2, 3)}
    x = schema.to_array(rows, missing=True)
    np.testing.assert_array_equal(np.isnan(x), [[0, 0, 0], [1, 1, 0], [0, 0, 1]])
    with pytest.raises(ValueError, match="no missing cells in column 'a'"):
        schema.to_array(rows)


def test_arrays_of_text_stay_arrays():
    rows = np.array([["x", 1.5], ["y", 2.5]] * 5, object)
    schema = TableSchema.of(rows)
    assert schema.kinds == {0: "categorical", 1: "numeric"}
    np.testing.assert_array_equal(schema.to_table(schema.to_array(rows)), rows)


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pd.date_range("2020-01-01", periods=N), "turn dates"),
        ([np.inf, *range(N - 1)], "infinite"),
        ([None] * N, "all missing"),
        ([(1, 2)] * N, "Expected numbers, text"),
        ([complex(1, 2)] * N, "Expected numbers, text"),
    ],
)
def test_columns_that_no_model_takes_are_refused(column, words):
    with pytest.raises(ValueError, match=words) as error:
        TableSchema.of(pd.DataFrame({"good": np.arange(N), "bad": column}))
    assert "'bad'" in str(error.value) and "Received" in str(error.value)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("text", "new", "categories of the training rows in column 'text'. Received: new"),
        ("text", 5, "Received: 5"),
        ("number", "oops", "Expected numbers in column 'number'"),
        ("number", -np.inf, "finite numbers in column 'number'"),
        ("number", 1e300, "of the size of the training rows"),
        ("positive", -1.0, "above 0 in column 'positive'"),
        ("count", 1.5, "whole numbers from 0 on in column 'count'"),
    ],
)
def test_rows_that_do_not_fit_are_refused(name, value, words):
    rows = pd.DataFrame(
        {
            "text": ["a", "b"] * 20,
            "number": RNG.normal(size=N),
            "positive": RNG.exponential(size=N),
            "count": np.arange(N),
        }
    ).astype({"text": object})
    schema = TableSchema.of(rows, kinds={"positive": "positive", "number": "numeric"})
    wrong = rows.astype(object)
    wrong.loc[3, name] = value
    with pytest.raises(ValueError, match=words):
        schema.to_array(wrong)


def test_other_columns_are_refused():
    schema = TableSchema.of(table())
    with pytest.raises(ValueError, match="without year"):
        schema.to_array(table().drop(columns="year"))
    with pytest.raises(ValueError, match="also more"):
        schema.to_array(table().assign(more=1))
    with pytest.raises(ValueError, match="shape"):
        schema.to_table(np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("rows", "options", "words"),
    [
        (np.zeros((0, 2)), {}, "at least one row"),
        (np.zeros(3), {}, "rows, columns"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), {}, "different names"),
        (pd.DataFrame({"id": [f"{i}" for i in range(1001)]}), {}, "at most 1000 categories"),
        (np.zeros((3, 2)), {"kinds": ["count"]}, "a kind for each"),
        (np.zeros((3, 2)), {"kinds": {5: "count"}}, "columns of the table"),
        (np.zeros((3, 2)), {"kinds": {0: "date"}}, "kinds among"),
        (np.array([["a"]]), {"kinds": ["numeric"]}, "Expected numbers in column 0"),
        (np.arange(-9.0, 50)[:, None], {"kinds": ["positive"], "max_values": 0}, "above 0"),
    ],
)
def test_bad_tables_and_kinds_are_refused(rows, options, words):
    with pytest.raises(ValueError, match=words):
        TableSchema.of(rows, **options)


def test_what_is_no_config_is_refused():
    config = TableSchema.of(table()).get_config()
    for change in ({"parts": config["parts"][1:]}, {"kinds": 3}, {"layout": {}}, {"more": 1}):
        with pytest.raises(ValueError, match="Expected"):
            TableSchema.from_config({**config, **change})
