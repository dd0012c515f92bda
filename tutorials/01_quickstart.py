# %% [markdown]
# # Quickstart
#
# **What you will learn**
#
# * how to load a pretrained model and see what is known about it;
# * how to look at what it does: reconstruct, encode, interpolate, draw new images, tell likely
#   images from unlikely ones;
# * how to fine-tune it on images of your own, and how much that saves compared with starting from
#   scratch;
# * how to save the result, so that it loads by one line too.
#
# You need to know how to run Python. What happens inside is explained from tutorial 02 on. Only
# MNIST itself is downloaded, if you do not have it; offline, write `"mnist_5k"` instead of
# `"mnist"`.

# %%
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

import keras_ae

keras.utils.set_random_seed(0)
plt.rcParams.update({"figure.dpi": 80, "axes.spines.top": False, "axes.spines.right": False})

# %% [markdown]
# ## Load

# %%
names = keras_ae.list_models()
for i in range(0, len(names), 4):
    print("  ".join(f"{name:<23}" for name in names[i : i + 4]))
vae = keras_ae.load("vae_mnist")
card = keras_ae.info("vae_mnist")
print(f"{card.name}: a {card.family} of {card.parameters:,} weights, trained on {card.dataset}")
for metric in card.metrics[:2]:
    number = f"{metric['name']} {metric['value']:.2f} {metric['unit']}"
    print(f"measured on the test set, per image: {number}")

# %% [markdown]
# `vae_mnist` is a *variational autoencoder*. It has learned to squeeze an image of a digit,
# $\mathbf{x}$, into a *code* $\mathbf{z}$ of 40 numbers, and to make an image from any code. It has
# seen 58,000 images; those below are from the test set, which it has not.

# %%
(_, _), (x_test, y_test) = keras_ae.datasets.load("mnist")
digits = x_test[[np.flatnonzero(y_test == digit)[3] for digit in range(10)]]
print("images:", digits.shape, digits.dtype, " codes:", vae.encode(digits).shape)

# %% [markdown]
# Images are arrays (number, height, width, channels), whole numbers from 0 to 255 or fractions from
# 0 to 1. 0 is the ground, the largest value is ink. The pictures here show ink as black on white.
#
# ## Look
#
# **Reconstruct**: encode, then decode. The 40 numbers keep the digit and the hand that wrote it.

# %%
keras_ae.plots.reconstructions(vae, digits)

# %% [markdown]
# **Draw new images**: take random codes and decode them. None of these digits was written by
# anybody.

# %%
keras_ae.plots.images(vae.sample(60, seed=0), columns=15)

# %% [markdown]
# **Interpolate**: walk in a straight line from the code of one image to that of another, and decode
# on the way.

# %%
keras_ae.plots.interpolations(vae, digits[[1, 3, 4]], digits[[7, 8, 9]])

# %% [markdown]
# **Encode**: what do codes look like? They have 40 dimensions; here they are projected onto the two
# in which they differ most, with a colour for each digit. The model was never told which digit an
# image shows.

# %%
keras_ae.plots.latent_scatter(vae, x_test[:3000], y_test[:3000])

# %% [markdown]
# **Judge**: `log_likelihood` tells how likely an image is under the model, as a logarithm, in nats.
# We ask for the ten digits, the same ones upside down, and with half of their rows in random order.
# The model was trained on black and white pixels, so we give it such.

# %%
rng = np.random.default_rng(0)
upside_down = digits[:, ::-1]
shuffled = digits.copy()
shuffled[:, 7:21] = digits[:, 7 + rng.permutation(14)]
kinds = {"as written": digits, "upside down": upside_down, "rows shuffled": shuffled}
for name, x in kinds.items():
    values = vae.log_likelihood(
        keras_ae.datasets.binarize_threshold(x), n_samples=500, seed=0
    ).numpy()
    print(f"{name:>14}: mean {values.mean():7.1f} nats;  each: {values.round().astype(int)}")
keras_ae.plots.images(np.concatenate(list(kinds.values())), columns=10, titles=[*kinds])

# %% [markdown]
# On average, digits as they are written are far likelier than what looks like no digit. A 1 or a 3
# that is upside down still looks like a 1 or a 3, and the model agrees. That a 0 is rated lower
# than a 7 does not mean that it is a worse digit: thick strokes and long outlines cost more.
#
# ## Your own images
#
# You have images that are not quite those that the model was trained on, and not many. Here they
# are a folder of 600 PNG files: digits again, but of another country, another scanner and a quarter
# of the resolution (they come with scikit-learn). **To use your own, set `folder` to your folder
# and skip the next cell**; PNG or JPEG files of any size will do.

# %%
folder = pathlib.Path("my_images")
folder.mkdir(exist_ok=True)
(scans, _), _ = keras_ae.datasets.load("digits")
for i, image in enumerate(scans[:600, ..., 0]):
    with_margin = np.pad(image, 2)  # MNIST's digits have one too
    Image.fromarray(with_margin).save(folder / f"{i:04}.png")
print("size of a file:", Image.open(folder / "0000.png").size)

# %% [markdown]
# Keras reads the folder and brings the images to the size that the model expects. The model knows
# light ink on a dark ground, so invert yours (`255 - my_images`) if they are dark on light. What
# does the model make of them?

# %%
read = keras.utils.image_dataset_from_directory(
    folder,
    labels=None,
    color_mode="grayscale",
    image_size=(28, 28),
    batch_size=None,
    shuffle=False,
    verbose=False,
)
my_images = np.stack([np.asarray(image) for image in read]).round().astype("uint8")
train, validation = my_images[:-200], my_images[-200:]
print("training", train.shape, " validation", validation.shape)
keras_ae.plots.reconstructions(vae, validation[:10])

