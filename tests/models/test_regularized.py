import keras
import numpy as np
import pytest

import keras_ae


def test_the_objective_is_the_likelihood_and_both_penalties(images):
    model = keras_ae.RAE((8, 8, 1), 3, widths=(16,), beta=0.4, decay=0.02)
    z = np.array(model.encode(images))
    kernels = [w for w in model.decoder.get_weights() if w.ndim > 1]
    assert len(kernels) == 2
    penalty = 0.2 * (z**2).sum(axis=1) + 0.02 * sum((kernel**2).sum() for kernel in kernels)
    expected = -model.likelihood(z).log_prob(images) + penalty
    np.testing.assert_allclose(model.objective(images, images), expected, rtol=1e-5)
    model.compile(run_eagerly=True)
    logs = model.evaluate(images, verbose=0, return_dict=True)
    assert logs["penalty"] == pytest.approx(penalty.mean(), rel=1e-4)


def test_codes_and_kernels_become_smaller(images):
    sizes = []
    for weight in (0.0, 1.0):
        model = keras_ae.RAE((8, 8, 1), 3, widths=(16,), beta=weight, decay=weight)
        model.compile(keras.optimizers.Adam(0.003), jit_compile=False)
        x = np.tile(images, (60, 1, 1, 1))  # 60 steps, each with all images
        model.fit(x, batch_size=20, shuffle=False, verbose=0)
        codes, kernel = model.encode(images), model.decoder.get_weights()[0]
        sizes.append([np.abs(codes).mean(), np.abs(kernel).mean()])
    assert sizes[1][0] < 0.5 * sizes[0][0] and sizes[1][1] < 0.9 * sizes[0][1], sizes


@pytest.mark.parametrize("options", [{"beta": -1}, {"decay": "little"}])
def test_bad_arguments_are_refused(options):
    with pytest.raises(ValueError, match="Received: (beta=-1|decay='little')"):
        keras_ae.RAE((8, 8, 1), 3, **options)
