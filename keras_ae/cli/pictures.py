"""The commands that draw with a model: keras-ae sample | reconstruct | denoise | interpolate."""

import pathlib

import numpy as np

from keras_ae.cli import checks, console, examples
from keras_ae.utils import image_files

MOST = 10_000  # images in one picture
SAMPLERS = ("mixture", "flow", "pixelcnn")
FITTED_ON = 10_000  # training examples that a sampler is fitted to


def add_commands(command):
    """Adds the commands to the parser. command(name, run, text, example) -> the parser of one."""
    _add_sample(command)
    text = (
        "Reconstruct images. Saves a picture of them above their reconstructions, "
        "or a folder of the reconstructions."
    )
    sub = command("reconstruct", _reconstruct, text, "vae_mnist --out pairs.png")
    _add_name_and_out(sub, "reconstructions.png", "a picture, or a folder for one file per image")
    examples.add_options(sub, "(default: 10 of a data set, all of --images)")
    text = (
        "Denoise images: your own noisy ones, or test images to which noise is added. "
        "Saves a picture, or a folder of images."
    )
    sub = command("denoise", _denoise, text, "dae_mnist --images scans/ --out clean/")
    _add_name_and_out(sub, "denoised.png", "a picture, or a folder for one file per image")
    examples.add_options(sub, "(default: 10 of a data set, all of --images)")
    text = "Walk from image to image in latent space. Saves a picture, one row per walk."
    sub = command("interpolate", _interpolate, text, "vae_mnist --out walks.png")
    _add_name_and_out(sub, "interpolations.png")
    examples.add_options(sub, "to take, two per walk (default: 12)")
    sub.add_argument("--steps", type=int, default=9, help="images per walk (default: %(default)s)")


def _add_sample(command):
    text = "Draw images from a model. Saves them as one picture."
    sub = command("sample", _sample, text, "vae_mnist --out digits.png")
    _add_name_and_out(sub, "samples.png")
    sub.add_argument("--n", type=int, default=64, help="how many images (default: %(default)s)")
    sub.add_argument("--seed", type=int, default=0, help="seed of the draw (default: %(default)s)")
    sub.add_argument(
        "--label",
        type=int,
        help="the label of a ConditionalVAE, or the cluster of a VaDE, to draw "
        "(default: all in turn)",
    )
    sub.add_argument(
        "--sampler",
        help="fit a density to the codes of training images, and draw from it: mixture (seconds), "
        "flow (a minute), or pixelcnn for a VQVAE (many minutes); for models without a prior",
    )
    sub.add_argument(
        "--dataset",
        help="the training images for --sampler (default: those that the model was trained on)",
    )


def _add_name_and_out(sub, out, what="the picture"):
    sub.add_argument("name", help=console.NAME)
    sub.add_argument("--out", type=pathlib.Path, default=out, help=f"{what} (default: %(default)s)")
    sub.add_argument("--json", action="store_true", help="print JSON")


def _sample(options):
    card = checks.card(options.name)
    console.check_out(options.out)
    checks.in_range(options.n, "--n", 1, MOST)
    checks.in_range(options.seed, "--seed", 0)
    if options.sampler:
        _sample_by_a_sampler(options, card)
        return
    if options.dataset is not None:
        raise ValueError("Expected --dataset with --sampler. Received: --dataset alone")
    _check_that_it_draws(options.name, card)
    _check_label(options.label, card)
    keras_ae, model = console.load(options.name)
    if not hasattr(model, "sample"):
        raise ValueError(
            f"Expected a model that can draw, such as a VAE. Received: {options.name}, "
            f"which is {checks.article(type(model).__name__)}"
        )
    figure = keras_ae.plots.samples(model, options.n, options.seed, options.label)
    what = f"{console.count(options.n, 'image')} drawn by {card.name}, seed {options.seed}"
    console.save(figure, options.out, what, options.json)


def _sample_by_a_sampler(options, card):
    checks.one_of(options.sampler, "--sampler", SAMPLERS)
    has_symbols = "symbols" in card.verbs or not card.verbs
    if options.sampler == "pixelcnn" and not has_symbols:
        raise ValueError(
            "Expected --sampler mixture or flow, since pixelcnn draws the symbols of a VQVAE. "
            f"Received: {card.name}, which is {checks.article(card.family)}"
        )
    if options.label is not None:
        raise ValueError("Expected --label without --sampler. Received: both")
    dataset = examples.data_set(options, card)
    if options.sampler == "mixture":
        checks.packages(["sklearn"], "fit a mixture", "datasets")
    keras_ae, model = console.load(options.name)
    (x, _), _ = keras_ae.datasets.load(dataset)
    x = x[:FITTED_ON]
    fitted = f"a {options.sampler} fitted to the codes of {len(x):,} training examples of {dataset}"
    console.tell(f"fitting {fitted.replace(' fitted', '')} ...")
    sampler = keras_ae.samplers.fit(model, x, options.sampler, seed=options.seed)
    drawn = sampler.sample(options.n, seed=options.seed)
    what = f"{console.count(options.n, 'example')} drawn by {card.name} from {fitted}"
    console.save(_picture(keras_ae, np.asarray(drawn)), options.out, what, options.json)


