"""Networks: functions that give an encoder and a decoder, two ordinary functional keras.Models.

    encoder, decoder = keras_ae.networks.dense((28, 28, 1), code_size=40, latent_dim=20, output_shape=(28, 28, 1))
    keras_ae.VAE((28, 28, 1), latent_dim=20, network=(encoder, decoder))       # or two models of your own

code_size is what the posterior asks for (`posterior.params_size(latent_dim)`; latent_dim for an AE). output_shape is what the
likelihood asks for: shape, its last axis times the number of parameters per value.

What belongs here: pairs of networks, and the layers that they are made of. Nothing here knows of a distribution or a model.
"""

from keras_ae.networks.conditioner import Conditioner
from keras_ae.networks.convolutional import conv, residual, sizes_of_levels, two_levels
from keras_ae.networks.dense import dense
from keras_ae.networks.layers import BiasGelu, DepthToSpace, GatedLinearUnit, GatedTanh
from keras_ae.networks.recurrent import gru, lstm
from keras_ae.networks.registry import NETWORKS, build

__all__ = [
    "NETWORKS",
    "BiasGelu",
    "Conditioner",
    "DepthToSpace",
    "GatedLinearUnit",
    "GatedTanh",
    "build",
    "conv",
    "dense",
    "gru",
    "lstm",
    "residual",
    "sizes_of_levels",
    "two_levels",
]
