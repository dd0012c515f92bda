"""Networks by name, and the check of networks that a user made."""

import math

import keras

from keras_ae.networks import recurrent
from keras_ae.networks.convolutional import conv, residual
from keras_ae.networks.dense import dense
from keras_ae.networks.mixer import mixer
from keras_ae.utils import validation

NETWORKS = {
    "dense": dense,
    "conv": conv,
    "residual": residual,
    "mixer": mixer,
    **recurrent.NETWORKS,
}


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
    """Builds the network of a name, or checks a user's own pair (encoder, decoder).

    Args:
        network: a name, or two keras.Models or their configs.
        shape, code_size, latent_dim, output_shape, widths, activation: as in `dense`.
        mask_value: as in `gru`; other networks do not use it.

    Returns:
        (encoder, decoder), as in `dense`.

    Raises:
        ValueError: an unknown name; models whose outputs do not fit code_size and output_shape.
    """
    if isinstance(network, str) and network in NETWORKS:
        mask_value = mask_value if network in recurrent.NETWORKS else None
        options = {"widths": widths, "activation": activation, "mask_value": mask_value}
        options = {name: value for name, value in options.items() if value is not None}
        validation.positive_widths(options.get("widths", ()))
        return NETWORKS[network](shape, code_size, latent_dim, output_shape, **options)
    encoder, decoder = _pair(network)
    if widths is not None or activation is not None:
        raise ValueError(
            "Expected no `widths` and `activation` beside a network of your own. "
            f"Received: {widths=}, {activation=}"
        )
    needs = "what the posterior or the code needs"
    _check_output("encoder", encoder, (None, *shape), (code_size,), needs)
    needs = "what the likelihood needs"
    _check_output("decoder", decoder, (None, latent_dim), output_shape, needs)
    return encoder, decoder


def _pair(network):
    """A user's own network as two keras.Models. Raises ValueError if it is anything else."""
    models = network
    if isinstance(network, (tuple, list)):
        models = [
            keras.saving.deserialize_keras_object(model) if isinstance(model, dict) else model
            for model in network
        ]
    is_pair = isinstance(models, list) and len(models) == 2
    if not (is_pair and all(isinstance(model, keras.Model) for model in models)):
        known = ", ".join(map(repr, NETWORKS))
        raise ValueError(
            f"Expected `network` to be one of {known}, or a pair of keras.Models. "
            f"Received: network={models!r}"
        )
    return models


def _check_output(role, model, input_shape, expected, why):
    """Raises ValueError unless the model's output has as many values as expected."""
    received = model.compute_output_shape(input_shape)
    if not model.built:
        model.build(input_shape)
    if math.prod(received[1:]) != math.prod(expected):
        expected = ", ".join(map(str, ("batch", *expected)))
        raise ValueError(
            f"Expected the {role} to give ({expected}), {why}. Received: {tuple(received)}"
        )
