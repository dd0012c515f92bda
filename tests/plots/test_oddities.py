import numpy as np
import pytest

from keras_ae import plots

SCORES = np.array([1.0, 5.0, 2.0])
CONTRIBUTIONS = np.array([[1.0, 0.0], [1.0, 3.0], [0.0, 0.0]])


def test_the_oddest_rows_come_first_with_the_shares_of_their_columns():
    picture = plots.anomaly_scores(SCORES, 1.5, CONTRIBUTIONS, ["age", "price"], first_row=2)
    left, right = picture.axes
    assert [len(dots.get_offsets()) for dots in left.collections] == [1, 2]  # normal, odd
    assert left.lines[0].get_ydata()[0] == 1.5
    assert [label.get_text() for label in right.get_yticklabels()] == ["row 3", "row 4", "row 2"]
    shares = np.asarray(right.images[0].get_array())
    columns = [label.get_text() for label in right.get_xticklabels()]
    age, price = columns.index("age"), columns.index("price")
    np.testing.assert_allclose(shares[:, age], [0.25, 0, 1])
    np.testing.assert_allclose(shares[:, price], [0.75, 0, 0])


def test_many_columns_with_long_names_are_shortened():
    names = [f"{i} a very long name of a column" for i in range(40)]
    contributions = np.random.default_rng(0).random((50, 40))
    right = plots.anomaly_scores(np.arange(50), 44, contributions, names).axes[1]
    labels = [label.get_text() for label in right.get_xticklabels()]
    assert len(labels) == 12 and max(map(len, labels)) == 16


def test_shapes_that_do_not_fit_are_an_error():
    with pytest.raises(ValueError, match=r"contributions of the shape \(3, 1\)"):
        plots.anomaly_scores(SCORES, 1.5, CONTRIBUTIONS, ["age"])
