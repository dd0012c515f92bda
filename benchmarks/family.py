"""`python -m benchmarks.family`: what a part of a model is worth.

The network, the data and the training are the same; one part is exchanged.

All models are trained on MNIST's 60,000 training images for a fixed number of epochs, and measured
once on its 10,000 test images. Each row is written to family.json and family.md as soon as it is
measured.
"""

import argparse
import json
import pathlib
import time
from functools import partial

import keras
import numpy as np

import keras_ae
from benchmarks import report
from keras_ae import datasets, distributions, evaluation, networks, objectives, schedules
from keras_ae.training.feed import Feed

HERE = pathlib.Path(__file__).parent
SHAPE = (28, 28, 1)


class Comparison:
    """Models that differ in one part.

    Args:
        title: str, what they have in common.
        models: dict of name: function of `quick`, which trains and measures a model. It returns
            {"measure": str, "value": float, "error": its standard error, "unit": str, "parameters":
            int, "epochs": int or None}, and "note": str if there is more to say.
    """

    def __init__(self, title, models):
        self.title, self.models = title, models


def _trained(model, data, epochs, rate, quick, batch=128, constant=False):
    """Fits a model, and returns what a row says of the training.

    The learning rate warms up and decays by a cosine, and the weights are averaged over 1,000
    steps, or neither of both.
    """
    data = data if hasattr(data, "element_spec") else Feed(data, batch, seed=1).dataset()
    data, epochs = (data.take(2), 1) if quick else (data, epochs)
    steps = epochs * len(data)
    decay = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - 500), warmup_target=rate, warmup_steps=min(500, steps)
    )
    model.compile(
        keras.optimizers.Adam(rate)
        if constant
        else keras.optimizers.Adam(decay, use_ema=True, ema_momentum=0.999)
    )
    model.fit(data, epochs=epochs, verbose=0)
    return {"parameters": model.count_params(), "epochs": epochs}


def _nats(make, epochs, quick, bound=False):
    """Trains a VAE on images that are binarised anew at each use, and measures its nll.

    The negative log-likelihood is estimated by 500 importance samples.

    bound: whether the row is of the negative ELBO, with the likelihood in its note.
    """
    keras.utils.set_random_seed(1)
    (x, _), _ = datasets.load("mnist")
    vae = make(x)
    row = _trained(vae, datasets.binarize_dynamic(x, batch_size=128, seed=1), epochs, 1e-3, quick)
    n_images = 20 if quick else None
    measured, measure = (
        evaluation.nll(vae, "mnist", n_samples=10 if quick else 500, n_images=n_images),
        "nll, 500 samples",
    )
    if bound:
        row["note"] = f"{measure}: {measured['value']:.2f}"
        measured, measure = (
            evaluation.negative_elbo(vae, "mnist", n_samples=20, n_images=n_images),
            "negative ELBO",
        )
    return {
        "measure": measure,
        "value": measured["value"],
        "error": measured["standard_error"],
        "unit": "nats",
        **row,
    }


def _gated(prior, quick):
    def make(x):
        vae = keras_ae.VAE(
            SHAPE,
            40,
            widths=(300, 300),
            activation="glu",
            prior=prior,
            beta=schedules.WarmUp(20 * 469),
        )
        if prior == "vamp":
            vae.prior_layer.pseudo_inputs.assign(x[:500] / 255.0)
        return vae

    return _nats(make, 60, quick)


def _bound(objective, quick):
    return _nats(
        lambda _: keras_ae.VAE(SHAPE, 50, widths=(200, 200), objective=objective), 12, quick
    )


def _posterior(posterior, quick):
    return _nats(
        lambda _: keras_ae.VAE(SHAPE, 20, widths=(200, 200), posterior=posterior),
        40,
        quick,
        bound=True,
    )


def _of_one_decoder(posterior, quick):
    """The decoder of vae_normal_mnist, and an encoder that starts from its hidden layers.

    The last layer of the encoder starts from scratch.
    """

    def make(_):
        pretrained, given = (
            keras_ae.load("vae_normal_mnist"),
            distributions.get(distributions.Posterior, posterior),
        )
        encoder, _ = networks.dense(SHAPE, given.params_size(40), 40, SHAPE, (300, 300), "glu")
        encoder.set_weights(pretrained.encoder.get_weights()[:-2] + encoder.get_weights()[-2:])
        pretrained.decoder.trainable = False
        return keras_ae.VAE(SHAPE, 40, network=(encoder, pretrained.decoder), posterior=given)

    return _nats(make, 10, quick, bound=True)


def _of_the_zoo(name, note, quick):
    model = keras_ae.load(name)
    measured = evaluation.mse(model, "mnist", n_images=20 if quick else None)
    row = {
        "measure": "mse",
        "value": measured["value"],
        "error": measured["standard_error"],
        "unit": "per pixel",
        "note": note,
    }
    return {
        **row,
        "parameters": model.count_params(),
        "epochs": keras_ae.info(name).metadata["training"]["epochs"],
    }


