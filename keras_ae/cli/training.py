"""The commands that train: keras-ae train | cluster."""

import argparse
import contextlib
import os
import pathlib
import re
import runpy
import signal
import sys

from keras_ae.cli import console

STRATEGIES = "auto, cpu, mirrored, multiworker, or a device such as GPU:1"
DEVICE = re.compile(r"(/device:)?[a-z_]+:\d+", re.IGNORECASE)


def add_commands(command):
    """Adds the commands to the parser. command(name, run, text, example) -> the parser of one."""
    text = (
        "Train a model from scratch by its recipe. "
        "After an interruption, run it again: it continues where it was."
    )
    sub = command("train", _train, text, "vae_mnist")
    sub.add_argument("name", help="a built-in model, or a recipe of your own: path/to/recipe.py")
    sub.add_argument(
        "--out",
        type=pathlib.Path,
        help="the folder of the preset (default: the model's name, in this folder)",
    )
    sub.add_argument(
        "--strategy",
        default="auto",
        help=f"{STRATEGIES} (default: multiworker if TF_CONFIG names several workers, "
        "mirrored if there are several GPUs, else one device)",
    )
    text = "Run a Python program on several workers on this machine, as on several machines."
    example = "--workers 2 -m keras_ae.cli train vae_mnist"
    sub = command("cluster", _cluster, text, example)
    sub.add_argument("--workers", type=int, default=2, help="how many (default: %(default)s)")
    sub.add_argument(
        "--restarts",
        type=int,
        default=0,
        help="how often to start again after a worker fails (default: %(default)s)",
    )
    sub.add_argument(
        "--cores",
        type=int,
        help="processor cores and threads of each worker; an equal part of all by default",
    )
    sub.add_argument("-m", dest="module", help="run a module instead of a script, as in python -m")
    sub.add_argument(
        "program",
        nargs=argparse.REMAINDER,
        help="script.py and its arguments; with -m only the arguments of the module",
    )


def _train(options):
    recipe = _recipe(options.name)
    name = recipe.parent.name if recipe.name == "recipe.py" else recipe.stem
    out = pathlib.Path(options.out or name)
    _check_target(out)
    _check_strategy(options.strategy)
    keras_ae = console.quiet_import(f"training by {recipe}")
    strategy = keras_ae.distribute.strategy(options.strategy)
    sys.argv = [str(recipe), str(out)]
    with contextlib.ExitStack() as stack:
        stack.enter_context(strategy.scope())
        if not keras_ae.distribute.is_chief():
            null = stack.enter_context(open(os.devnull, "w"))
            stack.enter_context(contextlib.redirect_stdout(null))
        runpy.run_path(str(recipe), run_name="__main__")
        print(f"saved {out}: a preset, trained by {recipe}")


def _recipe(name):
    """The path of a recipe: one of your own, or that of a built-in model."""
    recipe = pathlib.Path(name)
    if recipe.suffix != ".py":
        from keras_ae import presets

        recipe = presets.recipe(name)
    if not recipe.is_file():
        raise FileNotFoundError(
            f"Expected the name of a model, or a recipe. Received: {name!r}, which is no file"
        )
    return recipe


def _check_target(out):
    """Raises ValueError if the preset cannot be saved in the end."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"Expected --out to be a folder. Received: {str(out)!r}, a file")
    known = ("metadata.json", "recipe.py")
    if out.is_dir() and any(out.iterdir()) and not any((out / file).exists() for file in known):
        raise ValueError(
            "Expected --out to be a new or empty folder, or one that holds a preset. "
            f"Received: {str(out)!r}, which holds other files"
        )


def _check_strategy(name):
    names = ("auto", "cpu", "mirrored", "multiworker")
    if name not in names and not DEVICE.fullmatch(name):
        raise ValueError(f"Expected --strategy to be {STRATEGIES}. Received: {name!r}")


def _cluster(options):
    from keras_ae.cli import local_cluster

    # Then the workers are stopped as well.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    script = options.program[0] if options.program and not options.module else "-"
    if not script.startswith("-") and not pathlib.Path(script).is_file():
        raise FileNotFoundError(
            f"Expected a Python program. Received: {script!r}, which is no file"
        )
    module = ["-m", options.module] if options.module else []
    command = module + options.program
    code = local_cluster.run(command, options.workers, options.restarts, options.cores)
    if code == 0:
        console.tell(f"all {options.workers} workers ended without an error")
    else:
        console.tell(f"keras-ae: a worker failed with exit code {code}")
    return code
