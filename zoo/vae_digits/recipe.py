"""vae_digits: a small VAE of 8 x 8 digits that trains in under a minute.

Run by `keras-ae train vae_digits`.
"""

import sys

import keras

import keras_ae

EPOCHS, BATCH = 300, 128
folder = sys.argv[1] if len(sys.argv) > 1 else "vae_digits"

keras.utils.set_random_seed(1)
(images, _), _ = keras_ae.datasets.load("digits")
train = keras_ae.datasets.binarize_dynamic(images[:1_200], batch_size=BATCH, seed=1)
validation = keras_ae.datasets.binarize(images[1_200:], seed=2)

vae = keras_ae.VAE((8, 8, 1), latent_dim=8, widths=(128,))
vae.compile(keras.optimizers.Adam(1e-3, use_ema=True, ema_momentum=0.99))
log, backup = (
    keras_ae.TrainingLog(f"{folder}.log"),
    keras_ae.BackupAndRestore(f"{folder}.backup", delete_checkpoint=False),
)
# The averaged weights are validated, which are the final ones.
callbacks = [
    log,
    keras.callbacks.SwapEMAWeights(),
    keras.callbacks.EarlyStopping(patience=50),
    backup,
]
vae.fit(
    train,
    epochs=EPOCHS,
    validation_data=validation,
    validation_batch_size=1000,
    callbacks=callbacks,
)

metrics = [
    measure(vae, "digits", verbose=1)
    for measure in (keras_ae.evaluation.nll, keras_ae.evaluation.negative_elbo)
]
vae.save_to_preset(folder, dataset="digits", training=log, metrics=metrics)
backup.delete()
