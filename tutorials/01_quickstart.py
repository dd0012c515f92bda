# %% [markdown]
# # Quickstart
#
# **What you will learn**
#
# * how to load a pretrained model and see what is known about it;
# * how to look at what it does: reconstruct, encode, interpolate, draw new images, tell likely images from unlikely ones;
# * how to fine-tune it on images of your own, and how much that saves compared with starting from nothing;
# * how to save the result, so that it loads by one line too.
#
# You need to know how to run Python. What happens inside is explained from tutorial 02 on. Loading the model needs no network. The
# images
# are MNIST and Fashion-MNIST, which are downloaded if you do not have them; offline, write `"mnist_5k"` instead of
# `"mnist"`, and use your own folder of images in the second half.

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
print(keras_ae.list_models())
vae = keras_ae.load("vae_mnist")
card = keras_ae.info("vae_mnist")
print(f"{card.name}: a {card.family} of {card.parameters:,} weights, {card.size / 1e6:.1f} MB, trained on {card.dataset}")
for metric in card.metrics:
    print(f"measured on the test set: {metric['name']} {metric['value']:.2f} {metric['unit']} an image")

# %% [markdown]
# `vae_mnist` is a *variational autoencoder*. It has learned to squeeze an image of a digit, $\mathbf{x}$, into a *code*
# $\mathbf{z}$ of 40 numbers, and to make an image of any code. It has seen 55,000 images; those below are from the test set, which
# it has
# not.

# %%
(_, _), (x_test, y_test) = keras_ae.datasets.load("mnist")
digits = x_test[[np.flatnonzero(y_test == digit)[3] for digit in range(10)]]
print("images:", digits.shape, digits.dtype, " codes:", vae.encode(digits).shape)

# %% [markdown]
# Images are arrays (number, height, width, channels), whole numbers from 0 to 255 or fractions from 0 to 1.
#
# ## Look
#
# **Reconstruct**: encode, then decode. The 40 numbers keep the digit and the hand that wrote it.

# %%
keras_ae.plots.reconstructions(vae, digits)

# %% [markdown]
# **Draw new images**: take random codes and decode them. None of these digits was written by anybody.

# %%
keras_ae.plots.images(vae.sample(60, seed=0), columns=15)

# %% [markdown]
# **Interpolate**: walk in a straight line from the code of one image to that of another, and decode on the way.

# %%
keras_ae.plots.interpolations(vae, digits[[1, 3, 4]], digits[[7, 8, 9]])

# %% [markdown]
# **Encode**: what do codes look like? They have 40 dimensions; here they are projected onto the two in which they differ most,
# with a colour
# for each digit. The model was never told which digit an image shows.

# %%
keras_ae.plots.latent_scatter(vae, x_test[:3000], y_test[:3000])

# %% [markdown]
# **Judge**: `log_likelihood` tells how likely an image is under the model, as a logarithm, in nats. We ask for the ten digits, the
# same ones
# upside down, and with half of their rows in random order. The model was trained on black and white pixels, so we give it such.

# %%
rng = np.random.default_rng(0)
upside_down = digits[:, ::-1]
shuffled = digits.copy()
shuffled[:, 7:21] = digits[:, 7 + rng.permutation(14)]
kinds = {"as written": digits, "upside down": upside_down, "rows shuffled": shuffled}
for name, x in kinds.items():
    values = vae.log_likelihood(keras_ae.datasets.binarize_threshold(x), n_samples=500, seed=0).numpy()
    print(f"{name:>14}: mean {values.mean():7.1f} nats;  each: {values.round().astype(int)}")
keras_ae.plots.images(np.concatenate(list(kinds.values())), columns=10, titles=[*kinds])

# %% [markdown]
# On average, digits as they are written are far likelier than what looks like no digit. A 1 or a 3 may stand on its head: it still looks
# like one, and the model agrees. That a 0 is rated lower than a 7 does not mean that it is a worse digit: thick strokes and long outlines
# cost more.
#
# ## Your own images
#
# You have images that are no digits. Here they are a folder of PNG files; we make one from 2,000 pictures of clothes. **To use
# your own,
# set `folder` to your folder and skip the next cell**; any number of PNG or JPEG files of any size will do.

