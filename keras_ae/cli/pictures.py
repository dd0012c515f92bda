"""The commands that look at a model: keras-ae sample | reconstruct | denoise | interpolate | plot | evaluate | export | explore."""

import importlib.util
import json
import pathlib
import sys

import numpy as np

from keras_ae.cli import console
from keras_ae.utils import image_files

# What `plot` draws, and of how many examples (of samples: how many; of manifold: images a side).
KINDS = {
    "samples": 64,
    "reconstructions": 10,
    "latent_scatter": 5000,
    "manifold": 20,
    "latent_circle": 5000,
    "traversals": 1000,
    "interpolations": 6,
    "training_curves": 0,
    "corruption_levels": 1000,
    "active_units": 5000,
    "kl_per_dimension": 5000,
    "posterior_overlap": 500,
}


def add_commands(command):
    """Adds the commands to the parser. command(name, run, text, example) -> the parser of one."""
    sub = command(
        "sample",
        _sample,
        "Draw images from a model and save them as one picture.",
        "vae_mnist --out digits.png",
    )
    _add_name_and_out(sub, "samples.png")
    sub.add_argument("--n", type=int, default=64, help="how many images (default: %(default)s)")
    sub.add_argument("--seed", type=int, default=0, help="seed of the draw (default: %(default)s)")
    sub.add_argument(
        "--label",
        type=int,
        help="of a ConditionalVAE or a VaDE, the label or cluster to draw (default: all in turn)",
    )
    text = "Reconstruct images: save a picture of them above their reconstructions, or a folder of the reconstructions."
    sub = command("reconstruct", _reconstruct, text, "vae_mnist --out pairs.png")
    _add_name_and_out(sub, "reconstructions.png", "a picture, or a folder for one file an image")
    _add_source(sub, "(default: 10 of a data set, all of --images)")
    text = "Denoise images by a DAE: noisy ones of one's own, or test images with noise added. Save a picture, or a folder of images."
    sub = command("denoise", _denoise, text, "dae_mnist --images scans/ --out clean/")
    _add_name_and_out(sub, "denoised.png", "a picture, or a folder for one file an image")
    _add_source(sub, "(default: 10 of a data set, all of --images)")
    sub = command(
        "interpolate",
        _interpolate,
        "Save a picture of walks between images, in latent space.",
        "vae_mnist --out walks.png",
    )
    _add_name_and_out(sub, "interpolations.png")
    _add_source(sub, "taken two by two (default: 12)")
    sub.add_argument(
        "--steps", type=int, default=9, help="images of one walk (default: %(default)s)"
    )
    sub = command(
        "plot", _plot, "Save a picture about a model.", "vae_mnist latent_scatter --out codes.png"
    )
    sub.add_argument("name", help=console.NAME)
    sub.add_argument("kind", choices=KINDS, metavar="kind", help=", ".join(KINDS))
    sub.add_argument(
        "--out", type=pathlib.Path, help="the file (default: KIND.png; latent_circle: .gif or .mp4)"
    )
    _add_source(sub, "(of samples: how many; of manifold: images a side)")
    sub.add_argument(
        "--seed", type=int, default=0, help="seed of what is drawn (default: %(default)s)"
    )
    sub.add_argument("--json", action="store_true", help="print JSON")
    sub = command(
        "evaluate",
        _evaluate,
        "Measure all about a model on test images.",
        "vae_mnist --n 1000 --json",
    )
    sub.add_argument("name", help=console.NAME)
    _add_source(sub, "(default: all)")
    sub.add_argument(
        "--samples",
        type=int,
        default=100,
        help="importance samples an image (default: %(default)s)",
    )
    sub.add_argument("--seed", type=int, default=0, help="seed of all draws (default: %(default)s)")
    sub.add_argument(
        "--binarize",
        action="store_true",
        help="make the pixels 0 or 1 by one fixed draw, as for published likelihoods",
    )
    sub.add_argument("--json", action="store_true", help="print JSON")
    sub = command(
        "export",
        _export,
        "Write the encoder or the decoder of a model as a file that needs no keras_ae.",
        "vae_mnist --role decoder --out decoder.onnx",
    )
    sub.add_argument("name", help=console.NAME)
    sub.add_argument(
        "--role",
        default="decoder",
        help="encoder, decoder, or reconstruct for both (default: %(default)s)",
    )
    sub.add_argument(
        "--format",
        help="onnx or savedmodel (default: onnx if --out ends in .onnx, else savedmodel)",
    )
    sub.add_argument(
        "--out",
        type=pathlib.Path,
        required=True,
        help="the ONNX file, or the folder of the SavedModel",
    )
    text = "Open a page to play with a model in the browser; or write one as a folder for any web host, with --static."
    sub = command("explore", _explore, text, "vae2d_mnist")
    sub.add_argument(
        "name", nargs="?", default="vae2d_mnist", help=f"{console.NAME} (default: %(default)s)"
    )
    sub.add_argument(
        "--port", type=int, help="the port on this machine (default: 8765, or a free one)"
    )
    sub.add_argument(
        "--no-browser", action="store_true", help="open no browser, say the address alone"
    )
    sub.add_argument(
        "--static",
        type=pathlib.Path,
        metavar="FOLDER",
        help="write the page to this folder, which needs no server",
    )


