"""The command that makes pictures about a model: keras-ae plot."""

import argparse
import dataclasses
import pathlib

import numpy as np

from keras_ae.cli import checks, console, examples

# Priors whose marginals are known, and posteriors whose mean and covariance are known.
MARGINALS = ("StandardNormal", "GaussianMixture")
GAUSSIANS = ("DiagonalGaussian", "FullGaussian")
WALKS = ("an_image", "a_plane", "no_label")


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of picture.

    Attributes:
        n: how many examples it takes if --n does not say it. For samples: how many it draws. For
            manifold: images per side.
        text: what it shows.
        needs: keys of NEEDS, what a model must have.
        least: the smallest --n.
    """

    n: int
    text: str
    needs: tuple = ()
    least: int = 1


KINDS = {
    "samples": Kind(64, "images that the model draws", ("an_image", "a_prior")),
    "reconstructions": Kind(10, "images above their reconstructions", ("an_image",)),
    "strokes": Kind(10, "pen drawings above their reconstructions", ("strokes",)),
    "latent_scatter": Kind(5000, "the codes of test examples in the plane", ("a_plane",), 2),
    "manifold": Kind(20, "what a plane of codes decodes to", WALKS, 2),
    "latent_circle": Kind(5000, "a walk on a circle of codes, moving", WALKS),
    "traversals": Kind(1000, "what each latent dimension changes", ("an_image",)),
    "interpolations": Kind(6, "walks from image to image", ("an_image",), 2),
    "layers": Kind(10, "what each layer of a hierarchy decides", ("an_image", "layers")),
    "training_curves": Kind(0, "the logs of the training", ("logs",)),
    "corruption_levels": Kind(1000, "the error for growing noise", ("noise",)),
    "active_units": Kind(5000, "how much each latent dimension says", (), 2),
    "kl_per_dimension": Kind(5000, "the KL of each latent dimension", ("a_prior", "marginals")),
    "posterior_overlap": Kind(
        500, "posteriors as ellipses, over the prior", ("a_prior", "moments", "a_plane"), 2
    ),
}


def add_commands(command):
    """Adds the command to the parser. command(name, run, text, example) -> the parser of one."""
    text = "Save a picture about a model. Without a kind, tell which kinds suit the model."
    sub = command("plot", _plot, text, "vae_mnist latent_scatter --out codes.png")
    sub.add_argument("name", help=console.NAME)
    sub.add_argument("kind", nargs="?", choices=KINDS, metavar="kind", help=", ".join(KINDS))
    sub.add_argument(
        "--out",
        type=pathlib.Path,
        help="the file (default: KIND.png; for latent_circle .gif, or .mp4)",
    )
    examples.add_options(sub, "(samples: how many to draw; manifold: images per side)")
    sub.add_argument("--seed", type=int, default=0, help="seed of all draws (default: %(default)s)")
    sub.add_argument("--json", action="store_true", help="print JSON")


def why_not(kind, card):
    """Why a kind of picture does not suit a model.

    Returns:
        str, or None if it does or if the card does not say.
    """
    if not card.verbs:
        return None
    reasons = (NEEDS[need](card) for need in KINDS[kind].needs)
    return next((reason for reason in reasons if reason), None)


def _plot(options):
    card = checks.card(options.name)
    if options.kind is None:
        _list_kinds(card)
        return
    kind = KINDS[options.kind]
    reason = why_not(options.kind, card)
    if reason:
        suited = ", ".join(name for name in KINDS if not why_not(name, card))
        raise ValueError(
            f"Expected a kind that suits {card.name}: {suited}. Received: {options.kind}, "
            f"which needs {reason}"
        )
    moves = options.kind == "latent_circle"
    out = options.out or pathlib.Path(f"{options.kind}.{'gif' if moves else 'png'}")
    console.check_out(out, (".gif", ".mp4") if moves else console.PICTURES)
    checks.in_range(options.seed, "--seed", 0)
    checks.in_range(options.n, "--n", kind.least)
    what = f"{kind.text}, {card.name}"
    if options.kind == "training_curves":
        plots = console.quiet_import("drawing the logs").plots
        console.save(plots.training_curves(card), out, what, options.json)
        return
    _draw(options, card, out, what)


def _draw(options, card, out, what):
    """Draws a kind that takes a model, and for most kinds examples too."""
    kind = KINDS[options.kind]
    n = kind.n if options.n is None else options.n
    draws = options.kind in ("samples", "manifold", "latent_circle") and "sample" in card.verbs
    source = None if draws else _source(options, card)
    if options.kind == "manifold" and (card.latent_dim or 2) > 2:
        console.tell(
            f"note: {card.name} has {card.latent_dim} latent dimensions; this is the plane "
            "of the first two, with the others at their median"
        )
    keras_ae, model = console.load(options.name)
    shown = source.load(keras_ae) if source else examples.Examples(None, None, [], "")
    if options.kind == "latent_circle":
        keras_ae.plots.latent_circle(model, out, x=shown.x, seed=options.seed)
        console.saved([out], what, options.json)
        return
    figure = _figure(keras_ae.plots, options, model, shown, n)
    console.save(figure, out, f"{what}{', ' * bool(shown.what)}{shown.what}", options.json)


def _source(options, card):
    kind = KINDS[options.kind]
    if options.kind != "manifold":
        return examples.source(options, card, kind.n, kind.least)
    # --n is the images per side, not how many codes tell where the plane lies.
    return examples.source(argparse.Namespace(**{**vars(options), "n": None}), card, 5000)


def _figure(plots, options, model, shown, n):
    x, y, seed = shown.x, shown.y, options.seed
    draw = {
        "samples": lambda: plots.samples(model, n, seed),
        "reconstructions": lambda: plots.reconstructions(model, x),
        "strokes": lambda: _strokes(plots, model, x),
        "latent_scatter": lambda: plots.latent_scatter(model, x, y, seed=seed),
        "manifold": lambda: plots.manifold(model, n, x, seed=seed),
        "traversals": lambda: plots.traversals(model, x, seed=seed),
        "interpolations": lambda: _interpolations(plots, model, x),
        "layers": lambda: plots.layers(model, x, seed),
        "corruption_levels": lambda: plots.corruption_levels(model, x, seed=seed),
        "active_units": lambda: plots.active_units(model, x),
        "kl_per_dimension": lambda: plots.kl_per_dimension(model, x),
        "posterior_overlap": lambda: plots.posterior_overlap(model, x, y),
    }
    return draw[options.kind]()


def _strokes(plots, model, x):
    both = np.concatenate([x, np.asarray(model.reconstruct(x))])
    return plots.strokes(both, len(x), ["original", "reconstruction"])


def _interpolations(plots, model, x):
    half = len(x) // 2
    return plots.interpolations(model, x[:half], x[half : 2 * half])


def _list_kinds(card):
    suited = [(name, kind.text) for name, kind in KINDS.items() if not why_not(name, card)]
    print("\n".join(console.table(suited)))
    console.tell(f"{len(suited)} kinds suit {card.name}: keras-ae plot {card.name} {suited[0][0]}")


# What a kind needs: each function says what a model lacks, or None.


def _is(condition, needed):
    return None if condition else needed


NEEDS = {
    "an_image": lambda card: _is(
        card.shape and len(card.shape) == 3 and card.shape[-1] in (1, 3), "a model of images"
    ),
    "strokes": lambda card: _is(
        card.shape and len(card.shape) == 2 and card.shape[-1] == 3, "a model of pen strokes"
    ),
    "a_plane": lambda card: _is(
        (card.latent_dim or 2) > 1, "a model with at least two latent dimensions"
    ),
    "no_label": lambda card: _is(
        "classify" not in card.verbs, "codes that do not begin with a label"
    ),
    "a_prior": lambda card: _is("log_likelihood" in card.verbs, "a model with a prior, a VAE"),
    "noise": lambda card: _is("corrupt" in card.verbs, "a model that denoises, a DAE"),
    "layers": lambda card: _is(
        card.metadata["family"] == "HVAE", "layers of latent variables, an HVAE"
    ),
    "logs": lambda card: _is(
        card.metadata["training"], "the logs of a training, and its card has none"
    ),
    "marginals": lambda card: _is(
        card.metadata["model"].get("prior") in MARGINALS
        and card.metadata["model"].get("posterior") in GAUSSIANS,
        f"a prior that is one of {', '.join(MARGINALS)}, and a Gaussian posterior",
    ),
    "moments": lambda card: _is(
        card.metadata["model"].get("posterior") in GAUSSIANS, "a Gaussian posterior"
    ),
}
