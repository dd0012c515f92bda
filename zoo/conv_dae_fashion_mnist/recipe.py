"""conv_dae_fashion_mnist: a convolutional denoising autoencoder whose code is a map.

For Gaussian noise of scale 0.5.

Run by `keras-ae train conv_dae_fashion_mnist`.
"""

import sys

import keras

import keras_ae

EPOCHS, BATCH = 11, 128
SHAPE, LATENT_DIM = (28, 28, 1), 7 * 7 * 32
folder = sys.argv[1] if len(sys.argv) > 1 else "conv_dae_fashion_mnist"

keras.utils.set_random_seed(1)
(images, _), _ = keras_ae.datasets.load("fashion_mnist")
train, validation = images[:55_000], images[55_000:]

network = keras_ae.networks.residual(SHAPE, LATENT_DIM, LATENT_DIM, SHAPE, blocks=3, code="map")
model = keras_ae.DAE(SHAPE, LATENT_DIM, network=network)
steps = EPOCHS * -(-len(train) // BATCH)
rate = keras.optimizers.schedules.CosineDecay(
    0.0, steps - 500, warmup_target=2e-3, warmup_steps=500
)
model.compile(keras.optimizers.Adam(rate, use_ema=True, ema_momentum=0.99), metrics=["mse"])
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
    train,
    epochs=EPOCHS,
    batch_size=BATCH,
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
