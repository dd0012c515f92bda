"""Samplers: a density fitted to the codes of a trained model, from which new images are drawn.

    model = keras_ae.load("ae_mnist")
    sampler = keras_ae.samplers.fit(model, x_train)
    images = sampler.sample(64)

An AE has no prior, so that a code drawn at random decodes to nothing likely; and a VAE's prior is not quite where its codes are. A
sampler gives the one a density and the other a better one. It takes seconds, for a VQVAE minutes, and leaves the model as it is.

What belongs here: densities that are fitted after a model was trained.
"""

from keras_ae.samplers.fitted import Sampler, SymbolSampler, fit, split_maps
from keras_ae.samplers.pixelcnn import PixelCNN

__all__ = ["PixelCNN", "Sampler", "SymbolSampler", "fit", "split_maps"]
