"""Networks: functions that return an encoder and a decoder, two ordinary functional keras.Models.

    shape = (28, 28, 1)
    encoder, decoder = keras_ae.networks.dense(
        shape, code_size=40, latent_dim=20, output_shape=shape
    )
    keras_ae.VAE(shape, latent_dim=20, network=(encoder, decoder))  # or two models of your own

code_size is the number of parameters of the posterior, `posterior.params_size(latent_dim)`, or
latent_dim for an AE. output_shape is the shape of the likelihood's parameters: the shape of an
example, its last axis times the number of parameters per value.

What belongs here: pairs of networks, and their layers. Nothing here knows a distribution or a
model.
"""

from keras_ae.networks.conditioner import Conditioner
from keras_ae.networks.convolutional import conv, residual, sizes_of_levels, two_levels
from keras_ae.networks.dense import dense
from keras_ae.networks.layers import BiasGelu, DepthToSpace, GatedLinearUnit, GatedTanh
from keras_ae.networks.mixer import mixer
from keras_ae.networks.recurrent import gru, lstm
from keras_ae.networks.registry import NETWORKS, build
from keras_ae.networks.top_down import TopDown, top_down

__all__ = [
    "NETWORKS",
    "BiasGelu",
    "Conditioner",
    "DepthToSpace",
    "GatedLinearUnit",
    "GatedTanh",
    "TopDown",
    "build",
    "conv",
    "dense",
    "gru",
    "lstm",
    "mixer",
    "residual",
    "sizes_of_levels",
    "top_down",
    "two_levels",
]
