"""Model cards: what is known about a preset, from its metadata.json.

A card can be shown in Python, in a terminal, in a notebook and as a page.
"""

import base64
import dataclasses
import html
import json
import math
import pathlib
import re

from keras_ae.presets import citations, describing, published
from keras_ae.presets.checks import reading
from keras_ae.utils import validation

CONFIG, WEIGHTS, METADATA, CARD = "config.json", "model.weights.h5", "metadata.json", "README.md"
CURVES = "training.png"
PICTURES = {  # name of the file: what it shows of a model
    "samples.png": "samples of",
    "reconstructions.png": "originals above their reconstructions by",
    CURVES: "the training of",
}

DIGITS = "28 x 28 grey images of handwritten digits, white on black, centred"
MNIST = "MNIST: Y. LeCun and C. Cortes, CC BY-SA 3.0"
DATA = {  # name of a data set: what its examples are, and whose
    "mnist": (DIGITS, MNIST),
    "mnist_5k": (DIGITS, MNIST),
    "fashion_mnist": (
        "28 x 28 grey images of clothes, white on black, centred",
        "Fashion-MNIST: Zalando SE, MIT",
    ),
    "omniglot_strokes": (
        "pen strokes of handwritten characters of eight alphabets, at most 48 steps (x, y, pen)",
        "Omniglot: B. Lake, MIT",
    ),
    "digits": (
        "8 x 8 grey images of handwritten digits, white on black",
        "UCI optical digits: E. Alpaydin and C. Kaynak, CC BY 4.0",
    ),
    "cifar10": ("32 x 32 photographs of ten kinds of things", "CIFAR-10: A. Krizhevsky"),
    "emoji": ("64 x 64 emoji in colour, on white", "Noto Emoji: Google, Apache 2.0"),
}
BETTER = {  # name of a metric: which values are better
    "mse": "lower is better",
    "sse": "lower is better",
    "step_mse": "lower is better",
    "nll": "lower is better",
    "negative_elbo": "lower is better",
    "bits_per_dimension": "lower is better",
    "psnr": "higher is better",
    "accuracy": "higher is better",
    "cluster_accuracy": "higher is better",
    "recognisable": "higher is better",
    "frechet_distance": "lower is better",
    "precision": "higher is better",
    "recall": "higher is better",
}
UNSAID = {  # what metadata may leave out
    "dataset": None,
    "training": None,
    "versions": {},
    "model": {},
    "summary": "",
    "why": "",
    "start": "",
    "formula": [],
    "examples": [],
    "limits": "",
    "input": "",
    "date": "",
}
UNTOLD = {"name", "trainable", "dtype"}  # what the config of every Keras layer holds


@dataclasses.dataclass(frozen=True)
class ModelCard:
    """What is known about a preset. `print(card)` shows it, and so does a notebook.

    Attributes:
        name: str.
        folder: pathlib.Path.
        metadata: dict, everything in metadata.json.
    """

    name: str
    folder: pathlib.Path
    metadata: dict

    @property
    def family(self):
        """The class of the model: "AE", "DAE", "VAE", ..."""
        return self.metadata["family"]

    @property
    def dataset(self):
        """The name of the data set that it was trained on, or None."""
        return self.metadata["dataset"]

    @property
    def shape(self):
        """The shape of one example, a tuple of ints, or None if the metadata does not tell it."""
        shape = self.metadata["model"].get("shape")
        return tuple(shape) if _are_counts(shape) else None

    @property
    def latent_dim(self):
        """The size of a code, an int, or None if the metadata does not tell it."""
        sizes = self.metadata["model"].get("latent_dim")
        sizes = sizes if isinstance(sizes, list) else [sizes]
        # A map is a list of its height, width and channels.
        layers = [layer if isinstance(layer, list) else [layer] for layer in sizes]
        return sum(map(math.prod, layers)) if all(map(_are_counts, layers)) else None

    @property
    def verbs(self):
        """The methods that its examples call, a set of str. Empty if it has no examples."""
        return set(re.findall(r"model\.(\w+)\(", "\n".join(self.metadata["examples"])))

    @property
    def parameters(self):
        """The number of trainable and other weights."""
        return self.metadata["parameters"]

    @property
    def size(self):
        """The size of the weights file in bytes."""
        return (self.folder / WEIGHTS).stat().st_size

    @property
    def sha256(self):
        """{file name: hex digest} of the config and the weights."""
        return self.metadata["sha256"]

    @property
    def metrics(self):
        """The measurements. The first is the main one.

        A list of dicts with name, value, standard_error, unit and protocol.
        """
        return self.metadata["metrics"]

    @property
    def picture(self):
        """The path of its picture, or None."""
        files = (file for file in PICTURES if file != CURVES)
        return next((self.folder / file for file in files if self._holds(file)), None)

    @property
    def curves(self):
        """The path of the picture of its training, or None."""
        return self.folder / CURVES if self._holds(CURVES) else None

    @property
    def recipe(self):
        """The source of the script that trained it, or None."""
        return (self.folder / "recipe.py").read_text() if self._holds("recipe.py") else None

    def __str__(self):
        return as_text(self.name, self.metadata)

    def _repr_html_(self):
        return as_html(self)

    def _holds(self, file):
        return reading.is_inside(self.folder, file)


