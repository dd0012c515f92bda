"""Samplers: fit a density to the codes of a trained model, and draw new images from it.

    model = keras_ae.load("ae_mnist")
    sampler = keras_ae.samplers.fit(model, x_train)
    images = sampler.sample(64)

An AE has no prior: a random code decodes to no likely image. A VAE has a prior, but its codes do
not fill it. A sampler gives both a density that fits. It takes seconds, for a VQVAE minutes, and
does not change the model.

What belongs here: densities that are fitted after a model was trained.
"""

from keras_ae.samplers.fitted import Sampler, SymbolSampler, fit, split_maps
from keras_ae.samplers.pixelcnn import PixelCNN

__all__ = ["PixelCNN", "Sampler", "SymbolSampler", "fit", "split_maps"]
