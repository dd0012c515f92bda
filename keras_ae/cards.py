"""Model cards: what is known of a preset, from its metadata.json, for Python, a terminal and a page."""

import dataclasses
import json
import pathlib

CONFIG, WEIGHTS, METADATA, CARD, PICTURE = "config.json", "model.weights.h5", "metadata.json", "README.md", "samples.png"


@dataclasses.dataclass(frozen=True)
class ModelCard:
    """What is known of a preset. `print(card)` shows it; `card.metadata` is everything in metadata.json.

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
        """The class of the model: "AE", "DAE" or "VAE"."""
        return self.metadata["family"]

    @property
    def dataset(self):
        """The name of the data set that it was trained on, or None."""
        return self.metadata["dataset"]

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
        """The measurements: a list of dicts with name, value, standard_error, unit and protocol."""
        return self.metadata["metrics"]

    @property
    def recipe(self):
        """The source of the script that trained it, or None."""
        path = self.folder / "recipe.py"
        return path.read_text() if path.is_file() else None

    def __str__(self):
        return as_text(self.name, self.metadata)


def as_text(name, metadata):
    """The card for a terminal."""
    lines = [f"{name}: {metadata['family']}, trained on {metadata['dataset'] or 'data of your own'}"]
    lines += [f"  parameters  {metadata['parameters']:,}"]
    lines += [f"  {metric['name']:<11} {measured(metric)}, {protocol(metric)}" for metric in metadata["metrics"]]
    if metadata["training"]:
        minutes = metadata["training"]["wall_time_seconds"] / 60
        lines += [
            f"  trained     {metadata['training']['epochs']} epochs, {minutes:.0f} minutes on {metadata['training']['hardware']}"
        ]
    lines += [f"  versions    {', '.join(f'{package} {version}' for package, version in metadata['versions'].items())}"]
    return "\n".join(lines)


def as_markdown(name, metadata, has_picture=True):
    """The card as README.md, made from the metadata alone."""
    config = metadata["model"]
    lines = [f"# {name}", "", metadata["summary"], ""]
    lines += [f"![samples of {name}]({PICTURE})", ""] if has_picture else []
    lines += ["```python", "import keras_ae", "", f'model = keras_ae.load("{name}")', "```", ""]
    lines += ["| | |", "|---|---|", f"| class | `keras_ae.{metadata['family']}` |"]
    lines += [f"| {key} | `{json.dumps(value)}` |" for key, value in config.items()]
    lines += [f"| parameters | {metadata['parameters']:,} |", f"| input | {metadata['input']} |"]
    lines += [f"| data | {metadata['dataset']} |"] if metadata["dataset"] else []
    lines += ["", "## Measured", "", "| metric | value | protocol |", "|---|---|---|"] if metadata["metrics"] else []
    lines += [f"| {metric['name']} | {measured(metric)} | {protocol(metric)} |" for metric in metadata["metrics"]]
    if metadata["metrics"]:
        lines += ["", f"The standard error is that of the mean over the images. Measure again: `keras-ae verify {name}`."]
    if metadata["training"]:
        training = metadata["training"]
        lines += ["", "## Training", ""]
        lines += [f"{training['epochs']} epochs, {training['wall_time_seconds'] / 60:.0f} minutes on {training['hardware']}."]
        last = ", ".join(
            f"{key} {values[-1]:.4g}" for key, values in training["curve"].items() if values and values[-1] is not None
        )
        lines += [f"Logs of the last epoch: {last}. Train again: `keras-ae train {name}`."]
    versions = ", ".join(f"{package} {version}" for package, version in metadata["versions"].items())
    lines += ["", f"Made with {versions}, on {metadata['date']}.", ""]
    return "\n".join(lines)


def measured(metric):
    """The value of a measurement with its standard error and unit, as "84.41 ± 0.24 nats"."""
    error = f" ± {metric['standard_error']:.2f}" if metric["standard_error"] is not None else ""
    return f"{metric['value']:.2f}{error} {metric['unit']}"


def protocol(metric):
    """The protocol of a measurement in one line."""
    return ", ".join(f"{key} {value}" for key, value in metric["protocol"].items())
