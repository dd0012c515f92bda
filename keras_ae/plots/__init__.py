"""Pictures of models: each function returns a matplotlib Figure and changes no global state.

    vae = keras_ae.load("vae2d_mnist")
    keras_ae.plots.manifold(vae).savefig("manifold.png")

Colour-blind readers can tell the colours of the classes apart. The pictures also name the classes.

What belongs here: pictures. Nothing here measures or trains.
"""

from keras_ae.plots.codes import active_units, kl_per_dimension, latent_scatter, posterior_overlap
from keras_ae.plots.curves import corruption_levels, training_curves
from keras_ae.plots.grids import (
    images,
    interpolations,
    layers,
    manifold,
    reconstructions,
    samples,
    traversals,
)
from keras_ae.plots.motion import latent_circle
from keras_ae.plots.oddities import anomaly_scores
from keras_ae.plots.strokes import strokes

__all__ = [
    "active_units",
    "anomaly_scores",
    "corruption_levels",
    "images",
    "interpolations",
    "kl_per_dimension",
    "latent_circle",
    "latent_scatter",
    "layers",
    "manifold",
    "posterior_overlap",
    "reconstructions",
    "samples",
    "strokes",
    "training_curves",
    "traversals",
]