def as_text(name, metadata):
    """The card for a terminal."""
    data = metadata["dataset"] or "data of your own"
    lines = [f"{name}: {metadata['family']}, trained on {data}"]
    lines += [f"  parameters  {metadata['parameters']:,}"]
    for metric in metadata["metrics"]:
        lines += [f"  {metric['name']:<11} {measured(metric)}{_better(metric, ', ')}"]
        lines += [f"    measured on {protocol(metric)}"]
        lines += [f"    {_compared(row)}" for row in published.beside(metric)]
    if metadata["training"]:
        lines += [f"  trained     {_trained(metadata['training'])}"]
    lines += [f"  versions    {_versions(metadata)}"]
    return "\n".join(lines)


def as_html(card):
    """The card for a notebook."""
    metadata = card.metadata
    rows = [("class", f"keras_ae.{card.family}"), ("data", card.dataset or "data of your own")]
    rows += [("parameters", f"{card.parameters:,}"), ("weights", f"{card.size / 1e6:.1f} MB")]
    for metric in card.metrics:
        rows += [(metric["name"], f"{measured(metric)}, on {protocol(metric)}")]
        rows += [("", _compared(row)) for row in published.beside(metric)]
    rows += [("trained", _trained(metadata["training"]))] if metadata["training"] else []
    cells = [f"<th>{html.escape(key)}</th><td>{html.escape(value)}</td>" for key, value in rows]
    table = "".join(f"<tr>{cell}</tr>" for cell in cells)
    picture = ""
    if card.picture:
        encoded = base64.b64encode(card.picture.read_bytes()).decode()
        alt = html.escape(f"{PICTURES[card.picture.name]} {card.name}")
        source = f"data:image/png;base64,{encoded}"
        picture = f'<img alt="{alt}" style="max-width: 24em" src="{source}">'
    title, summary = html.escape(card.name), html.escape(metadata["summary"])
    return f"<h3>{title}</h3><p>{summary}</p>{picture}<table>{table}</table>"


def as_markdown(name, metadata, picture=None, curves=None):
    """The card as README.md, made from the metadata alone.

    Args:
        name: str, of the preset.
        metadata: dict, the content of metadata.json.
        picture: name of the file of its picture, or None.
        curves: name of the file of the picture of its training, or None.
    """
    # As in the file, where tuples are lists.
    metadata = {**UNSAID, **json.loads(json.dumps(metadata))}
    formula = describing.formula(metadata)
    lines = [f"# {name}", "", metadata["summary"], ""]
    lines += ["```text", *formula, "```", ""] if formula else []
    lines += [f"![{PICTURES[picture]} {name}]({picture})", ""] if picture else []
    lines += _snippet(name, metadata)
    lines += _why(metadata)
    lines += _measured_section(name, metadata)
    lines += _training_section(name, metadata, curves)
    lines += _limits_and_licence(metadata)
    lines += _citations(metadata)
    lines += [f"Made with {_versions(metadata)}, on {metadata['date']}.", ""]
    return "\n".join(lines)


def measured(metric):
    """The value of a measurement with its standard error and unit, as "84.41 ± 0.24 nats".

    Two digits of the error count. Without an error: five digits of the value.
    """
    error, size = metric["standard_error"], abs(metric["value"]) or 1
    if error:
        digits = max(2, 1 - math.floor(math.log10(error)))
    else:
        digits = max(0, 4 - math.floor(math.log10(size)))
    shown = f" ± {error:.{digits}f}" if error else ""
    return f"{metric['value']:.{digits}f}{shown} {metric['unit']}".rstrip()


def protocol(metric):
    """How a measurement was made, in one line."""
    told = dict(metric["protocol"])
    n, split, dataset = told.pop("n_images", None), told.pop("split", ""), told.pop("dataset", None)
    data = dataset or "your data"
    what = "examples" if metric["name"] == "step_mse" else "images"
    words = [" ".join(filter(None, [_number(n), split, what, f"of {data}"]))]
    if "n_drawn" in told:
        beside = "the classifier" if n is None else f"{_number(n)} training images"
        words = [f"{_number(told.pop('n_drawn'))} samples and {beside} of {data}"]
    if "binarize_seed" in told:
        seed = told.pop("binarize_seed")
        words += ["grey pixels" if seed is None else f"pixels made 0 or 1 by seed {seed}"]
    if told.get("n_samples") is not None:
        words += [f"{_number(told.pop('n_samples'))} samples per image"]
    words += [f"{key} {value}" for key, value in told.items() if value is not None]
    return ", ".join(words)


# The parts of a page: each is a list of lines


