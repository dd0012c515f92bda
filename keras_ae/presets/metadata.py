"""Makes the metadata and the picture of a preset."""

import datetime
import importlib.metadata
import inspect
import math

from keras_ae.presets import cards
from keras_ae.presets.checks import reading


def describe(model, folder, dataset, training, metrics):
    """The content of metadata.json.

    Args:
        model: the model.
        folder: pathlib.Path with the config and the weights of the model.
        dataset: name of the data set that the model was trained on, or None.
        training: a TrainingLog, or None.
        metrics: measurements from `keras_ae.evaluation`. Each is measured again in its quick
            form.

    Returns:
        dict.
    """
    config = model.get_config()
    told = ("shape", "latent_dim", *model.told, "widths", "activation", "network")
    described = {key: _told(config[key]) for key in told if key in config}
    if "latent_dim" not in config:  # the model finds it from its other arguments
        described["code_size"] = model.latent_dim
    if not isinstance(described.get("network", ""), str):
        described["network"] = "custom"
    parts = {name.removesuffix("_layer"): getattr(model, name) for name in model.parts}
    described |= {
        key: _named(part) for key, part in parts.items() if not getattr(part, "is_default", False)
    }
    # With beta = 1, the objective is the evidence lower bound itself.
    described["beta"] = None if config.get("beta") == 1 else _told(config.get("beta"))
    described["loss"] = model.loss if isinstance(model.loss, str) else None
    values = {**config, "input": _input(model)}
    contents = {file: (folder / file).read_bytes() for file in (cards.CONFIG, cards.WEIGHTS)}
    packages = ("tensorflow", "keras", "tensorflow-probability", "numpy")
    return {
        "family": type(model).__name__,
        "summary": type(model).__doc__.strip().splitlines()[0],
        "formula": _formula(model),
        "examples": [example.format(**values) for example in model.examples],
        "limits": model.limits,
        "dataset": dataset,
        "parameters": model.count_params(),
        "model": {key: value for key, value in described.items() if value is not None},
        "input": _input(model),
        "metrics": [_with_quick_form(model, metric) for metric in metrics],
        "training": training.summary() if training is not None else None,
        "sha256": {file: reading.sha256(content) for file, content in contents.items()},
        "versions": {name: importlib.metadata.version(name) for name in packages},
        "date": datetime.date.today().isoformat(),
    }


def draw(model, folder, dataset):
    """Draws a picture of a model of images or pen strokes, and writes it to the folder.

    It shows samples, or reconstructions of test examples.

    Returns:
        str, the name of the file; None if there is nothing to draw.
    """
    import numpy as np

    from keras_ae import datasets, plots
    from keras_ae.plots import drawing

    if dataset == "omniglot_strokes":
        x = datasets.load(dataset)[1][0]
        # They are sorted by character. This takes ten different ones.
        x = x[:: len(x) // 10][:10]
        pages = np.concatenate([x, model.reconstruct(x)])
        name = "reconstructions.png"
        figure = plots.strokes(pages, columns=10, titles=["original", "reconstruction"])
    elif not drawing.are_images(model.shape):
        return None
    elif hasattr(model, "sample"):
        _, columns = model.kinds_of_samples() or (None, 1)
        name = "samples.png"
        figure = plots.samples(model, n=64 - 64 % columns)  # whole rows
    elif dataset is not None:
        name = "reconstructions.png"
        figure = plots.reconstructions(model, datasets.load(dataset)[1][0][:10])
    else:
        return None
    figure.savefig(folder / name)
    return name


def _input(model):
    low, high = model.likelihood_layer.support
    values = "any float" if (low, high) == (-math.inf, math.inf) else f"float in {[low, high]}"
    is_sequence = len(model.shape) == 2  # (steps, features)
    pixels = "" if is_sequence else ", or integer pixels 0-255"
    return f"(batch, {', '.join(map(str, model.shape))}), {values}{pixels}"


def _told(value):
    """An argument as the card shows it.

    For a serialised layer these are its class and its arguments, except those that no card shows.
    """
    if not (isinstance(value, dict) and "class_name" in value):
        return value
    arguments = {key: item for key, item in value["config"].items() if key not in cards.UNTOLD}
    return {"class": value["class_name"], **arguments}


def _named(part):
    """The class of a part, followed by the classes of its own parts in brackets."""
    inner = getattr(part, "inner", ())
    return type(part).__name__ + (f"({', '.join(map(_named, inner))})" if inner else "")


def _formula(model):
    """The lines of the docstring that state the objective: a list of str.

    The docstring is that of the model's class. If the model has another objective than the ELBO,
    it is the docstring of that objective.
    """
    objective = getattr(model, "objective_layer", None)
    stating = type(model if objective is None or objective.is_default else objective)
    for paragraph in inspect.cleandoc(stating.__doc__ or "").split("\n\n"):
        if "objective(x" in paragraph:
            return paragraph.splitlines()
    return []


def _with_quick_form(model, metric):
    from keras_ae import evaluation

    quick = evaluation.quick(model, metric)
    return {**metric, "quick": {"value": quick["value"], "protocol": quick["protocol"]}}
