"""Networks by name, and the check of a user's own."""

import math

import keras

from keras_ae.networks import recurrent
from keras_ae.networks.convolutional import conv, residual
from keras_ae.networks.dense import dense
from keras_ae.utils import validation

NETWORKS = {"dense": dense, "conv": conv, "residual": residual, **recurrent.NETWORKS}


def build(
    network,
    shape,
    code_size,
    latent_dim,
    output_shape,
    widths=None,
    activation=None,
    mask_value=None,
):
    """Builds the network of a name, or checks and adopts a user's own (encoder, decoder). mask_value: for those that know of padding.

    Raises:
        ValueError: an unknown name, or models whose outputs do not fit code_size and output_shape.
    """
    if isinstance(network, (tuple, list)):
        network = [
            keras.saving.deserialize_keras_object(model) if isinstance(model, dict) else model
            for model in network
        ]
    if isinstance(network, str) and network in NETWORKS:
        options = {
            "widths": widths,
            "activation": activation,
            "mask_value": mask_value if network in recurrent.NETWORKS else None,
        }
        options = {name: value for name, value in options.items() if value is not None}
        validation.positive_widths(options.get("widths", ()))
        return NETWORKS[network](shape, code_size, latent_dim, output_shape, **options)
    if not (
        isinstance(network, list)
        and len(network) == 2
        and all(isinstance(m, keras.Model) for m in network)
    ):
        known = ", ".join(map(repr, NETWORKS))
        raise ValueError(
            f"Expected `network` to be one of {known}, or a pair of keras.Models. Received: network={network!r}"
        )
    if widths is not None or activation is not None:
        raise ValueError(
            f"Expected no `widths` and `activation` beside a network of your own. Received: {widths=}, {activation=}"
        )
    encoder, decoder = network
    _check_output(
        "encoder", encoder, (None, *shape), (code_size,), "what the posterior or the code needs"
    )
    _check_output("decoder", decoder, (None, latent_dim), output_shape, "what the likelihood needs")
    return encoder, decoder


def _check_output(role, model, input_shape, expected, why):
    received = model.compute_output_shape(input_shape)
    if not model.built:
        model.build(input_shape)
    if math.prod(received[1:]) != math.prod(expected):
        expected = ", ".join(map(str, ("batch", *expected)))
        raise ValueError(
            f"Expected the {role} to give ({expected}), {why}. Received: {tuple(received)}"
        )
