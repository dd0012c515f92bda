"""Model cards: what is known of a preset, from its metadata.json, for Python, a terminal, a notebook and a page."""

import base64
import dataclasses
import html
import json
import math
import pathlib
import re

from keras_ae.presets import published
from keras_ae.presets.checks import reading
from keras_ae.utils import validation

CONFIG, WEIGHTS, METADATA, CARD = "config.json", "model.weights.h5", "metadata.json", "README.md"
PICTURES = {
    "samples.png": "samples of",
    "reconstructions.png": "images above what is made of them by",
}

DATA = {  # name: what its images are, and whose
    "mnist": (
        "28 x 28 grey images of handwritten digits, white on black, centred",
        "MNIST: Y. LeCun and C. Cortes, CC BY-SA 3.0",
    ),
    "mnist_5k": (
        "28 x 28 grey images of handwritten digits, white on black, centred",
        "MNIST: Y. LeCun and C. Cortes, CC BY-SA 3.0",
    ),
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
}
UNSAID = {  # what metadata may leave out
    "dataset": None,
    "training": None,
    "versions": {},
    "model": {},
    "summary": "",
    "formula": [],
    "examples": [],
    "limits": "",
    "input": "",
    "date": "",
}
UNTOLD = {"name", "trainable", "dtype"}  # what every Keras layer's config holds


