"""scikit-learn's own checks of an estimator, and one of ours in place of two of them."""

import numpy as np
from sklearn.utils.estimator_checks import check_estimator

LAST_DIGIT = (
    "the models compute in float32, so the last digit of a row may depend on its place in the batch"
)
NEEDS_FLOAT64 = ("check_methods_sample_order_invariance", "check_methods_subset_invariance")


def passes_its_checks(estimator, expected_to_fail=()):
    """Raises unless a fresh estimator passes scikit-learn's checks, except those expected to fail.

    Args:
        estimator: an estimator that was not fitted.
        expected_to_fail: dict from the name of a check to the reason.
    """
    expected = dict.fromkeys(NEEDS_FLOAT64, LAST_DIGIT) | dict(expected_to_fail)
    results = check_estimator(estimator, expected_failed_checks=expected, on_skip=None)
    assert sum(result["status"] == "passed" for result in results) > 40
    assert not [result for result in results if result["status"] == "failed"]


def treats_each_row_alone(estimator, x, method):
    """Raises unless the result of a row is the same, to float32, alone and in another order."""
    apply = getattr(estimator, method)
    together, order = apply(x), np.random.default_rng(0).permutation(len(x))
    near = {"rtol": 1e-5, "atol": 1e-5 * np.abs(together).max()}
    np.testing.assert_allclose(apply(x[order]), together[order], **near)
    alone = np.concatenate([apply(x[i : i + 1]) for i in range(len(x))])
    np.testing.assert_allclose(alone, together, **near)
