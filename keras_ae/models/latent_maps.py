"""Latent maps: the parts of a model whose layers lie on one top-down path to the image."""

import math
import typing

from keras_ae import distributions, networks
from keras_ae.utils import inputs

WIDTHS = (32, 48, 64)


class Parts(typing.NamedTuple):
    """What `VAE` takes for a hierarchy with maps.

    Attributes:
        network: pair (encoder, decoder) of keras.Models.
        likelihood, prior, posterior: layers of `keras_ae.distributions`.
        told: dict, what the config tells of the network.
    """

    network: tuple
    likelihood: typing.Any
    prior: typing.Any
    posterior: typing.Any
    told: dict


def are_in(latent_dim):
    """Whether there is a layer that is no int."""
    is_sequence = isinstance(latent_dim, (tuple, list))
    return is_sequence and any(isinstance(one, (tuple, list)) for one in latent_dim)


def parts(
    shape, latents, network, widths, activation, likelihood, prior, posterior, blocks, missing
):
    """The parts of a hierarchy with maps, which share one top-down path.

    Args:
        shape, network, widths, activation, likelihood, blocks: as in `HVAE`.
        latents: sequence of the layers from the top down, as `latent_dim` in `HVAE`.
        prior, posterior: of the top layer, as in `HVAE`.
        missing: bool, whether the encoder also sees which values are there.

    Returns:
        Parts.

    Raises:
        ValueError: an argument does not fit.
    """
    if network not in (None, "top_down"):
        raise ValueError(
            'Expected network="top_down", or none, where latent_dim holds maps. '
            f"Received: network={network!r}"
        )
    shape = inputs.example_shape(shape)
    likelihood = distributions.likelihood_for(shape, likelihood)
    widths = WIDTHS if widths is None else tuple(widths)
    latents = [one if isinstance(one, int) else tuple(one) for one in latents]
    top = distributions.get(distributions.Posterior, posterior)
    size = latents[0] if isinstance(latents[0], int) else math.prod(latents[0])
    seen = (*shape[:-1], 2 * shape[-1]) if missing else shape
    params_shape = (*shape[:-1], likelihood.params_size(shape[-1]))
    encoder, decoder = networks.top_down(
        seen, latents, top.params_size(size), params_shape, widths, activation or "gelu", blocks
    )
    down = decoder.get_layer("top_down")
    return Parts(
        (encoder, decoder),
        likelihood,
        distributions.TopDownPrior(down, prior),
        distributions.TopDownPosterior(down, top),
        {"network": "top_down", "widths": widths, "activation": activation, "blocks": blocks},
    )