def _snippet(name, metadata):
    """A program that runs as it stands, given the data set."""
    data = metadata["dataset"]
    shape = metadata["model"].get("shape")
    lines = ["```python", "import keras_ae", ""]
    if data:
        lines += [f'_, (x, _) = keras_ae.datasets.load("{data}")', "x = x[:10]"]
    elif _are_counts(shape):
        sizes = ", ".join(map(str, [10, *shape]))
        lines = ["```python", "import numpy as np", *lines[1:]]
        lines += [f"x = np.random.default_rng(0).random(({sizes}))  # in their place, your data"]
    return [*lines, f'model = keras_ae.load("{name}")', *metadata["examples"], "```", ""]


def _why(metadata):
    words = describing.parts(metadata)
    lines = [metadata["why"], ""] if isinstance(metadata["why"], str) and metadata["why"] else []
    lines += [f"- {name}: {text}." for name, text in words]
    lines = ["## Why this one", "", *lines, ""] if lines else []
    rows = [("class", f"`keras_ae.{metadata['family']}`")]
    rows += [(key, f"`{json.dumps(value)}`") for key, value in metadata["model"].items()]
    rows += [("parameters", f"{metadata['parameters']:,}"), ("input", metadata["input"])]
    rows += [("data", metadata["dataset"])] if metadata["dataset"] else []
    table = [f"| {key} | {value} |" for key, value in rows]
    return [*lines, "## Settings", "", "| | |", "|---|---|", *table, ""]


def _measured_section(name, metadata):
    metrics = metadata["metrics"]
    if not metrics:
        return []
    lines = ["## Measured", "", "| metric | value | | measured on |", "|---|---|---|---|"]
    for metric in metrics:
        value = measured(metric)
        lines += [f"| {metric['name']} | {value} | {_better(metric)} | {protocol(metric)} |"]
    command = f"`keras-ae verify {name}`"
    lines += ["", "± is the standard error of the mean over the test set."]
    if any("n_drawn" in metric["protocol"] for metric in metrics):
        lines[-1] += " For metrics of samples, it is the standard error over the samples."
    lines += [f"Measure again: {command}.", ""]
    for metric in metrics:
        lines += _comparison(name, metric)
    return lines


def _comparison(name, metric):
    """Other values of a metric: those that were published, and those that we computed ourselves."""
    lines, found = [], published.beside(metric)
    theirs = [row for row in found if row[2] != published.OURS]
    ours = [row for row in found if row[2] == published.OURS]
    for rows, heading, text in (
        (theirs, "Published", "under the same protocol unless a row says otherwise"),
        (ours, "For comparison", "computed for this library, not published"),
    ):
        if rows:
            lines += [f"### {heading}: {metric['name']}", "", f"{_better(metric)}; {text}."]
            lines[-1] = lines[-1][0].upper() + lines[-1][1:]
            lines += ["", "| model | value | source |", "|---|---|---|"]
            lines += [f"| **{name}** | **{measured(metric)}** | this card |"]
            lines += [f"| {model} | {value} | {source} |" for model, value, source in rows]
            lines += [""]
    return lines


def _training_section(name, metadata, curves):
    training = metadata["training"]
    if not training:
        return []
    ends = {key: values[-1] for key, values in training["curve"].items() if values}
    last = ", ".join(f"{key} {end:.4g}" for key, end in ends.items() if end is not None)
    lines = ["## Training", "", f"{_trained(training)}."]
    lines += [metadata["start"]] if isinstance(metadata["start"], str) else []
    lines += [f"Logs of the last epoch: {last}."] if last else []
    lines = [*filter(None, lines[2:]), f"Train again: `keras-ae train {name}`.", ""]
    lines += [f"![{PICTURES[curves]} {name}]({curves})", ""] if curves else []
    return ["## Training", "", *lines]


def _limits_and_licence(metadata):
    examples, owner = DATA.get(metadata["dataset"], ("data of your own", None))
    known = f"It knows {examples}. On anything else its numbers mean nothing."
    licence = "Model and weights: Apache 2.0." + (f" Data: {owner}." if owner else "")
    limits = [line for line in (metadata["limits"], known) if line]
    return ["## Limits", "", *limits, "", "## Licence", "", licence, ""]


def _citations(metadata):
    found = citations.cited(describing.names(metadata))
    return ["## Citation", "", "```bibtex", *found, "```", ""] if found else []


# Words


def _better(metric, before=""):
    better = BETTER.get(metric["name"], "")
    return before + better if better else ""


def _compared(row):
    model, value, source = row
    if source == published.OURS:
        return f"for comparison: {value} {model} ({source})"
    return f"published: {value} {model} ({source})"


def _trained(training):
    seconds, epochs = training["wall_time_seconds"], training["epochs"]
    time = f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds} seconds"
    return f"{epochs} epoch{'' if epochs == 1 else 's'}, {time} on {training['hardware']}"


def _versions(metadata):
    return ", ".join(f"{package} {version}" for package, version in metadata["versions"].items())


def _number(value):
    return f"{value:,}" if validation.is_integer(value) else "" if value is None else str(value)


def _are_counts(value):
    return isinstance(value, list) and bool(value) and all(map(validation.is_integer, value))
