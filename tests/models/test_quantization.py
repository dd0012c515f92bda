import numpy as np
import pytest
import tensorflow as tf

from keras_ae.models.quantization import VectorQuantizer

RNG = np.random.default_rng(0)


def follow(quantizer, vectors, weights=None, seed=(1, 2)):
    """One training step of the codebook."""
    weights = np.ones(len(vectors), "float32") if weights is None else weights
    counts, sums = quantizer.usage(vectors, quantizer.nearest(vectors), weights)
    quantizer.follow(counts, sums, vectors, tf.constant(seed))


def test_it_finds_the_nearest_row():
    quantizer, vectors = VectorQuantizer(7, 3), RNG.standard_normal((50, 3)).astype("float32")
    rows = np.array(quantizer.codebook)
    expected = np.argmin(((vectors[:, None] - rows) ** 2).sum(axis=-1), axis=1)
    np.testing.assert_array_equal(quantizer.nearest(vectors), expected)
    np.testing.assert_array_equal(quantizer(vectors), rows[expected])


def test_the_codebook_follows_the_moving_averages_of_the_paper():
    quantizer = VectorQuantizer(4, 2, decay=0.9)
    counts, sums = np.zeros(4), np.zeros((4, 2))
    for _ in range(5):
        vectors = RNG.standard_normal((40, 2)).astype("float32")
        numbers = quantizer.nearest(vectors)
        follow(quantizer, vectors)
        chosen = np.eye(4)[np.array(numbers)]
        counts = 0.9 * counts + 0.1 * chosen.sum(axis=0)
        sums = 0.9 * sums + 0.1 * chosen.T @ vectors
        assert counts.min() > 0.05 * counts.mean()  # no row starts again
        np.testing.assert_allclose(quantizer.codebook, sums / counts[:, None], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(quantizer.counts, counts, rtol=1e-4)


def test_the_usage_of_rows_is_weighted():
    quantizer, vectors = VectorQuantizer(4, 2), RNG.standard_normal((40, 2)).astype("float32")
    weights, numbers = RNG.random(40).astype("float32"), np.array(quantizer.nearest(vectors))
    chosen = weights[:, None] * np.eye(4)[numbers]
    counts, sums = quantizer.usage(vectors, numbers, weights)
    np.testing.assert_allclose(counts, chosen.sum(axis=0), rtol=1e-5)
    np.testing.assert_allclose(sums, chosen.T @ vectors, rtol=1e-4, atol=1e-5)


def test_the_first_batch_spreads_the_codebook_over_its_vectors():
    quantizer, vectors = VectorQuantizer(16, 2), 5 + RNG.standard_normal((200, 2)).astype("float32")
    follow(quantizer, vectors)
    assert len(np.unique(quantizer.nearest(vectors))) > 10
    assert np.linalg.norm(vectors - quantizer(vectors), axis=1).mean() < 0.6


def test_with_decay_zero_it_is_a_step_of_k_means():
    quantizer = VectorQuantizer(3, 2, decay=0.0)
    vectors = RNG.standard_normal((60, 2)).astype("float32")
    numbers = np.array(quantizer.nearest(vectors))
    follow(quantizer, vectors)
    assert len(set(numbers)) == 3
    means = [vectors[numbers == k].mean(axis=0) for k in range(3)]
    np.testing.assert_allclose(quantizer.codebook, means, rtol=1e-4)


def test_a_dead_row_starts_again_at_a_vector_of_the_batch():
    quantizer = VectorQuantizer(8, 2, decay=0.5)
    vectors = 0.01 * RNG.standard_normal((30, 2)).astype("float32")
    far = np.array(quantizer.codebook)
    far[5] = 100
    quantizer.codebook.assign(far)
    for _ in range(8):
        follow(quantizer, vectors, seed=(3, 4))
    assert np.abs(quantizer.codebook[5]).max() < 1
    assert np.min(np.linalg.norm(vectors - np.array(quantizer.codebook[5]), axis=1)) < 0.01


def test_a_vector_with_weight_zero_does_not_move_the_codebook():
    vectors = RNG.standard_normal((40, 2)).astype("float32")
    weights = np.float32([1] * 30 + [0] * 10)
    rows = []
    for seen, weight in ((vectors, weights), (vectors[:30], weights[:30])):
        quantizer = VectorQuantizer(3, 2)
        quantizer.codebook.assign(vectors[:3])
        follow(quantizer, seen, weight)
        rows.append(np.array(quantizer.codebook))
        follow(quantizer, seen, 0 * weight)
        np.testing.assert_allclose(quantizer.codebook, rows[-1], rtol=1e-6)
    np.testing.assert_allclose(*rows, rtol=1e-5)


@pytest.mark.parametrize("arguments", [(0, 2), (4, 0), (4, 2, 1.0)])
def test_bad_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match="Expected `(size|width|decay)`"):
        VectorQuantizer(*arguments)
