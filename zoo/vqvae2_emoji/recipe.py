"""vqvae2_emoji: colour pictures of 64 x 64 pixels in 320 symbols, 3,200 bits.

Run by `keras-ae train vqvae2_emoji`.
"""

import sys

import keras
import tensorflow as tf

import keras_ae

EPOCHS, BATCH, MOVED = 70, 32, 4
SHAPE = (64, 64, 3)
folder = sys.argv[1] if len(sys.argv) > 1 else "vqvae2_emoji"

keras.utils.set_random_seed(1)
(images, _), _ = keras_ae.datasets.load("emoji")


def moved(x):
    """A picture, shifted by up to MOVED pixels and flipped at random; white comes in."""
    x = tf.cast(x, "float32") / 255
    x = tf.pad(x, [[MOVED, MOVED], [MOVED, MOVED], [0, 0]], constant_values=1.0)
    return tf.image.random_flip_left_right(tf.image.random_crop(x, SHAPE))


train = tf.data.Dataset.from_tensor_slices(images).shuffle(len(images)).map(moved)
train = train.batch(BATCH, drop_remainder=True).prefetch(2)

likelihood = keras_ae.distributions.Gaussian(scale=0.1)
model = keras_ae.VQVAE2(
    SHAPE, widths=(48, 64, 64), blocks=1, size=1024, likelihood=likelihood, commitment=1.0
)
steps = EPOCHS * len(train)
rate = keras.optimizers.schedules.CosineDecay(
    0.0, steps - 200, warmup_target=1e-3, warmup_steps=200
)
model.compile(keras.optimizers.Adam(rate, use_ema=True, ema_momentum=0.999), metrics=["mse"])
log = keras_ae.TrainingLog(f"{folder}.log")
backup = keras_ae.BackupAndRestore(f"{folder}.backup", delete_checkpoint=False)
model.fit(train, epochs=EPOCHS, callbacks=[log, keras.callbacks.SwapEMAWeights(), backup])

model.set_weights(
    [weight.astype("float16") for weight in model.get_weights()]
)  # stored in half the space
metrics = [keras_ae.evaluation.mse(model, "emoji"), keras_ae.evaluation.psnr(model, "emoji")]
model.save_to_preset(folder, dataset="emoji", training=log, metrics=metrics)
backup.delete()