def _check_that_it_draws(name, card):
    kind = "pixelcnn" if "symbols" in card.verbs else "mixture"
    time = "many minutes" if kind == "pixelcnn" else "seconds"
    command = f"keras-ae sample {name} --sampler {kind}"
    command += "" if card.dataset else " --dataset NAME"
    hint = f" A density fitted to its codes can draw instead, in {time}: {command}"
    checks.verb(card, "sample", "a model that can draw by itself, such as a VAE", hint)


def _check_label(label, card):
    if label is None or not card.verbs:
        return
    told = card.metadata["model"]
    count = told.get("classes", told.get("clusters"))
    if count is None:
        raise ValueError(
            "Expected --label for a ConditionalVAE or a VaDE. "
            f"Received: {card.name}, which is {checks.article(card.family)}"
        )
    checks.in_range(label, "--label", 0, count - 1)


def _reconstruct(options):
    card = checks.card(options.name)
    is_folder = _is_folder(options.out)
    source = examples.source(options, card, 10)
    keras_ae, model = console.load(options.name)
    shown = source.load(keras_ae)
    what = f"{shown.what}, reconstructed by {card.name}"
    if is_folder:
        _save_folder(options, shown, model.predict(shown.x, verbose=0), what)
        return
    if source.files is None and len(model.shape) == 3:
        figure = keras_ae.plots.reconstructions(model, shown.x)
    else:
        titles = ["original", "reconstruction"]
        figure = _pairs(keras_ae, shown.x, model.predict(shown.x, verbose=0), titles)
    console.save(figure, options.out, f"{what}: originals above reconstructions", options.json)


def _denoise(options):
    card = checks.card(options.name)
    is_folder = _is_folder(options.out)
    checks.verb(card, "corrupt", "a model that denoises, a DAE")
    source = examples.source(options, card, 10)
    keras_ae, model = console.load(options.name)
    if not hasattr(model, "corrupt"):
        raise ValueError(
            f"Expected a model that denoises, a DAE. Received: {options.name}, "
            f"which is {checks.article(type(model).__name__)}"
        )
    shown = source.load(keras_ae)
    added = "" if source.files else ", with noise added,"
    what = f"{shown.what}{added} denoised by {card.name}"
    if is_folder:
        noisy = shown.x if source.files else model.corrupt(shown.x, seed=0).numpy()
        _save_folder(options, shown, model.predict(noisy, verbose=0), what)
    elif source.files:
        restored = model.predict(shown.x, verbose=0)
        figure = _pairs(keras_ae, shown.x, restored, ["noisy", "denoised"])
        console.save(figure, options.out, what, options.json)
    else:
        figure = keras_ae.plots.reconstructions(model, shown.x)
        console.save(figure, options.out, what, options.json)


def _interpolate(options):
    card = checks.card(options.name)
    console.check_out(options.out)
    checks.in_range(options.steps, "--steps", 2)
    checks.images(card)
    source = examples.source(options, card, 12, least=2)
    keras_ae, model = console.load(options.name)
    x = source.load(keras_ae).x
    if len(x) % 2:
        console.tell("note: the last image is left out, since a walk takes two")
    pairs = len(x) // 2
    first, last = x[0 : 2 * pairs : 2], x[1 : 2 * pairs : 2]
    figure = keras_ae.plots.interpolations(model, first, last, options.steps)
    what = f"{console.count(pairs, 'walk')} in the latent space of {card.name}"
    console.save(figure, options.out, what, options.json)


def _is_folder(out):
    """Whether --out names a folder: it is one, or has no suffix.

    Raises:
        ValueError: it is a file that cannot be a picture.
    """
    out = pathlib.Path(out)
    if out.is_dir() or not out.suffix:
        found = next((path for path in (out, *out.parents) if path.exists()), None)
        if found and not found.is_dir():
            raise ValueError(
                f"Expected --out to be a folder. Received: {str(out)!r}, where {found} is a file"
            )
        return True
    console.check_out(out)
    return False


def _save_folder(options, shown, x, what):
    console.saved(image_files.write(options.out, shown.names, x), what, options.json)


def _pairs(keras_ae, x, y, titles):
    """A figure of examples above others, such as originals above reconstructions."""
    x = x.astype("float32") / 255 if x.dtype == "uint8" else x
    return _picture(keras_ae, np.concatenate([x, y]), len(x), titles)


def _picture(keras_ae, x, columns=None, titles=None):
    """A figure of images (n, height, width, channels), or of pen strokes (n, steps, 3)."""
    draw = keras_ae.plots.strokes if x.ndim == 3 and x.shape[-1] == 3 else keras_ae.plots.images
    return draw(x, columns, titles)