# %%
folder = pathlib.Path("my_images")
folder.mkdir(exist_ok=True)
(clothes, _), _ = keras_ae.datasets.load("fashion_mnist")
for i, image in enumerate(clothes[:2000]):
    Image.fromarray(image[..., 0]).save(folder / f"{i:04}.png")

# %% [markdown]
# Keras reads the folder and brings the images to the size that the model expects. The model knows light ink on a dark ground, so invert
# yours (`255 - my_images`) if they are dark on light.

# %%
files = keras.utils.image_dataset_from_directory(
    folder, labels=None, color_mode="grayscale", image_size=(28, 28), batch_size=None, shuffle=False, verbose=False
)
my_images = np.stack([np.asarray(image) for image in files]).round().astype("uint8")
train, validation = my_images[:-200], my_images[-200:]
print(train.shape, validation.shape, my_images.dtype)
keras_ae.plots.reconstructions(vae, validation[:10])

# %% [markdown]
# It only knows digits, and makes of everything something that consists of their strokes.
#
# ## Fine-tune
#
# A pretrained model is an ordinary `keras.Model`, so `fit` trains it further. Is that better than starting from nothing? The second
# model below is the same network with fresh random weights.

# %%
histories, models = {}, {}
for name, pretrained in [("fine-tuned", True), ("from nothing", False)]:
    keras.utils.set_random_seed(0)
    model = keras_ae.load("vae_mnist", load_weights=pretrained)
    model.compile(keras.optimizers.Adam(1e-3))
    histories[name] = model.fit(train, batch_size=50, epochs=15, validation_data=validation, verbose=0).history
    models[name] = model

fig, axes = plt.subplots(figsize=(6, 3.2))
for (name, history), colour in zip(histories.items(), ["#0077bb", "#ee7733"], strict=True):
    axes.plot(range(1, 16), history["val_loss"], "o-", color=colour, label=name)
axes.set(xlabel="epoch", ylabel="validation loss, nats an image")
axes.legend(frameon=False)
plt.show()
for name, history in histories.items():
    print(f"{name:>12}: validation loss {history['val_loss'][0]:.1f} after 1 epoch, {history['val_loss'][-1]:.1f} after 15")

# %%
tuned = models["fine-tuned"]
rows = [validation[:10] / 255, tuned.reconstruct(validation[:10]), models["from nothing"].reconstruct(validation[:10])]
titles = ["original, not seen in training", "fine-tuned", "from nothing"]
keras_ae.plots.images(np.concatenate([np.asarray(row) for row in rows]), columns=10, titles=titles)

# %%
keras_ae.plots.images(tuned.sample(40, seed=0), columns=10)

# %% [markdown]
# ## Save and share
#
# `save_to_preset` writes a folder that holds the model's configuration, its weights and a card. It loads like a built-in one.

# %%
tuned.save_to_preset("vae_clothes")
print(sorted(file.name for file in pathlib.Path("vae_clothes").iterdir()))
again = keras_ae.load("./vae_clothes")
print("largest difference of the reconstructions:", np.abs(again.reconstruct(validation) - tuned.reconstruct(validation)).max())

# %% [markdown]
# On the command line the same goes, without any Python:
#
# ```bash
# keras-ae list
# keras-ae sample vae_mnist --out digits.png
# keras-ae sample ./vae_clothes --out clothes.png
# ```
#
# ## Exercises
#
# 1. Draw a digit with the mouse in any paint program, save it as PNG, and reconstruct it with `vae_mnist`. (White on black!)
# 2. Fine-tune with 200 images instead of 1,800, and with 20,000. When is a pretrained model worth most?
# 3. After fine-tuning, is `tuned` still good with digits? Reconstruct `digits` with it.
# 4. Freeze the encoder before fine-tuning (`model.encoder.trainable = False`, before `compile`). What does it cost?
#
# ## References
#
# * D. Kingma and M. Welling, "Auto-encoding variational Bayes", ICLR 2014.
# * Y. Burda, R. Grosse and R. Salakhutdinov, "Importance weighted autoencoders", ICLR 2016. (How `log_likelihood` is estimated.)
# * H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms", 2017.
# * [The models that come with the package](../zoo/README.md); from here, tutorial 02 starts at the beginning.