# %% [markdown]
# It recognises digits, but redraws them in the style that it knows, sharper and heavier than they
# are.
#
# ## Fine-tune
#
# A pretrained model is an ordinary `keras.Model`, so `fit` trains it further. What does the
# pretraining save? The second model below is the same network, trained from scratch. 400 images are
# very few for a network of 3 million weights, so we keep the weights of the epoch with the smallest
# validation loss.

# %%
EPOCHS = 30
histories, models = {}, {}
for name, pretrained in [("fine-tuned", True), ("from scratch", False)]:
    keras.utils.set_random_seed(0)
    model = keras_ae.load("vae_mnist", load_weights=pretrained)
    model.compile(keras.optimizers.Adam(5e-4))
    best = keras.callbacks.EarlyStopping(patience=EPOCHS, restore_best_weights=True)
    fitted = model.fit(
        train, batch_size=20, epochs=EPOCHS, validation_data=validation, callbacks=[best], verbose=0
    )
    histories[name], models[name] = fitted.history["val_loss"], model

fig, axes = plt.subplots(figsize=(6, 3.2))
for (name, losses), colour in zip(histories.items(), ["#0077bb", "#ee7733"], strict=True):
    axes.plot(range(1, EPOCHS + 1), losses, "o-", color=colour, label=name, markersize=4)
axes.set(xlabel="epoch", ylabel="validation loss, nats per image")
axes.legend(frameon=False)
plt.show()
for name, losses in histories.items():
    print(f"{name:>12}: validation loss {losses[0]:.1f} after 1 epoch, ", end="")
    print(f"at best {min(losses):.1f} after {1 + np.argmin(losses)}")
sooner = 1 + next(
    i for i, loss in enumerate(histories["fine-tuned"]) if loss <= min(histories["from scratch"])
)
print(f"the fine-tuned model is as good as the other one ever gets after epoch {sooner}")

# %%
tuned = models["fine-tuned"]
rows = [
    validation[:10] / 255,
    tuned.reconstruct(validation[:10]),
    models["from scratch"].reconstruct(validation[:10]),
]
titles = ["original, not seen in training", "fine-tuned", "from scratch"]
keras_ae.plots.images(np.concatenate([np.asarray(row) for row in rows]), columns=10, titles=titles)

# %%
new = [np.asarray(model.sample(10, seed=0)) for model in models.values()]
keras_ae.plots.images(
    np.concatenate(new), columns=10, titles=[f"new images, {name}" for name in models]
)

# %% [markdown]
# Fine-tuning keeps what the model knew of digits and bends it to the new style, more in some places
# of the latent space than in others. The other model has seen only 400 images: their codes fill
# only a small part of its latent space, and random codes from elsewhere decode to arbitrary images.
#
# ## Save and share
#
# `save_to_preset` writes a folder that holds the model's configuration, its weights and a card. It
# loads like a built-in one.

# %%
tuned.save_to_preset("my_vae")
print(sorted(file.name for file in pathlib.Path("my_vae").iterdir()))
again = keras_ae.load("./my_vae")
print(
    "largest difference of the reconstructions:",
    np.abs(again.reconstruct(validation) - tuned.reconstruct(validation)).max(),
)

# %% [markdown]
# The same works on the command line, without any Python:
#
# ```bash
# keras-ae list
# keras-ae sample vae_mnist --out digits.png
# keras-ae sample ./my_vae --out mine.png
# ```
#
# ## Exercises
#
# 1. Draw a digit with the mouse in any paint program, save it as PNG, and reconstruct it with
#    `vae_mnist`. (White on black!)
# 2. Fine-tune with 100 images instead of 400, and with 1,200. When is a pretrained model worth
#    most?
# 3. After fine-tuning, is `tuned` still good at the digits of MNIST? Reconstruct `digits` with it.
# 4. Fine-tune on images that are no digits, `keras_ae.datasets.load("fashion_mnist")`. What does
#    the pretraining save there? Look at new images too: which of them are still digits, and why?
#
# <details><summary>Solutions</summary>
#
# 1. `image = np.asarray(Image.open("mine.png").convert("L").resize((28, 28)))[None, ..., None]`,
#    then `keras_ae.plots.reconstructions(vae, image)`. If your ink is dark, use `255 - image`.
# 2. Change `my_images[:-200]` to its first 100 images; for 1,200, save more scans to the folder.
#    Compare the best validation losses: the fewer images, the more the pretraining saves.
# 3. `keras_ae.plots.reconstructions(tuned, digits)`. Compare `vae.evaluate(...)` and
#    `tuned.evaluate(...)` on `x_test` too.
# 4. Replace `train` and `validation` by images of clothes, and fine-tune again. Few images leave
#    much of the latent space unchanged: codes from there still decode to digits.
#
# </details>
#
# ## References
#
# * D. Kingma and M. Welling, "Auto-encoding variational Bayes", ICLR 2014.
# * Y. Burda, R. Grosse and R. Salakhutdinov, "Importance weighted autoencoders", ICLR 2016. (How
#   `log_likelihood` is estimated.)
# * E. Alpaydin and C. Kaynak, "Optical recognition of handwritten digits", UCI machine learning
#   repository, 1998.
# * [The models that come with the package](../zoo/README.md); from here, tutorial 02 starts at the
#   beginning.
