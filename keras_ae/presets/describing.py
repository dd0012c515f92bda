"""A model in words: its network, posterior, prior and likelihood, and what it was trained by.

All of it follows from what the metadata tells, so that the card of any preset has it.
"""

import re

# Parts by the name of their class, as the card tells it. {} stands for the parts inside it.
POSTERIORS = {
    "DiagonalGaussian": "a Gaussian with independent dimensions",
    "FullGaussian": "a Gaussian with a full covariance, so the dimensions of a code may depend on "
    "each other; its bound can be tighter than with independent ones",
    "HierarchicalPosterior": "a Gaussian for each layer of latent variables, given the layers "
    "above it",
    "TopDownPosterior": "for the top layer {}; for each map below a Gaussian, given the layers "
    "above it, and described by its distance from the prior of this map",
    "LabelledPosterior": "the probability of each label, then a Gaussian for z given the label",
    "PlanarFlow": "a Gaussian bent by planar flows",
    "SylvesterFlow": "a Gaussian bent by Sylvester flows",
    "InverseAutoregressiveFlow": "a Gaussian bent by inverse autoregressive flows",
}
PRIORS = {
    "StandardNormal": "the standard normal distribution",
    "GaussianMixture": "a mixture of Gaussians with diagonal covariances",
    "FullGaussianMixture": "a mixture of Gaussians with full covariances",
    "AutoregressiveFlow": "a masked autoregressive flow, trained with the model; it takes the "
    "shape of the codes, so drawn codes decode to likelier images",
    "RealNVP": "a RealNVP flow, trained with the model",
    "VampPrior": "a VampPrior, the mixture of the posteriors of learned pseudo-inputs",
    "HierarchicalPrior": "for the top layer {}; for each layer below a Gaussian, given the layers "
    "above it",
    "TopDownPrior": "for the top layer {}; for each map below a Gaussian, given the layers above "
    "it",
    "LabelledPrior": "each label with the same probability, and a prior for z",
}
LIKELIHOODS = {
    "Bernoulli": "a Bernoulli distribution for each pixel",
    "ContinuousBernoulli": "a continuous Bernoulli distribution for each pixel",
    "Gaussian": "a Gaussian for each value",
    "DiscretizedLogisticMixture": "a discretised logistic distribution, or a mixture of several, "
    "for each value",
    "Columns": "a distribution for each column of a table",
    "Masked": "only steps that are not padding count",
    "Observed": "only values that are not missing count",
}
NETWORKS = {
    "dense": ("dense layers", "units"),
    "conv": ("convolutional layers", "filters"),
    "residual": ("residual convolutional layers", "filters"),
    "mixer": ("layers of patches and of the whole image", "units"),
    "top_down": ("residual convolutional layers", "filters"),
    "gru": ("recurrent layers (GRU)", "units"),
    "lstm": ("recurrent layers (LSTM)", "units"),
}


def parts(metadata):
    """What the card tells of the parts of a model, in words.

    Args:
        metadata: dict, the content of metadata.json.

    Returns:
        list of (name of the part, words).
    """
    told = metadata["model"]
    found = [("Network", _network(told)), ("Code", code(metadata))]
    for key, name, words in (
        ("posterior", "Posterior q(z|x)", POSTERIORS),
        ("prior", "Prior p(z)", PRIORS),
        ("likelihood", "Likelihood p(x|z)", LIKELIHOODS),
    ):
        found.append((name, _named(told.get(key), {**POSTERIORS, **PRIORS, **words})))
    found += [("Corruption", _corruption(told)), ("Loss", _loss(told))]
    return [(name, words) for name, words in found if words]


