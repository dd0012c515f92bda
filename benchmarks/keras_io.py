"""The VAE of keras.io's example (own train_step, Sampling layer), trained by keras.Model.fit.

Source: https://keras.io/examples/generative/vae/, with the networks of the task.
"""

import bisect

import keras
import tensorflow as tf
from keras import layers, ops

import keras_ae
from benchmarks import task


class Sampling(layers.Layer):
    """z ~ N(z_mean, exp(z_log_var))."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(1337)

    def call(self, inputs):
        z_mean, z_log_var = inputs
        epsilon = keras.random.normal(shape=ops.shape(z_mean), seed=self.seed_generator)
        return z_mean + ops.exp(0.5 * z_log_var) * epsilon


class VAE(keras.Model):
    """An encoder to (z_mean, z_log_var, z), a decoder, and their training."""

    def __init__(self, encoder, decoder, **kwargs):
        super().__init__(**kwargs)
        self.encoder = encoder
        self.decoder = decoder
        self.total_loss_tracker = keras.metrics.Mean(name="total_loss")
        self.reconstruction_loss_tracker = keras.metrics.Mean(name="reconstruction_loss")
        self.kl_loss_tracker = keras.metrics.Mean(name="kl_loss")

    @property
    def metrics(self):
        return [self.total_loss_tracker, self.reconstruction_loss_tracker, self.kl_loss_tracker]

    def train_step(self, data):
        with tf.GradientTape() as tape:
            z_mean, z_log_var, z = self.encoder(data)
            reconstruction = self.decoder(z)
            reconstruction_loss = ops.mean(
                ops.sum(keras.losses.binary_crossentropy(data, reconstruction), axis=(1, 2))
            )
            kl_loss = -0.5 * (1 + z_log_var - ops.square(z_mean) - ops.exp(z_log_var))
            kl_loss = ops.mean(ops.sum(kl_loss, axis=1))
            total_loss = reconstruction_loss + kl_loss
        grads = tape.gradient(total_loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(grads, self.trainable_weights, strict=True))
        self.total_loss_tracker.update_state(total_loss)
        self.reconstruction_loss_tracker.update_state(reconstruction_loss)
        self.kl_loss_tracker.update_state(kl_loss)
        return {metric.name: metric.result() for metric in self.metrics}


def dense(count):
    """Trains the dense VAE."""
    image = h = keras.Input((28, 28, 1))
    h = layers.Flatten()(h)
    for width in task.WIDTHS:
        h = layers.Dense(width, activation="relu")(h)
    encoder = _encoder(image, h)

    z = h = keras.Input((task.LATENT,))
    for width in task.WIDTHS[::-1]:
        h = layers.Dense(width, activation="relu")(h)
    h = layers.Dense(task.PIXELS, activation="sigmoid")(h)
    return _training(VAE(encoder, keras.Model(z, layers.Reshape((28, 28, 1))(h))), count)


def conv(count):
    """Trains a VAE with transposed convolutions and as many parameters as our default network."""
    return _training(
        transposed_of_size(parameters_of(keras_ae.VAE((28, 28, 1), task.LATENT, network="conv"))),
        count,
    )


def transposed_of_size(parameters):
    """Transposed convolutions with about so many parameters. The widths have the ratio 1 to 2."""
    widths = range(1, 512)
    width = widths[
        bisect.bisect_left(
            widths, parameters, key=lambda width: parameters_of(transposed((width, 2 * width)))
        )
    ]
    vae = transposed((width, 2 * width))
    assert abs(parameters_of(vae) / parameters - 1) < 0.05, (
        f"no width gives about {parameters} parameters"
    )
    return vae


def parameters_of(vae):
    """The number of weights."""
    return vae.encoder.count_params() + vae.decoder.count_params()


def transposed(widths):
    """The example's network without its Dense layer of 16 units, a bottleneck before the code."""
    image = h = keras.Input((28, 28, 1))
    for width in widths:
        h = layers.Conv2D(width, 3, activation="relu", strides=2, padding="same")(h)
    encoder = _encoder(image, layers.Flatten()(h))

    z = h = keras.Input((task.LATENT,))
    h = layers.Dense(7 * 7 * widths[-1], activation="relu")(h)
    h = layers.Reshape((7, 7, widths[-1]))(h)
    for width in widths[::-1]:
        h = layers.Conv2DTranspose(width, 3, activation="relu", strides=2, padding="same")(h)
    h = layers.Conv2DTranspose(1, 3, activation="sigmoid", padding="same")(h)
    return VAE(encoder, keras.Model(z, h))


def _encoder(image, h):
    z_mean, z_log_var = layers.Dense(task.LATENT)(h), layers.Dense(task.LATENT)(h)
    return keras.Model(image, [z_mean, z_log_var, Sampling()([z_mean, z_log_var])])


def _training(vae, count):
    x = task.floats(count)
    vae.compile(optimizer=keras.optimizers.Adam(task.LEARNING_RATE))
    return lambda passes: vae.fit(x, batch_size=task.BATCH, epochs=passes, verbose=0).history[
        "total_loss"
    ][-1]