def _sample(options):
    console.check_out(options.out)
    keras_ae = console.quiet_import()
    model = keras_ae.load(options.name)
    if not hasattr(model, "sample"):
        raise ValueError(
            f"Expected a model that can be sampled, a VAE. Received: {options.name}, which is a {type(model).__name__}"
        )
    console.save(
        keras_ae.plots.samples(model, options.n, options.seed, options.label),
        options.out,
        options.json,
    )


def _reconstruct(options):
    keras_ae, model, x, _, names = _loaded(options, 10)
    if _is_folder(options.out):
        console.saved(
            image_files.write(options.out, names, model.predict(x, verbose=0)), options.json
        )
        return
    if options.images:
        figure = keras_ae.plots.images(
            _rows(x, model.predict(x, verbose=0)), len(x), ["original", "reconstruction"]
        )
    else:
        figure = keras_ae.plots.reconstructions(model, x)
    console.save(figure, options.out, options.json)


def _denoise(options):
    keras_ae, model, x, _, names = _loaded(options, 10)
    if not hasattr(model, "corrupt"):
        raise ValueError(
            f"Expected a model that denoises, a DAE. Received: {options.name}, which is a {type(model).__name__}"
        )
    if _is_folder(options.out):
        noisy = x if options.images else model.corrupt(x, seed=0).numpy()
        console.saved(
            image_files.write(options.out, names, model.predict(noisy, verbose=0)), options.json
        )
    elif options.images:
        figure = keras_ae.plots.images(
            _rows(x, model.predict(x, verbose=0)), len(x), ["noisy", "denoised"]
        )
        console.save(figure, options.out, options.json)
    else:
        console.save(keras_ae.plots.reconstructions(model, x), options.out, options.json)


def _interpolate(options):
    console.check_out(options.out)
    keras_ae, model, x, _, _ = _loaded(options, 12)
    if len(x) < 2:
        raise ValueError(
            f"Expected at least two images, to walk from one to the other. Received: {len(x)}"
        )
    pairs = len(x) // 2
    figure = keras_ae.plots.interpolations(
        model, x[0 : 2 * pairs : 2], x[1 : 2 * pairs : 2], options.steps
    )
    console.save(figure, options.out, options.json)


def _export(options):
    keras_ae = console.quiet_import()
    print(
        f"saved {keras_ae.export(keras_ae.load(options.name), options.out, options.role, options.format)}"
    )


def _explore(options):
    console.quiet_import()
    if options.static:
        from keras_ae.explorer import static

        print(
            f"saved {static.write(options.name, options.static)}; to look at it: python -m http.server -d {options.static}"
        )
        return
    from keras_ae.explorer import page

    page.serve(options.name, options.port, show=not options.no_browser)


