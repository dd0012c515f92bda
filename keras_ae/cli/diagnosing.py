"""The command that says what is wrong with a model: keras-ae diagnose."""

import json
import pathlib

from keras_ae.cli import arrays, checks, console, examples


def add_commands(command):
    """Adds the command to the parser. command(name, run, text, example) -> the parser of one."""
    text = "Say what is wrong with a model: what was measured, what it means, what to try."
    sub = command("diagnose", _diagnose, text, "my_model --data training.csv")
    sub.add_argument("name", help=console.NAME)
    sub.add_argument(
        "--dataset",
        help="look at this data set (default: the one the model was trained on)",
    )
    sub.add_argument(
        "--data", type=pathlib.Path, help="look at your training examples, in a .csv or .npz file"
    )
    sub.add_argument(
        "--validation",
        type=pathlib.Path,
        help="a file with other examples, which show whether the model learned by heart",
    )
    sub.add_argument("--json", action="store_true", help="print JSON")


def _diagnose(options):
    # The exit code is 0 with findings, too: they are an answer, and some are matters of taste.
    card = checks.card(options.name)
    if options.data is None:
        if options.validation is not None:
            raise ValueError("Expected --validation with --data. Received: --validation alone")
        name = examples.data_set(options, card)
    elif options.dataset is not None:
        raise ValueError("Expected --dataset or --data. Received: both")
    shape = card.shape or examples.shape_of_config(card) or console.load(options.name)[1].shape
    files = [
        None if path is None else arrays.read(path, shape, option)
        for path, option in ((options.data, "--data"), (options.validation, "--validation"))
    ]
    keras_ae, model = console.load(options.name)
    history = (card.metadata.get("training") or {}).get("curve")
    if options.data is None:
        (x, _), (validation, _) = keras_ae.datasets.load(name)
        what = f"{console.count(len(x), 'training example')} of {name}"
    else:
        (x, validation), what = (
            files,
            f"{console.count(len(files[0]), 'example')} of {options.data}",
        )
    found = keras_ae.diagnose(model, x, validation, history)
    if options.json:
        print(json.dumps({"model": options.name, "examples": len(x), **found.to_dict()}))
        return
    print(found)
    print(f"looked at {card.name} on {what}")
