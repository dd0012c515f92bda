"""Draws plots/*.png, a picture for each function of keras_ae.plots, from models of the zoo.

python docs/pictures/plots.py  # needs MNIST and the pen strokes: see keras_ae.datasets
"""

import io
import pathlib
import sys

import numpy as np
import pandas
import sklearn.datasets
import sklearn.metrics
from PIL import Image

import keras_ae
from keras_ae import plots

FOLDER = pathlib.Path(__file__).parent / "plots"
WIDTH = 900  # pixels, at most


def main(names):
    """Writes the pictures of these functions, or of all, into plots/."""
    FOLDER.mkdir(exist_ok=True)
    drawn = figures()
    for name in names or drawn:
        figure = drawn[name]()
        if figure is not None:
            write(figure, FOLDER / f"{name}.png")
            print(name)


def figures():
    """Name of a function -> what calls it."""
    (_, _), (x, y) = keras_ae.datasets.load("mnist")
    (_, _), (pens, _) = keras_ae.datasets.load("omniglot_strokes")
    few = x[[np.flatnonzero(y == digit)[3] for digit in range(10)]]
    load = keras_ae.load
    return {
        "active_units": lambda: plots.active_units(load("vae_normal_mnist"), x[:2000]),
        "anomaly_scores": oddities,
        "corruption_levels": lambda: plots.corruption_levels(load("conv_dae_mnist"), x[:500]),
        "images": lambda: plots.images(np.concatenate([few, x[10:30]]), columns=10),
        "interpolations": lambda: plots.interpolations(load("hvae_mnist"), few[:4], few[4:8]),
        "kl_per_dimension": lambda: plots.kl_per_dimension(load("vae_digits"), small()),
        "latent_circle": lambda: circle(load("vae2d_mnist")),
        "latent_scatter": lambda: plots.latent_scatter(load("vae2d_mnist"), x[:4000], y[:4000]),
        "layers": lambda: plots.layers(load("conv_hvae_mnist"), few),
        "manifold": lambda: plots.manifold(load("vae2d_mnist"), n=12),
        "posterior_overlap": lambda: plots.posterior_overlap(load("vae2d_mnist"), x[:100], y[:100]),
        "reconstructions": lambda: plots.reconstructions(load("conv_dae_mnist"), few),
        "samples": lambda: plots.samples(load("hvae_mnist"), n=40),
        "strokes": lambda: plots.strokes(pens[::24][:40], columns=10),
        "training_curves": lambda: plots.training_curves(keras_ae.info("vae_mnist")),
        "traversals": lambda: plots.traversals(load("vae_normal_mnist"), few[:1], rows=5),
    }


def small():
    """The test images of scikit-learn's digits."""
    return keras_ae.datasets.load("digits")[1][0]


def oddities():
    """The scores of 357 benign samples of tissue and 20 malignant ones, as in docs/recipes.md."""
    cells = sklearn.datasets.load_breast_cancer(as_frame=True)
    benign, malignant = (cells.data[cells.target == kind] for kind in (1, 0))
    table = pandas.concat([benign, malignant[:20]], ignore_index=True)
    detector = keras_ae.Detector(contamination=0.05, random_state=0).fit(table)
    scores, odd = -detector.score_samples(table), detector.predict(table) == -1
    print(f"odd: {odd.sum()}, of the 20 malignant ones: {odd[-20:].sum()}")
    print(f"AUROC: {sklearn.metrics.roc_auc_score(np.arange(377) >= 357, scores):.3f}")
    contributions = detector.contributions(table)
    return plots.anomaly_scores(scores, detector.threshold_, contributions, list(table.columns))


def circle(model):
    """Writes latent_circle.gif, which moves."""
    plots.latent_circle(model, FOLDER / "latent_circle.gif", frames=24, fps=8)


def write(figure, path):
    """Writes a figure as a PNG of 64 colours, not too large for a page."""
    data = io.BytesIO()
    figure.savefig(data, format="png")
    image = Image.open(data).convert("RGB")
    if image.width > WIDTH:
        image = image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.LANCZOS)
    image.quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1:])
