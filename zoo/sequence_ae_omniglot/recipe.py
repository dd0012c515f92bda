"""sequence_ae_omniglot: a handwritten character, read and written stroke by stroke.

Run by `keras-ae train sequence_ae_omniglot`.
"""

import sys

import keras

import keras_ae

EPOCHS, BATCH = 120, 64
folder = sys.argv[1] if len(sys.argv) > 1 else "sequence_ae_omniglot"

keras.utils.set_random_seed(1)
(strokes, _), _ = keras_ae.datasets.load("omniglot_strokes")
train, validation = strokes[200:], strokes[:200]

likelihood = keras_ae.distributions.Gaussian(0.1)
model = keras_ae.SequenceAE(
    (48, 3), latent_dim=24, network="gru", widths=(128,), likelihood=likelihood, mask_value=-1
)
steps = EPOCHS * -(-len(train) // BATCH)
rate = keras.optimizers.schedules.CosineDecay(
    0.0, steps - 200, warmup_target=4e-3, warmup_steps=200
)
model.compile(keras.optimizers.Adam(rate, global_clipnorm=100.0), metrics=["mse"])
log, backup = (
    keras_ae.TrainingLog(f"{folder}.log"),
    keras_ae.BackupAndRestore(f"{folder}.backup", delete_checkpoint=False),
)
callbacks = [log, backup]
model.fit(
    train,
    epochs=EPOCHS,
    batch_size=BATCH,
    validation_data=validation,
    validation_batch_size=100,
    callbacks=callbacks,
)

model.set_weights(
    [weight.astype("float16") for weight in model.get_weights()]
)  # stored in half the space
metrics = [keras_ae.evaluation.step_mse(model, "omniglot_strokes")]
model.save_to_preset(folder, dataset="omniglot_strokes", training=log, metrics=metrics)
backup.delete()
