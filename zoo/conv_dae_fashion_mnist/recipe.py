"""conv_dae_fashion_mnist: a convolutional denoising autoencoder whose code is a map.

For Gaussian noise of scale 0.5.

Run by `keras-ae train conv_dae_fashion_mnist`.
"""

import sys

import keras
import tensorflow as tf

import keras_ae

EPOCHS, BATCH = 28, 128
SHAPE, LATENT_DIM = (28, 28, 1), 7 * 7 * 32
folder = sys.argv[1] if len(sys.argv) > 1 else "conv_dae_fashion_mnist"

keras.utils.set_random_seed(1)
(images, _), _ = keras_ae.datasets.load("fashion_mnist")
train, validation = images[:58_000], images[58_000:]

# In each epoch half of the images are mirrored, so that the network cannot learn them by heart.
mirrored = keras.layers.RandomFlip("horizontal")
batches = tf.data.Dataset.from_tensor_slices(train).shuffle(len(train)).batch(BATCH)
batches = batches.map(lambda x: mirrored(tf.cast(x, "float32") / 255, training=True)).prefetch(4)

network = keras_ae.networks.residual(SHAPE, LATENT_DIM, LATENT_DIM, SHAPE, blocks=3, code="map")
model = keras_ae.DAE(SHAPE, LATENT_DIM, network=network)
steps = EPOCHS * len(batches)
rate = keras.optimizers.schedules.CosineDecay(
    0.0, steps - 500, warmup_target=2e-3, warmup_steps=500
)
model.compile(keras.optimizers.Adam(rate, use_ema=True, ema_momentum=0.999), loss="mse")
log, backup = (
    keras_ae.TrainingLog(f"{folder}.log"),
    keras_ae.BackupAndRestore(f"{folder}.backup", delete_checkpoint=False),
)
# The averaged weights are validated, which are the final ones.
callbacks = [
    log,
    keras.callbacks.SwapEMAWeights(),
    keras.callbacks.EarlyStopping(patience=10),
    backup,
]
model.fit(
    batches,
    epochs=EPOCHS,
    validation_data=validation,
    validation_batch_size=1000,
    callbacks=callbacks,
)

model.set_weights(
    [weight.astype("float16") for weight in model.get_weights()]
)  # stored in half the space
metrics = [keras_ae.evaluation.psnr(model, "fashion_mnist")]
model.save_to_preset(folder, dataset="fashion_mnist", training=log, metrics=metrics)
backup.delete()
