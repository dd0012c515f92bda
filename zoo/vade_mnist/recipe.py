"""vade_mnist: the ten digits, found without a label in the codes of vae_normal_mnist.

Run by `keras-ae train vade_mnist`.
"""

import sys

import keras

import keras_ae

EPOCHS, BATCH = 1, 256
folder = sys.argv[1] if len(sys.argv) > 1 else "vade_mnist"

keras.utils.set_random_seed(1)
(images, _), _ = keras_ae.datasets.load("mnist")

vae = keras_ae.load("vae_normal_mnist")
network = (vae.encoder, vae.decoder)
vade = keras_ae.VaDE(
    (28, 28, 1), latent_dim=40, network=network, posterior="full", clusters=10, covariance="full"
)
vade.start_clusters(images, keras_ae.representation.spectral(vade.encode(images), clusters=10))
vade.compile(keras.optimizers.Adam(1e-4))
log = keras_ae.TrainingLog(f"{folder}.log")
vade.fit(images, epochs=EPOCHS, batch_size=BATCH, callbacks=[log])

vade.set_weights(
    [weight.astype("float16") for weight in vade.get_weights()]
)  # stored in half the space
metrics = [
    keras_ae.evaluation.cluster_accuracy(vade, "mnist"),
    keras_ae.evaluation.negative_elbo(vade, "mnist", binarize_seed=None, n_samples=100),
]
metrics += keras_ae.evaluation.measure_samples(vade, "mnist")
vade.save_to_preset(folder, dataset="mnist", training=log, metrics=metrics)
