"""The commands that train: keras-ae train | cluster."""

import argparse
import contextlib
import os
import pathlib
import runpy
import signal
import sys

from keras_ae.cli import console


def add_commands(command):
    """Adds the commands to the parser. command(name, run, text, example) -> the parser of one."""
    sub = command(
        "train",
        _train,
        "Train a model from nothing by its recipe. Run it again after an interruption: it goes on.",
        "vae_mnist",
    )
    sub.add_argument("name", help="a built-in model, or a recipe of your own: path/to/recipe.py")
    sub.add_argument(
        "--out",
        type=pathlib.Path,
        help="the folder of the preset (default: the model's name, in this folder)",
    )
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
    sub.add_argument(
        "--restarts",
        type=int,
        default=0,
        help="how often to start again when a worker fails (default: %(default)s)",
    )
    sub.add_argument(
        "--pin", action="store_true", help="give each worker a processor core for itself"
    )
    sub.add_argument(
        "-m", dest="module", help="a module to run instead of a script, as in python -m"
    )
    sub.add_argument(
        "program",
        nargs=argparse.REMAINDER,
        help="script.py and its arguments; with -m, the module's arguments alone",
    )


def _train(options):
    recipe = pathlib.Path(options.name)
    if recipe.suffix != ".py":
        from keras_ae import presets

        recipe = presets.recipe(options.name)
    if not recipe.is_file():
        raise FileNotFoundError(
            f"Expected the name of a model, or a recipe. Received: {options.name!r}, which is no file"
        )
    out = pathlib.Path(
        options.out or (recipe.parent.name if recipe.name == "recipe.py" else recipe.stem)
    )
    keras_ae = console.quiet_import()
    strategy = keras_ae.distribute.strategy(options.strategy)
    sys.argv = [str(recipe), str(out)]
    with contextlib.ExitStack() as stack:
        stack.enter_context(strategy.scope())
        if not keras_ae.distribute.is_chief():
            stack.enter_context(
                contextlib.redirect_stdout(stack.enter_context(open(os.devnull, "w")))
            )
        runpy.run_path(str(recipe), run_name="__main__")
        print(f"saved {out}")


def _cluster(options):
    from keras_ae.cli import local_cluster

    signal.signal(
        signal.SIGTERM, lambda number, frame: sys.exit(128 + number)
    )  # so that the workers are stopped as well
    module = ["-m", options.module] if options.module else []
    return local_cluster.run(
        module + options.program, options.workers, options.restarts, options.pin
    )
