"""The command that measures a model on examples: keras-ae evaluate."""

import importlib.util
import json
import math
import sys

from keras_ae.cli import checks, console, examples

# (unit, what is better) of each number of `keras_ae.evaluate`.
LOWER, HIGHER = "lower is better", "higher is better"
MEANINGS = {
    "mse": ("per value", LOWER),
    "psnr": ("dB", HIGHER),
    "ssim": ("", HIGHER),
    "denoising_mse": ("per value", LOWER),
    "denoising_psnr": ("dB", HIGHER),
    "elbo": ("nats per example", HIGHER),
    "log_likelihood": ("nats per example", HIGHER),
    "negative_elbo_bpd": ("bits per value", LOWER),
    "nll_bpd": ("bits per value", LOWER),
    "kl": ("nats per example", ""),
    "kl_per_dimension": ("nats per example", ""),
    "active_units": ("latent dimensions", ""),
    "linear_probe": ("%", HIGHER),
    "knn": ("%", HIGHER),
    "kmeans_accuracy": ("%", HIGHER),
    "kmeans_nmi": ("%", HIGHER),
    "kmeans_ari": ("%", HIGHER),
    "cluster_accuracy": ("%", HIGHER),
    "cluster_nmi": ("%", HIGHER),
    "cluster_ari": ("%", HIGHER),
}
ERROR = "_standard_error"


def add_commands(command):
    """Adds the command to the parser. command(name, run, text, example) -> the parser of one."""
    text = "Measure everything about a model on test examples."
    sub = command("evaluate", _evaluate, text, "vae_mnist --n 1000")
    sub.add_argument("name", help=console.NAME)
    examples.add_options(sub, "(default: all)")
    sub.add_argument(
        "--samples",
        type=int,
        default=100,
        help="importance samples per example (default: %(default)s)",
    )
    sub.add_argument("--seed", type=int, default=0, help="seed of all draws (default: %(default)s)")
    sub.add_argument(
        "--binarize",
        action="store_true",
        help="make each pixel 0 or 1 by one fixed draw, as for published likelihoods",
    )
    sub.add_argument("--json", action="store_true", help="print JSON")


def lines(found):
    """The numbers of `keras_ae.evaluate` as a table: dict -> list of str."""
    rows, lists = [("metric", "value", "unit", "")], []
    for name, value in found.items():
        unit, better = MEANINGS.get(name, ("", ""))
        if isinstance(value, list):
            values = " ".join(f"{part:.3g}" for part in value)
            lists.append(f"{name}, {unit}: {values}")
        elif not name.endswith(ERROR):
            rows.append((name, _shown(value, found.get(name + ERROR)), unit, better))
    return console.table(rows) + lists


def _evaluate(options):
    card = checks.card(options.name)
    checks.in_range(options.samples, "--samples", 1)
    checks.in_range(options.seed, "--seed", 0)
    source = examples.source(options, card)
    classes = source.files is None
    if classes and importlib.util.find_spec("sklearn") is None:
        console.tell(
            "note: the numbers that need classes are left out; they need scikit-learn: "
            'pip install "keras-ae[datasets]"'
        )
        classes = False
    keras_ae, model = console.load(options.name)
    shown = source.load(keras_ae)
    x, y = shown.x, shown.y if classes else None
    train = keras_ae.datasets.load(source.dataset)[0] if classes else None
    if options.binarize:
        x = keras_ae.datasets.binarize(x)
        train = train and (keras_ae.datasets.binarize(train[0], seed=1), train[1])
    # A progress bar is for a terminal, not for a pipe.
    verbose = int(sys.stdout.isatty() and not options.json)
    settings = {"n_samples": options.samples, "seed": options.seed, "verbose": verbose}
    found = keras_ae.evaluate(model, x, y, train=train, **settings)
    if options.json:
        print(json.dumps({"model": options.name, "examples": len(x), **found}))
        return
    print("\n".join(lines(found)))
    binary = ", made binary" if options.binarize else ""
    print(f"measured {card.name} on {shown.what}{binary}; ± is the standard error of the mean")


def _shown(value, error):
    # The error of a single example is not a number.
    known = error is not None and math.isfinite(error)
    return f"{value:.6g}" + (f" ± {error:.2g}" if known else "")
