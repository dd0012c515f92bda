import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ae.presets.checks import weights


def dense(units, inputs):
    layer = keras.layers.Dense(units)
    layer.build((None, inputs))
    return layer


def test_a_budget_stops_a_variable_before_it_is_allocated():
    with weights.budget(12):
        dense(2, 5)  # 10 weights + 2 biases
    with (
        pytest.raises(ValueError, match="Expected a model of at most 11 weights"),
        weights.budget(11),
    ):
        dense(2, 5)
    with (
        pytest.raises(ValueError, match="Expected a model of at most 1,000 weights"),
        weights.budget(1000),
    ):
        dense(10**7, 10**7)  # 400 terabytes
    with pytest.raises(ValueError, match="at most 5 weights"), weights.budget(5):
        tf.Variable(lambda: tf.zeros((2, 3)))


def test_huge_outputs_are_refused():
    def model(n):
        return keras.Sequential(
            [keras.Input((2,)), keras.layers.RepeatVector(n), keras.layers.GlobalAveragePooling1D()]
        )

    weights.check_outputs(model(1000), "the model")
    with pytest.raises(
        ValueError,
        match="Expected layers of at most 67,108,864 values in the model. Received: repeat_vector",
    ):
        weights.check_outputs(model(2**26), "the model")


def test_a_link_to_an_array_of_another_file_is_refused(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["secret"] = np.ones(3, "float32")
    with h5py.File(tmp_path / "linked.h5", "w") as file:
        file["linked"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "secret")
    with pytest.raises(ValueError, match="the link 'linked'"):
        weights.count((tmp_path / "linked.h5").read_bytes(), "linked.h5")
