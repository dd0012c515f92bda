"""The command line: keras-ae list | info | train | verify | card | cluster, and those of cli_models.py."""

import argparse
import contextlib
import json
import os
import pathlib
import runpy
import signal
import sys

from keras_ae import cli_models, console


def main(arguments=None):
    """Runs one command. Returns the exit code: 0, 1 where `verify` finds a difference, 2 for a user's mistake."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except (ValueError, OSError, ImportError) as error:
        print(f"keras-ae: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("keras-ae: interrupted", file=sys.stderr)
        return 130


def _list(options):
    from keras_ae import cards, presets

    found = [presets.info(name) for name in presets.list_models(options.filter, options.family, options.dataset)]
    if options.json:
        print(json.dumps({card.name: card.metadata for card in found}))
        return
    rows = [("name", "class", "data", "parameters", "weights", "main metric")]
    for card in found:
        metric = f"{card.metrics[0]['name']} {cards.measured(card.metrics[0])}" if card.metrics else ""
        rows.append((card.name, card.family, card.dataset or "", f"{card.parameters:,}", f"{card.size / 1e6:.1f} MB", metric))
    if options.markdown:
        rows = [rows[0], ("---",) * len(rows[0]), *rows[1:]]
        print("\n".join(f"| {' | '.join(row)} |" for row in rows))
        return
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _info(options):
    from keras_ae import presets

    card = presets.info(options.name)
    print(json.dumps(card.metadata) if options.json else card)


def _train(options):
    recipe = pathlib.Path(options.name)
    if recipe.suffix != ".py":
        from keras_ae import presets

        recipe = presets.recipe(options.name)
    if not recipe.is_file():
        raise FileNotFoundError(f"Expected the name of a model, or a recipe. Received: {options.name!r}, which is no file")
    out = pathlib.Path(options.out or (recipe.parent.name if recipe.name == "recipe.py" else recipe.stem))
    keras_ae = console.quiet_import()
    strategy = keras_ae.distribute.strategy(options.strategy)
    sys.argv = [str(recipe), str(out)]
    with contextlib.ExitStack() as stack:
        stack.enter_context(strategy.scope())
        if not keras_ae.distribute.is_chief():
            stack.enter_context(contextlib.redirect_stdout(stack.enter_context(open(os.devnull, "w"))))
        runpy.run_path(str(recipe), run_name="__main__")
        print(f"saved {out}")


def _cluster(options):
    from keras_ae import cluster

    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that the workers are stopped as well
    module = ["-m", options.module] if options.module else []
    return cluster.run(module + options.program, options.workers, options.restarts, options.pin)


def _verify(options):
    keras_ae = console.quiet_import()
    overrides = {"n_images": options.images, "n_samples": options.samples}
    overrides = {key: value for key, value in overrides.items() if value is not None}
    passed = True
    for name in options.names or keras_ae.list_models():
        for result in keras_ae.verify(name, quick=options.quick, **overrides):
            passed &= result["passed"]
            print(
                f"{name} {result['name']}: card {result['card']:.6g}, measured {result['measured']:.6g}, "
                f"tolerance {result['tolerance']:.3g}: {'pass' if result['passed'] else 'FAIL'}",
                flush=True,
            )
    return 0 if passed else 1


def _card(options):
    from keras_ae import presets

    presets.write_cards(*options.names)


def _parser():
    parser = argparse.ArgumentParser(prog="keras-ae", description="Autoencoders and pretrained weights for Keras 3.")
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name, run, text, example):
        sub = commands.add_parser(name, help=text, description=text, epilog=f"example: keras-ae {name} {example}")
        sub.set_defaults(run=run)
        return sub

    sub = command("list", _list, "List the built-in models.", '--family VAE "*mnist"')
    sub.add_argument("filter", nargs="?", default="", help='a pattern, as "vae*"')
    sub.add_argument("--family", help="a class, as VAE")
    sub.add_argument("--dataset", help="a data set, as mnist")
    sub.add_argument("--json", action="store_true", help="print JSON")
    sub.add_argument("--markdown", action="store_true", help="print a Markdown table")
    sub = command("info", _info, "Show the card of a model.", "vae_mnist")
    sub.add_argument("name", help="a built-in model or a folder")
    sub.add_argument("--json", action="store_true", help="print JSON")
    cli_models.add_commands(command)
    sub = command(
        "train", _train, "Train a model from nothing by its recipe. Run it again after an interruption: it goes on.", "vae_mnist"
    )
    sub.add_argument("name", help="a built-in model, or a recipe of your own: path/to/recipe.py")
    sub.add_argument("--out", type=pathlib.Path, help="the folder of the preset (default: the model's name, in this folder)")
    sub.add_argument(
        "--strategy",
        default="auto",
        help="auto, cpu, mirrored, multiworker, or a device, as GPU:1 (default: multiworker if TF_CONFIG names several workers, "
        "mirrored if there are several GPUs, else one device)",
    )
    sub = command(
        "cluster",
        _cluster,
        "Run a Python program on several workers on this machine, to try out what will run on several machines.",
        "--workers 2 -m keras_ae.cli train vae_mnist",
    )
    sub.add_argument("--workers", type=int, default=2, help="how many (default: %(default)s)")
    sub.add_argument("--restarts", type=int, default=0, help="how often to start again when a worker fails (default: %(default)s)")
    sub.add_argument("--pin", action="store_true", help="give each worker a processor core for itself")
    sub.add_argument("-m", dest="module", help="a module to run instead of a script, as in python -m")
    sub.add_argument("program", nargs=argparse.REMAINDER, help="script.py and its arguments; with -m, the module's arguments alone")
    sub = command("verify", _verify, "Measure the metrics on the cards again and compare.", "vae_mnist --images 500")
    sub.add_argument("names", nargs="*", help="built-in models or folders (default: all built-in ones)")
    sub.add_argument("--images", type=int, help="only the first so many test images (default: as on the card)")
    sub.add_argument("--samples", type=int, help="importance samples (default: as on the card)")
    sub.add_argument("--all", action="store_true", help="all built-in models, as when none is named")
    sub.add_argument("--quick", action="store_true", help="the card's quick values: 500 images, 50 importance samples, in seconds")
    sub = command(
        "card",
        _card,
        "Write model cards again from their metadata; without names, those of all built-in models and the gallery.",
        "",
    )
    sub.add_argument("names", nargs="*", help="built-in models or folders")
    return parser


if __name__ == "__main__":
    sys.exit(main())
