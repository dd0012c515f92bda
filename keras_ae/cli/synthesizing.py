"""The command that draws more rows of a table in a CSV file: keras-ae synthesize."""

import pathlib

from keras_ae.cli import checks, console, csv_files
from keras_ae.utils import files


def add_commands(command):
    """Adds the command to the parser. command(name, run, text, example) -> the parser of one."""
    text = "Learn a table, and draw new rows with the same columns."
    sub = command("synthesize", _synthesize, text, "patients.csv --rows 1000 --out drawn.csv")
    sub.add_argument("table", type=pathlib.Path, help="a CSV file with a line of column names")
    sub.add_argument("--out", required=True, help="the CSV file to write")
    sub.add_argument("--rows", type=int, help="how many (default: as many as the table has)")
    csv_files.add_learning(sub)


def _synthesize(options):
    out = console.check_out(options.out, (".csv",))
    checks.in_range(options.rows, "--rows", 1, 10_000_000)
    checks.in_range(options.seed, "--seed", 0, 2**31 - 1)
    csv_files.check_model(options, "table.json")
    _, rows = csv_files.read(options.table)  # a clear error, before anything is learned
    checks.packages(["pandas"], "read a table of any columns", "tables")
    keras_ae = console.quiet_import(f"learning {options.table} and drawing rows")
    if options.model is None:
        model = _fitted(keras_ae, options)
    else:
        model = keras_ae.TableModel.from_preset(options.model)
    drawn = model.sample(options.rows or len(rows), seed=options.seed)
    with files.replacing(out, "the table") as part:
        drawn.to_csv(part, index=False)
    if options.save is not None:
        model.save_to_preset(options.save)
    console.saved([out], console.count(len(drawn), "new row"))


def _fitted(keras_ae, options):
    """A TableModel of the table. Empty cells are missing, and drawn rows have none."""
    import pandas

    table = pandas.read_csv(options.table, skipinitialspace=True)
    missing = bool(table.isna().any(axis=None))
    return keras_ae.TableModel(missing=missing).fit(table, seed=options.seed)
