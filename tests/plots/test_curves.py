import pathlib
import types

import keras
import numpy as np
import pytest

import keras_ae
from keras_ae import plots
from keras_ae.presets import cards
from keras_ae.utils import seeds

from .conftest import linear

CURVE = {
    "kl": [1.0, 2.0, 2.5],
    "loss": [9.0, 6.0, 5.0],
    "val_loss": [8.0, 6.5, 6.0],
    "val_kl": [1.5, 2.0, 2.2],
    "learning_rate": [1.0] * 3,
}


def test_training_curves_are_the_same_for_every_source(same_picture):
    card = cards.ModelCard("a", pathlib.Path(), {"training": {"curve": CURVE}})
    log = keras_ae.TrainingLog("nowhere.log")
    log.summary = lambda: {"curve": CURVE}
    for source in (CURVE, types.SimpleNamespace(history=CURVE), card, log):
        figure = plots.training_curves(source)
        assert [axes.get_title(loc="left") for axes in figure.axes] == ["loss", "kl"]
        for axes, name in zip(figure.axes, ("loss", "kl"), strict=True):
            training, validation = axes.lines
            np.testing.assert_array_equal(training.get_ydata(), CURVE[name])
            np.testing.assert_array_equal(validation.get_ydata(), CURVE[f"val_{name}"])
            assert [text.get_text() for text in axes.get_legend().get_texts()] == [
                "training",
                "validation",
            ]
    same_picture(figure, "training_curves")


def test_training_curves_of_a_real_history_and_log(images, tmp_path):
    log = keras_ae.TrainingLog(tmp_path / "log")
    model = keras_ae.VAE((8, 8, 1), 2, widths=())
    history = model.fit(images, epochs=2, verbose=0, callbacks=[log])
    for source in (history, log):
        lines = plots.training_curves(source).axes[0].lines
        np.testing.assert_allclose(lines[0].get_ydata(), history.history["loss"], atol=1e-4)


@pytest.mark.parametrize("source", [None, 3, {}, {"loss": []}])
def test_a_source_without_curves_is_refused(source):
    with pytest.raises(ValueError, match="Expected.*Received: (NoneType|int|none)"):
        plots.training_curves(source)


def test_a_model_is_refused_as_a_log(ae):
    with pytest.raises(ValueError, match="Received: AE"):
        plots.training_curves(ae)


def test_corruption_levels(dae, x, same_picture):
    figure = plots.corruption_levels(dae, x, levels=[0.0, 0.3, 0.6])
    noisy, denoised, _ = figure.axes[0].lines
    at = keras_ae.corruption.GaussianCorruption(0.6).corrupt(x, seeds.from_int(0)).numpy()
    np.testing.assert_allclose(noisy.get_ydata()[2], np.mean((at - x) ** 2), rtol=1e-4)
    np.testing.assert_allclose(
        denoised.get_ydata()[2], np.mean((dae.reconstruct(at) - x) ** 2), rtol=1e-4
    )
    np.testing.assert_allclose([noisy.get_ydata()[0], denoised.get_ydata()[0]], 0, atol=1e-6)
    assert figure.axes[0].get_xlabel() == "standard deviation of the noise"
    same_picture(figure, "corruption_levels")


@pytest.mark.parametrize("corruption", ["masking", "salt_and_pepper"])
def test_rates_are_levels_too(corruption, x):
    figure = plots.corruption_levels(linear(keras_ae.DAE, corruption=corruption), x)
    assert figure.axes[0].lines[0].get_xdata()[-1] == 0.9
    assert figure.axes[0].get_xlabel() == "share of the values corrupted"


def test_vectors_have_no_images_below(vectors):
    assert len(plots.corruption_levels(keras_ae.DAE((5,), 2, widths=()), vectors).axes) == 1


@pytest.mark.parametrize(
    "model, levels, message",
    [
        (lambda: linear(keras_ae.AE), None, "with `corrupt`, a DAE. Received: AE"),
        (
            lambda: linear(keras_ae.DAE, corruption=keras.layers.Dropout(0.5)),
            None,
            "corruption with a level.*Received: Dropout",
        ),
        (lambda: linear(keras_ae.DAE), [0.1], "at least two levels. Received: 1"),
    ],
)
def test_a_model_without_levels_is_refused(model, levels, message, x):
    with pytest.raises(ValueError, match=message):
        plots.corruption_levels(model(), x, levels)