def code(metadata):
    """The size of a code in words, or "" if it is not known: "40 numbers"."""
    told = metadata["model"]
    sizes = told.get("latent_dim", told.get("code_size"))
    size, width = told.get("size"), told.get("width")
    if isinstance(size, int) and isinstance(sizes, int) and isinstance(width, int) and width:
        symbols = sizes // width
        return f"{symbols} symbols, each one of {size:,}"
    if isinstance(sizes, list):
        sizes = " + ".join(
            "x".join(map(str, layer)) if isinstance(layer, list) else str(layer) for layer in sizes
        )
    labels = told.get("classes")
    label = f"the probability of each of {labels} labels, and " if labels else ""
    return f"{label}{sizes:,} numbers" if isinstance(sizes, int) else _words(sizes, label)


def formula(metadata):
    """The lines that state what the model was trained by: a list of str.

    A loss that was given to `compile` takes the place of the objective of the class.
    """
    lines, told = list(metadata["formula"]), metadata["model"]
    if told.get("covariance") == "full":
        lines = [line.replace("diag(scale_c)^2", "covariance_c") for line in lines]
    if isinstance(told.get("loss"), str) and lines:
        before, _, rest = "\n".join(lines).partition("objective(x")
        seen = re.search(r"g\((\w+)\)", rest)
        lines = [*before.rstrip(" ,").splitlines(), _loss_formula(told["loss"], seen and seen[1])]
    return lines


def names(metadata):
    """The names of the class and the parts of a model, with those inside others: a list of str."""
    told = metadata["model"]
    texts = [metadata["family"], *(told.get(key) for key in ("posterior", "prior", "likelihood"))]
    return [name for text in texts if isinstance(text, str) for name in re.findall(r"\w+", text)]


def _loss_formula(loss, seen):
    seen = seen or "x"
    if loss in ("mse", "mean_squared_error"):
        return f"loss(x) = mean over all values of (x - r)^2,    r = the mean of p(x|g({seen}))"
    return f"loss(x) = {loss}(x, r) of Keras,    r = the mean of p(x|g({seen}))"


def _network(told):
    network, widths = told.get("network"), told.get("widths")
    if network not in NETWORKS:
        return "layers of its own, which config.json lists" if network else ""
    layers, units = NETWORKS[network]
    gated = {"glu": "gated ", "gated_tanh": "gated "}.get(told.get("activation"), "")
    if isinstance(widths, list) and not widths:
        return f"one {gated}{layers[:-1]} to the code and one back"
    sizes = f" of {_listed(widths)} {units}" if isinstance(widths, list) else ""
    if network == "top_down":
        back = "; from the top layer down, prior, posterior and decoder share them"
    else:
        mirrored = widths and network not in ("gru", "lstm")
        back = "; the decoder has them in reverse" if mirrored else ""
    return f"{gated}{layers}{sizes}{back}"


def _corruption(told):
    corruption = told.get("corruption")
    if not isinstance(corruption, dict):
        return ""
    options = [f"{key} {value}" for key, value in corruption.items() if key != "class"]
    return f"`{corruption.get('class')}`{' with ' if options else ''}{', '.join(options)}"


def _loss(told):
    loss = told.get("loss")
    if not isinstance(loss, str):
        return ""
    name = "the mean squared error per pixel" if loss == "mse" else loss
    return f'{name}, by `compile(loss="{loss}")`, instead of the log-likelihood'


def _named(text, words):
    """A part and the parts inside it, in words. `text` names their classes: "A(B, C)"."""
    if not isinstance(text, str) or not text:
        return ""
    name, _, inside = text.partition("(")
    outer, inner = words.get(name, f"`{name}`"), {}  # a dict, since several layers may be alike
    for part in re.findall(r"\w+(?:\([^()]*\))?", inside):
        found = _named(part, words)
        inner[found if "(" in part else re.split("[,;]", found)[0]] = None
    if "{}" in outer:
        return outer.format(" or ".join(inner))
    return outer + (f" ({'; '.join(inner)})" if inner else "")


def _words(sizes, label):
    return f"{label}{sizes} numbers" if isinstance(sizes, str) else ""


def _listed(values):
    values = [f"{value:,}" if isinstance(value, int) else str(value) for value in values]
    return values[0] if len(values) == 1 else f"{', '.join(values[:-1])} and {values[-1]}"