def _plot(options):
    moves = options.kind == "latent_circle"
    out = options.out or pathlib.Path(f"{options.kind}.{'gif' if moves else 'png'}")
    console.check_out(out, (".gif", ".mp4") if moves else console.PICTURES)
    n = KINDS[options.kind] if options.n is None else options.n
    keras_ae = console.quiet_import()
    plots = keras_ae.plots
    if options.kind == "training_curves":
        console.save(plots.training_curves(keras_ae.info(options.name)), out, options.json)
        return
    model = keras_ae.load(options.name)
    if options.kind == "samples" or (
        options.kind in ("manifold", "latent_circle") and hasattr(model, "prior")
    ):
        x = y = None
    else:
        x, y, _ = _examples(keras_ae, model, options, 5000 if options.kind == "manifold" else n)
    if moves:
        plots.latent_circle(model, out, x=x, seed=options.seed)
        console.saved([out], options.json)
        return
    draw = {
        "samples": lambda: plots.samples(model, n, options.seed),
        "reconstructions": lambda: plots.reconstructions(model, x),
        "latent_scatter": lambda: plots.latent_scatter(model, x, y, seed=options.seed),
        "manifold": lambda: plots.manifold(model, n, x, seed=options.seed),
        "traversals": lambda: plots.traversals(model, x, seed=options.seed),
        "interpolations": lambda: plots.interpolations(
            model, x[: len(x) // 2], x[len(x) // 2 : 2 * (len(x) // 2)]
        ),
        "corruption_levels": lambda: plots.corruption_levels(model, x, seed=options.seed),
        "active_units": lambda: plots.active_units(model, x),
        "kl_per_dimension": lambda: plots.kl_per_dimension(model, x),
        "posterior_overlap": lambda: plots.posterior_overlap(model, x, y),
    }
    console.save(draw[options.kind](), out, options.json)


def _evaluate(options):
    keras_ae, model, x, y, _ = _loaded(options, None)
    train = None
    if y is not None and importlib.util.find_spec("sklearn") is None:
        print(
            'keras-ae: no numbers that need classes, without scikit-learn: pip install "keras-ae[datasets]"',
            file=sys.stderr,
        )
        y = None
    if y is not None:
        train = keras_ae.datasets.load(_dataset(keras_ae, options))[0]
    if options.binarize:
        x = keras_ae.datasets.binarize(x)
        train = train and (keras_ae.datasets.binarize(train[0], seed=1), train[1])
    found = keras_ae.evaluate(
        model,
        x,
        y,
        train=train,
        n_samples=options.samples,
        seed=options.seed,
        verbose=0 if options.json else 1,
    )
    if options.json:
        print(json.dumps({"model": options.name, "examples": len(x), **found}))
        return
    width = max(map(len, found))
    for name, value in found.items():
        shown = (
            " ".join(f"{part:.3g}" for part in value) if isinstance(value, list) else f"{value:.6g}"
        )
        print(f"{name.ljust(width)}  {shown}")


def _add_name_and_out(sub, out, what="the picture"):
    sub.add_argument("name", help=console.NAME)
    sub.add_argument("--out", type=pathlib.Path, default=out, help=f"{what} (default: %(default)s)")
    sub.add_argument("--json", action="store_true", help="print JSON")


def _add_source(sub, how_many):
    sub.add_argument(
        "--dataset",
        help="test images of a data set (default: the one that the model was trained on)",
    )
    sub.add_argument(
        "--images",
        type=pathlib.Path,
        help="a .png or .jpg file or a folder of them, instead of a data set",
    )
    sub.add_argument("--n", type=int, help=f"how many images {how_many}")


def _loaded(options, n):
    """(keras_ae, model, x, y or None, a name for each of x); n: how many of a data set, where the options do not say."""
    keras_ae = console.quiet_import()
    model = keras_ae.load(options.name)
    n = options.n if options.n is not None else None if options.images else n
    return keras_ae, model, *_examples(keras_ae, model, options, n)


def _examples(keras_ae, model, options, n):
    if n is not None and n < 1:
        raise ValueError(f"Expected --n to be at least 1. Received: {n}")
    if options.images is not None:
        x, names = image_files.read(options.images, model.shape)
        return x[:n], None, names[:n]
    _, (x, y) = keras_ae.datasets.load(_dataset(keras_ae, options))
    return x[:n], y[:n], [f"{i:05d}.png" for i in range(len(x[:n]))]


def _dataset(keras_ae, options):
    dataset = options.dataset or keras_ae.info(options.name).dataset
    if dataset is None:
        raise ValueError(
            "Expected --dataset or --images, since the preset does not say what it was trained on. Received: none"
        )
    return dataset


def _is_folder(out):
    """Whether --out names a folder: one without a suffix. Raises ValueError for a file that cannot be a picture."""
    if pathlib.Path(out).suffix:
        console.check_out(out)
        return False
    return True


def _rows(x, y):
    """Images above images: uint8 and float (n, ...) -> float (2 n, ...)."""
    return np.concatenate([x.astype("float32") / 255, y])
