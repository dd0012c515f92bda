"""What a preset says of its model: the metadata and the picture that are written beside the weights."""

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
        folder: pathlib.Path, where its config and weights are written already.
        dataset: name of the data set that it was trained on, or None.
        training: a TrainingLog, or None.
        metrics: measurements of `keras_ae.evaluation`; each is measured once more in its quick form.
    """
    config = model.get_config()
    told = ("shape", "latent_dim", *model.told, "widths", "activation", "network")
    described = {key: _told(config[key]) for key in told if key in config}
    if not isinstance(described.get("network", ""), str):
        described["network"] = "custom"
    parts = {name.removesuffix("_layer"): getattr(model, name) for name in model.parts}
    described |= {
        key: _named(part) for key, part in parts.items() if not getattr(part, "is_default", False)
    }
    described["beta"] = (
        None if config.get("beta") == 1 else config.get("beta")
    )  # 1 is the bound itself
    described["loss"] = model.loss if isinstance(model.loss, str) else None
    return {
        "family": type(model).__name__,
        "summary": type(model).__doc__.strip().splitlines()[0],
        "formula": _formula(model),
        "examples": [
            example.format(**{**config, "input": _input(model)}) for example in model.examples
        ],
        "limits": model.limits,
        "dataset": dataset,
        "parameters": model.count_params(),
        "model": {key: value for key, value in described.items() if value is not None},
        "input": _input(model),
        "metrics": [_with_quick_form(model, metric) for metric in metrics],
        "training": training.summary() if training is not None else None,
        "sha256": {
            file: reading.sha256((folder / file).read_bytes())
            for file in (cards.CONFIG, cards.WEIGHTS)
        },
        "versions": {
            name: importlib.metadata.version(name)
            for name in ("tensorflow", "keras", "tensorflow-probability", "numpy")
        },
        "date": datetime.date.today().isoformat(),
    }


def draw(model, folder, dataset):
    """A picture of a model of images or pen strokes: samples, or reconstructions of test examples. Returns its file's name, or None."""
    import numpy as np

    from keras_ae import datasets, plots
    from keras_ae.plots import drawing

    if dataset == "omniglot_strokes":
        x = datasets.load(dataset)[1][0]
        x = x[:: len(x) // 10][:10]  # which are sorted by character
        pages = np.concatenate([x, model.reconstruct(x)])
        name, figure = (
            "reconstructions.png",
            plots.strokes(pages, columns=10, titles=["original", "reconstruction"]),
        )
    elif not drawing.are_images(model.shape):
        return None
    elif hasattr(model, "sample"):
        _, columns = model.kinds_of_samples() or (None, 1)
        name, figure = "samples.png", plots.samples(model, n=64 - 64 % columns)  # whole rows
    elif dataset is not None:
        name, figure = (
            "reconstructions.png",
            plots.reconstructions(model, datasets.load(dataset)[1][0][:10]),
        )
    else:
        return None
    figure.savefig(folder / name)
    return name


def _input(model):
    low, high = model.likelihood_layer.support
    values = "any float" if (low, high) == (-math.inf, math.inf) else f"float in {[low, high]}"
    pixels = (
        "" if len(model.shape) == 2 else ", or integer pixels 0-255"
    )  # (steps, features) are no image
    return f"(batch, {', '.join(map(str, model.shape))}), {values}{pixels}"


def _told(value):
    """An argument as the card shows it: of a serialised layer, its class and what is special about it."""
    if not (isinstance(value, dict) and "class_name" in value):
        return value
    return {
        "class": value["class_name"],
        **{k: v for k, v in value["config"].items() if k not in cards.UNTOLD},
    }


def _named(part):
    """The class of a part, and in brackets those of the parts that it is made of."""
    inner = getattr(part, "inner", ())
    return type(part).__name__ + (f"({', '.join(map(_named, inner))})" if inner else "")


def _formula(model):
    """The lines that state its objective, in the docstring of the class, or of the objective that it was given in place of the ELBO."""
    objective = getattr(model, "objective_layer", None)
    stating = type(model if objective is None or objective.is_default else objective)
    paragraphs = inspect.cleandoc(stating.__doc__ or "").split("\n\n")
    return next(
        (paragraph.splitlines() for paragraph in paragraphs if "objective(x" in paragraph), []
    )


def _with_quick_form(model, metric):
    from keras_ae import evaluation

    quick = evaluation.quick(model, metric)
    return {**metric, "quick": {"value": quick["value"], "protocol": quick["protocol"]}}
