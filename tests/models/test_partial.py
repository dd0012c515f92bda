"""A measurement of hours goes on where it was interrupted."""

import numpy as np
import pytest
from eagerly import eagerly

import keras_ae
from keras_ae.models import bounds, partial


def make():
    return keras_ae.VAE((8, 8, 1), 2, widths=(4,))


@eagerly()
def test_an_interrupted_measurement_goes_on_where_it_was(images, tmp_path, monkeypatch):
    model, file = make(), tmp_path / "kept.npz"
    options = {"n_samples": 3, "batch_size": 6, "seed": 4}
    whole = model.log_likelihood(images, **options)
    weights, calls = bounds.Bounds._log_sum_of_weights, []

    def interrupted(self, x, z, log_posterior):
        calls.append(len(x))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return weights(self, x, z, log_posterior)

    monkeypatch.setattr(bounds.Bounds, "_log_sum_of_weights", interrupted)
    same = make()
    same.set_weights(model.get_weights())
    with pytest.raises(KeyboardInterrupt):
        same.log_likelihood(images, backup=file, **options)
    assert file.exists()
    found = same.log_likelihood(images, backup=file, **options)
    np.testing.assert_array_equal(found, whole)
    assert calls == [6, 6, 6, 6, 2]  # the third batch began twice, the others once
    assert not list(tmp_path.iterdir())


@eagerly()
def test_results_of_another_model_or_of_no_model_are_refused(images, tmp_path):
    file = tmp_path / "kept.npz"
    kept = partial.Partial(file, images, 3)
    kept.write([np.zeros(6)])
    assert len(kept.results()) == 1
    with pytest.raises(ValueError, match="the same model, examples and arguments"):
        make().log_likelihood(images, 3, seed=1, backup=file)
    file.write_text("no results")
    with pytest.raises(ValueError, match="file of results"):
        make().log_likelihood(images, 3, seed=1, backup=file)
    with pytest.raises(ValueError, match="a seed beside `backup`"):
        make().log_likelihood(images, 3, backup=file)
    assert file.read_text() == "no results"
