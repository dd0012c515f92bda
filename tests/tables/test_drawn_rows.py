import numpy as np
import pandas as pd
import pytest

from keras_ae.tables import TableModel


@pytest.mark.slow
def test_drawn_rows_have_the_shares_and_the_correlation_of_real_ones():
    rng = np.random.default_rng(0)
    group = rng.choice(3, 4000, p=[0.6, 0.3, 0.1])
    first = rng.normal(size=4000) + 2 * group
    rows = pd.DataFrame(
        {
            "group": np.array(["a", "b", "c"])[group],
            "first": first,
            "second": first + 0.3 * rng.normal(size=4000),
            "count": rng.poisson(2.0 + 5 * group),
        }
    )
    drawn = TableModel().fit(rows, epochs=100, seed=0).sample(4000, seed=0)
    real, own = (
        frame["group"].value_counts(normalize=True).sort_index() for frame in (rows, drawn)
    )
    np.testing.assert_allclose(own, real, atol=0.04)
    columns = ["first", "second", "count"]
    np.testing.assert_allclose(drawn[columns].corr(), rows[columns].corr(), atol=0.1)
    difference = drawn[columns].mean() - rows[columns].mean()
    # Shares that are off by 0.03 alone move the mean of the counts by 0.07 standard deviations.
    np.testing.assert_allclose(difference / rows[columns].std(), 0, atol=0.1)
