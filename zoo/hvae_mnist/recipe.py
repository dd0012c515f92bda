"""hvae_mnist: a gated hierarchical VAE, layers of 40 and 40, with a VampPrior.

On MNIST, binarised anew at each use.
"""

import sys

import keras

import keras_ae

EPOCHS, WARM_UP, BATCH = 280, 20, 256
folder = sys.argv[1] if len(sys.argv) > 1 else "hvae_mnist"

keras.utils.set_random_seed(1)
(images, _), _ = keras_ae.datasets.load("mnist")
train = keras_ae.datasets.binarize_dynamic(images[:55_000], batch_size=BATCH, seed=1)
validation = keras_ae.datasets.binarize(images[55_000:], seed=2)

prior = keras_ae.distributions.VampPrior(40, components=200)
vae = keras_ae.HVAE(
    (28, 28, 1),
    latent_dim=(40, 40),
    widths=(300, 300),
    activation="glu",
    prior=prior,
    posterior=("diagonal", "full"),
    beta=keras_ae.schedules.WarmUp(WARM_UP * len(train)),
    width=200,
)
prior.pseudo_inputs.assign(images[:200] / 255)
steps = EPOCHS * len(train)
rate = keras.optimizers.schedules.CosineDecay(
    0.0, steps - 500, warmup_target=2e-3, warmup_steps=500
)
vae.compile(keras.optimizers.Adam(rate, use_ema=True, ema_momentum=0.999))
log, backup = (
    keras_ae.TrainingLog(f"{folder}.log"),
    keras_ae.BackupAndRestore(f"{folder}.backup", delete_checkpoint=False),
)
average = (
    keras.callbacks.SwapEMAWeights()
)  # validates the averaged weights, which are the final ones
vae.fit(
    train,
    epochs=EPOCHS,
    validation_data=validation,
    validation_batch_size=1000,
    callbacks=[log, average, backup],
)

vae.set_weights(
    [weight.astype("float16") for weight in vae.get_weights()]
)  # stored in half the space
metrics = [
    measure(vae, "mnist", verbose=1)
    for measure in (keras_ae.evaluation.nll, keras_ae.evaluation.negative_elbo)
]
metrics += keras_ae.evaluation.measure_samples(vae, "mnist")
vae.save_to_preset(folder, dataset="mnist", training=log, metrics=metrics)
backup.delete()