@dataclasses.dataclass(frozen=True)
class ModelCard:
    """What is known of a preset. `print(card)` shows it, and so does a notebook; `card.metadata` is everything in metadata.json.

    Attributes:
        name: str.
        folder: pathlib.Path.
        metadata: dict.
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
        return sum(sizes) if _are_counts(sizes) else None

    @property
    def verbs(self):
        """The methods of the model that its examples call, a set of str. Empty if it has no examples."""
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
        """The measurements: a list of dicts with name, value, standard_error, unit and protocol. The first is the main one."""
        return self.metadata["metrics"]

    @property
    def picture(self):
        """The path of its picture, or None."""
        return next(
            (self.folder / file for file in PICTURES if reading.is_inside(self.folder, file)), None
        )

    @property
    def recipe(self):
        """The source of the script that trained it, or None."""
        return (
            (self.folder / "recipe.py").read_text()
            if reading.is_inside(self.folder, "recipe.py")
            else None
        )

    def __str__(self):
        return as_text(self.name, self.metadata)

    def _repr_html_(self):
        return as_html(self)


def as_text(name, metadata):
    """The card for a terminal."""
    lines = [
        f"{name}: {metadata['family']}, trained on {metadata['dataset'] or 'data of your own'}"
    ]
    lines += [f"  parameters  {metadata['parameters']:,}"]
    lines += [
        f"  {metric['name']:<11} {measured(metric)}, {protocol(metric)}"
        for metric in metadata["metrics"]
    ]
    lines += [
        f"    beside    {value} {model} ({source})" for model, value, source in _beside(metadata)
    ]
    if metadata["training"]:
        lines += [f"  trained     {_trained(metadata['training'])}"]
    lines += [f"  versions    {_versions(metadata)}"]
    return "\n".join(lines)


def as_html(card):
    """The card for a notebook."""
    metadata = card.metadata
    rows = [("class", f"keras_ae.{card.family}"), ("data", card.dataset or "data of your own")]
    rows += [("parameters", f"{card.parameters:,}"), ("weights", f"{card.size / 1e6:.1f} MB")]
    rows += [(metric["name"], f"{measured(metric)}, {protocol(metric)}") for metric in card.metrics]
    rows += [
        ("beside", f"{value} {model} ({source})") for model, value, source in _beside(metadata)
    ]
    rows += [("trained", _trained(metadata["training"]))] if metadata["training"] else []
    table = "".join(
        f"<tr><th>{html.escape(key)}</th><td>{html.escape(value)}</td></tr>" for key, value in rows
    )
    picture = ""
    if card.picture:
        encoded = base64.b64encode(card.picture.read_bytes()).decode()
        alternative = html.escape(f"{PICTURES[card.picture.name]} {card.name}")
        picture = f'<img alt="{alternative}" style="max-width: 24em" src="data:image/png;base64,{encoded}">'
    return f"<h3>{html.escape(card.name)}</h3><p>{html.escape(metadata['summary'])}</p>{picture}<table>{table}</table>"


def as_markdown(name, metadata, picture=None):
    """The card as README.md, made from the metadata alone. picture: the name of its file, or None."""
    family = metadata["family"]
    lines = [f"# {name}", "", metadata["summary"], ""]
    lines += ["```text", *metadata["formula"], "```", ""] if metadata["formula"] else []
    lines += [f"![{PICTURES[picture]} {name}]({picture})", ""] if picture else []
    lines += [
        "```python",
        "import keras_ae",
        "",
        f'model = keras_ae.load("{name}")',
        *metadata["examples"],
        "```",
        "",
    ]
    lines += ["| | |", "|---|---|", f"| class | `keras_ae.{family}` |"]
    lines += [f"| {key} | `{json.dumps(value)}` |" for key, value in metadata["model"].items()]
    lines += [f"| parameters | {metadata['parameters']:,} |", f"| input | {metadata['input']} |"]
    lines += [f"| data | {metadata['dataset']} |"] if metadata["dataset"] else []
    lines += (
        ["", "## Measured", "", "| metric | value | protocol |", "|---|---|---|"]
        if metadata["metrics"]
        else []
    )
    lines += [
        f"| {metric['name']} | {measured(metric)} | {protocol(metric)} |"
        for metric in metadata["metrics"]
    ]
    if metadata["metrics"]:
        lines += [
            "",
            f"± is the standard error of the mean over the images. Measure again: `keras-ae verify {name}`.",
        ]
    beside = _beside(metadata)
    if beside:
        metric = metadata["metrics"][0]
        lines += [
            "",
            f"Published {metric['name']}, under the same protocol unless a row says otherwise:",
            "",
            "| model | value | source |",
            "|---|---|---|",
        ]
        lines += [f"| **{name}** | **{measured(metric)}** | this card |"]
        lines += [f"| {model} | {value} | {source} |" for model, value, source in beside]
    if metadata["training"]:
        last = ", ".join(
            f"{key} {values[-1]:.4g}"
            for key, values in metadata["training"]["curve"].items()
            if values[-1:] != [None]
        )
        lines += ["", "## Training", "", f"{_trained(metadata['training'])}."]
        lines += [f"Logs of the last epoch: {last}. Train again: `keras-ae train {name}`."]
    lines += ["", "## Limits", "", metadata["limits"]]
    images, owner = DATA.get(metadata["dataset"], ("data of your own", None))
    lines += [f"It knows {images}; on anything else its numbers mean nothing."]
    lines += [
        "",
        "## Licence",
        "",
        "Model and weights: Apache 2.0." + (f" Data: {owner}." if owner else ""),
    ]
    lines += ["", f"Made with {_versions(metadata)}, on {metadata['date']}.", ""]
    return "\n".join(lines)


def gallery(found):
    """A page of all cards side by side, for the folder that holds their folders. found: list of ModelCards."""
    lines = [
        "# The zoo",
        "",
        'Pretrained models: `keras_ae.load("name")`. The numbers are explained on each card.',
        "",
    ]
    lines += ["| | model | measured |", "|---|---|---|"]
    for card in found:
        picture = (
            f'<img src="{card.name}/{card.picture.name}" width="240" alt="{card.name}">'
            if card.picture
            else ""
        )
        numbers = "<br>".join(f"{metric['name']} {measured(metric)}" for metric in card.metrics)
        about = f"[**{card.name}**]({card.name}/README.md)<br>{card.family}, {card.dataset}<br>{card.parameters:,} parameters"
        lines += [f"| {picture} | {about} | {numbers} |"]
    return "\n".join([*lines, ""])


def measured(metric):
    """The value of a measurement with its standard error and unit, as "84.41 ± 0.24 nats"; two digits of the error count, or five."""
    error, size = metric["standard_error"], abs(metric["value"]) or 1
    digits = (
        max(2, 1 - math.floor(math.log10(error)))
        if error
        else max(0, 4 - math.floor(math.log10(size)))
    )
    return (
        f"{metric['value']:.{digits}f}"
        + (f" ± {error:.{digits}f}" if error else "")
        + f" {metric['unit']}"
    )


def protocol(metric):
    """The protocol of a measurement in one line."""
    words = [f"{key} {value}" for key, value in metric["protocol"].items() if value is not None]
    return ", ".join(words + ["grey pixels"] * (metric["protocol"].get("binarize_seed", 0) is None))


def _are_counts(value):
    return isinstance(value, list) and bool(value) and all(map(validation.is_integer, value))


def _beside(metadata):
    return published.beside(metadata["metrics"][0]) if metadata["metrics"] else []


def _trained(training):
    seconds = training["wall_time_seconds"]
    time = f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds} seconds"
    return f"{training['epochs']} epochs, {time} on {training['hardware']}"


def _versions(metadata):
    return ", ".join(f"{package} {version}" for package, version in metadata["versions"].items())
