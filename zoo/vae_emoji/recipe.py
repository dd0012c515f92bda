"""vae_emoji: a convolutional VAE that draws colour pictures of 64 x 64 pixels.

Run by `keras-ae train vae_emoji`.
"""

import sys

import keras
import numpy as np
import sklearn.mixture
import tensorflow as tf

import keras_ae

EPOCHS, BATCH, MOVED = 60, 32, 2
SHAPE, LATENT_DIM = (64, 64, 3), 64
folder = sys.argv[1] if len(sys.argv) > 1 else "vae_emoji"

keras.utils.set_random_seed(1)
(images, _), _ = keras_ae.datasets.load("emoji")


def moved(x):
    """A picture, shifted by up to MOVED pixels and flipped at random; white comes in."""
    x = tf.cast(x, "float32") / 255
    x = tf.pad(x, [[MOVED, MOVED], [MOVED, MOVED], [0, 0]], constant_values=1.0)
    return tf.image.random_flip_left_right(tf.image.random_crop(x, SHAPE))


train = tf.data.Dataset.from_tensor_slices(images).shuffle(len(images)).map(moved)
train = train.batch(BATCH, drop_remainder=True).prefetch(2)


def vae_with(components):
    """A VAE whose prior is a mixture of so many Gaussians."""
    return keras_ae.VAE(
        SHAPE,
        LATENT_DIM,
        network="residual",
        widths=(32, 64, 96, 128),
        likelihood=keras_ae.distributions.DiscretizedLogisticMixture(1),
        prior=keras_ae.distributions.FullGaussianMixture(LATENT_DIM, components),
        beta=5.0,
    )


trained = vae_with(60)
steps = EPOCHS * len(train)
rate = keras.optimizers.schedules.CosineDecay(
    0.0, steps - 500, warmup_target=1e-3, warmup_steps=500
)
trained.compile(
    keras.optimizers.Adam(rate, use_ema=True, ema_momentum=0.999, global_clipnorm=20000.0)
)
log = keras_ae.TrainingLog(f"{folder}.log")
backup = keras_ae.BackupAndRestore(f"{folder}.backup", delete_checkpoint=False)
trained.fit(train, epochs=EPOCHS, callbacks=[log, keras.callbacks.SwapEMAWeights(), backup])

# The same networks with a finer mixture, which is fitted by expectation-maximisation to the codes
# of all pictures and their mirror images. So what is drawn comes from where the codes are.
vae = vae_with(150)
vae.encoder.set_weights(trained.encoder.get_weights())
vae.decoder.set_weights(trained.decoder.get_weights())
both = np.concatenate([images, images[:, :, ::-1]])
codes = np.asarray(vae.encode(both), "float64")
fitted = sklearn.mixture.GaussianMixture(150, reg_covar=0.1, random_state=1).fit(codes)
vae.prior_layer.start(fitted.weights_, fitted.means_, fitted.covariances_)

vae.set_weights(
    [weight.astype("float16") for weight in vae.get_weights()]
)  # stored in half the space
metrics = [
    keras_ae.evaluation.bits_per_dimension(vae, "emoji", n_samples=100),
    keras_ae.evaluation.psnr(vae, "emoji"),
]
vae.save_to_preset(folder, dataset="emoji", training=log, metrics=metrics)
backup.delete()
