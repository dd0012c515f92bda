"""Which examples the explorer takes, with data and without."""

import numpy as np
import pytest

import keras_ae
from keras_ae import datasets
from keras_ae.explorer import examples


@pytest.fixture
def offline(monkeypatch):
    """Lets only the named data sets be found. -> sets the names, and tells what was asked for."""
    asked, load = [], datasets.load

    def only(*names):
        def found(name):
            asked.append(name)
            if name not in names:
                raise FileNotFoundError("no network")
            return load(name)

        monkeypatch.setattr(datasets, "load", found)
        return asked

    return only


def test_test_images_come_first(offline):
    offline("digits")
    x, y, source = examples.of(keras_ae.VAE((8, 8, 1), 2, widths=(4,)), "digits")
    np.testing.assert_array_equal(x, datasets.load("digits")[1][0])
    np.testing.assert_array_equal(y, datasets.load("digits")[1][1])
    assert source == "digits test images"


def test_mnist_is_replaced_by_digits_of_a_package(offline):
    asked = offline("mnist_5k")
    x, _, source = examples.of(keras_ae.AE((28, 28, 1), 2, widths=(4,)), "mnist")
    assert source == "mnist_5k test images" and x.shape == (1000, 28, 28, 1)
    assert asked == ["mnist", "mnist_5k"]


def test_a_model_with_a_prior_draws_its_own(offline):
    offline("mnist_5k")
    vae = keras_ae.VAE((28, 28, 1), 2, widths=(4,))
    x, y, source = examples.of(vae, "fashion_mnist")
    np.testing.assert_array_equal(x, vae.sample(examples.DRAWN, seed=0))
    assert y is None and source == "draws from the prior"


def test_a_conditional_model_draws_every_label(offline):
    offline()
    model = keras_ae.ConditionalVAE((8, 8, 1), 2, widths=(4,), classes=3)
    x, y, _ = examples.of(model, None)
    assert y[:4].tolist() == [0, 1, 2, 0]
    np.testing.assert_array_equal(x, model.sample(len(y), seed=0, labels=y))


def test_clothes_are_drawn_by_another_model_of_clothes(offline, monkeypatch):
    monkeypatch.setattr(examples, "DRAWN", 50)
    offline("mnist_5k")  # digits would fit the shape
    x, _, source = examples.of(keras_ae.AE((28, 28, 1), 2, widths=(4,)), "fashion_mnist")
    name = source.removeprefix("images drawn by ")
    assert keras_ae.info(name).dataset == "fashion_mnist"
    expected = keras_ae.load(name).sample(examples.DRAWN, seed=0)
    np.testing.assert_allclose(x, expected, atol=1e-5)
    assert x.std(axis=0).mean() > 0.1  # they are not all the same


def test_a_package_with_images_of_the_shape_is_better_than_noise(offline):
    offline("digits")
    ae = keras_ae.AE((8, 8, 1), 2, widths=(4,))
    assert examples.of(ae, None)[2] == "digits test images"
    offline()
    x, y, source = examples.of(ae, None)
    assert x.shape[1:] == (8, 8, 1) and y is None and source.startswith("random images")


def test_letters_stand_in_for_pen_strokes(offline):
    offline()
    x, y, source = examples.of(keras_ae.load("sequence_ae_omniglot"), "omniglot_strokes")
    assert source == "drawn letters" and x.shape == (len(y), 48, 3)
    real = (x != -1).any(axis=-1)
    assert (real.sum(axis=1) >= 2).all() and np.abs(x[real]).max() <= 1
    pens = {letter: (x[y == letter][..., 2] == 1).sum(axis=1) for letter in np.unique(y)}
    strokes = {letter: set(ends.tolist()) for letter, ends in pens.items()}
    assert strokes["L"] == {1} and strokes["X"] == {2}  # as a hand draws them
    assert not (x[0] == x[1]).all()
