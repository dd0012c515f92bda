"""vqvae_mnist: an autoencoder whose code is 98 symbols, 980 bits, two at each of 7 x 7 places.

Run by `keras-ae train vqvae_mnist`.
"""

import sys

import keras

import keras_ae

EPOCHS, BATCH = 16, 128
SHAPE, WIDTH, SIZE = (28, 28, 1), 4, 1024
LATENT_DIM = 7 * 7 * 2 * WIDTH
folder = sys.argv[1] if len(sys.argv) > 1 else "vqvae_mnist"

keras.utils.set_random_seed(1)
(images, _), _ = keras_ae.datasets.load("mnist")
train, validation = images[:55_000], images[55_000:]

network = keras_ae.networks.residual(SHAPE, LATENT_DIM, LATENT_DIM, SHAPE, blocks=1, code="map")
model = keras_ae.VQVAE(SHAPE, LATENT_DIM, network=network, size=SIZE, width=WIDTH)
steps = EPOCHS * -(-len(train) // BATCH)
rate = keras.optimizers.schedules.CosineDecay(
    0.0, steps - 500, warmup_target=2e-3, warmup_steps=500
)
model.compile(keras.optimizers.Adam(rate, use_ema=True, ema_momentum=0.999), metrics=["mse"])
log, backup = (
    keras_ae.TrainingLog(f"{folder}.log"),
    keras_ae.BackupAndRestore(f"{folder}.backup", delete_checkpoint=False),
)
# The averaged weights are validated, which are the final ones.
callbacks = [log, keras.callbacks.SwapEMAWeights(), backup]
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
metrics = [keras_ae.evaluation.mse(model, "mnist"), keras_ae.evaluation.perplexity(model, "mnist")]
model.save_to_preset(folder, dataset="mnist", training=log, metrics=metrics)
backup.delete()