def _few_labels(unknown, seed, quick):
    """The error of a ConditionalVAE of the codes of hvae_mnist's upper layer, from 100 labels."""
    (x, y), (x_test, y_test) = datasets.load("mnist")
    hvae = keras_ae.load("hvae_mnist")
    z, z_test = (np.array(hvae.encode(images))[:, :40] for images in (x, x_test))
    few = np.concatenate(
        [
            np.random.default_rng(seed).permutation(np.flatnonzero(y == digit))[:10]
            for digit in range(10)
        ]
    )
    codes = np.concatenate([z, np.tile(z[few], (100, 1))])
    labels = np.concatenate([np.full(len(z), -1), np.tile(y[few], 100)]).astype("int32")
    keras.utils.set_random_seed(seed)
    gaussian = distributions.Gaussian("trainable")
    model = keras_ae.ConditionalVAE(
        (40,), 20, widths=(300,), likelihood=gaussian, classification=50.0, unknown=unknown
    )
    row = _trained(model, [codes, labels], 9, 1e-3, quick, batch=256, constant=True)
    wrong = np.argmax(model.classify(z_test), axis=1) != y_test
    error = float(100 * wrong.std() / len(wrong) ** 0.5)
    return {
        "measure": "wrong labels",
        "value": float(100 * wrong.mean()),
        "error": error,
        "unit": "%",
        **row,
    }


COMPARISONS = {
    "prior": Comparison(
        "gated VAE 784-300-300-40, KL warm-up of 20 epochs",
        {
            "N(0, I)": partial(_gated, "standard_normal"),
            "VampPrior of 500 pseudo-inputs": partial(_gated, "vamp"),
        },
    ),
    "bound": Comparison(
        "VAE 784-200-200-50",
        {
            "ELBO": partial(_bound, "elbo"),
            "IWAE, 50 samples, DReG gradients": partial(_bound, objectives.IWAE(50)),
        },
    ),
    "posterior": Comparison(
        "VAE 784-200-200-20",
        {name: partial(_posterior, name) for name in ("diagonal", "planar", "sylvester", "iaf")},
    ),
    "inference": Comparison(
        "posteriors of one decoder, vae_normal_mnist's",
        {
            name: partial(_of_one_decoder, name)
            for name in ("diagonal", "full", "planar", "sylvester", "iaf")
        },
    ),
    "bits": Comparison(
        "codes of about 1,000 bits, models of the zoo",
        {
            "conv_ae_mnist": partial(
                _of_the_zoo, "conv_ae_mnist", "32 numbers of float32: 1,024 bits"
            ),
            "vqvae_mnist": partial(_of_the_zoo, "vqvae_mnist", "98 symbols of 1,024: 980 bits"),
        },
    ),
    "labels": Comparison(
        "100 labels of MNIST, codes of hvae_mnist",
        {
            "ConditionalVAE, unknown='draw'": partial(_few_labels, "draw", 0),
            "ConditionalVAE, unknown='sum'": partial(_few_labels, "sum", 0),
            "the same, another 100": partial(_few_labels, "sum", 1),
            "the same, a third 100": partial(_few_labels, "sum", 2),
        },
    ),
}


def main(arguments=None):
    """Runs the command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.family", description=__doc__.split("\n")[0]
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="COMPARISON",
        help=f"{', '.join(COMPARISONS)}; all, if none is named",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="two batches and few images, to see that everything runs",
    )
    parser.add_argument("--out", type=pathlib.Path, default=HERE, help="folder for the results")
    options = parser.parse_args(arguments)
    unknown = set(options.names) - set(COMPARISONS)
    if unknown:
        parser.error(
            f"expected comparisons among {', '.join(COMPARISONS)}; "
            f"received: {', '.join(sorted(unknown))}"
        )
    for name in options.names or COMPARISONS:
        for model, measure in COMPARISONS[name].models.items():
            start = time.time()
            row = {**measure(options.quick), "minutes": (time.time() - start) / 60}
            print(name, model, row, flush=True)
            write(options.out, name, model, row)


def write(folder, name, model, row):
    """Puts one row into family.json, with what it was measured on, and writes family.md."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "family.json"
    results = json.loads(file.read_text()) if file.exists() else {}
    results.setdefault(name, {})[model] = {**row, **report.environment()}
    file.write_text(json.dumps(results, indent=1) + "\n")
    (folder / "family.md").write_text(markdown(results))


def markdown(results):
    """The report: {comparison: {model: row}} -> str."""
    lines = [
        "# What a part is worth",
        "",
        "Written by `python -m benchmarks.family`; ± is the standard error over the test images.",
        "",
    ]
    lines += [
        "| comparison | model | measured | parameters | epochs | minutes |",
        "|---|---|---|---|---|---|",
    ]
    for name, comparison in COMPARISONS.items():
        for model in comparison.models:
            row = results.get(name, {}).get(model)
            if row:
                digits = 6 if row["unit"] == "per pixel" else 2
                value = f"{row['measure']} {row['value']:.{digits}f}"
                value += f" ± {row['error']:.{digits}f} {row['unit']}"
                value += f" ({row['note']})" if "note" in row else ""
                cells = (
                    comparison.title,
                    model,
                    value,
                    f"{row['parameters']:,}",
                    row["epochs"] or "",
                    f"{row['minutes']:.0f}",
                )
                lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
