"""Makes the notebooks: executes each NN_name.py from top to bottom and writes NN_name.ipynb with its output.

    python tutorials/build.py                    # all of them
    python tutorials/build.py 02 05_variational  # those whose names begin so

Needs jupytext, nbclient and ipykernel.
"""

import os
import pathlib
import sys
import tempfile
import time

import jupytext
import nbclient
import nbformat

FOLDER = pathlib.Path(__file__).resolve().parent
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}


def tutorials():
    """The paths of the tutorials, in order."""
    return sorted(FOLDER.glob("[0-9][0-9]_*.py"))


def execute(path):
    """The executed notebook of a tutorial. Raises nbclient.exceptions.CellExecutionError where a cell fails."""
    notebook = jupytext.read(path)
    notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    # In an empty folder, since a tutorial may write files.
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        nbclient.NotebookClient(notebook, timeout=3600, kernel_name="python3", record_timing=False, resources=resources).execute()
    for i, cell in enumerate(notebook.cells):
        cell.id = f"cell-{i}"  # a random one would differ at each run
        if cell.cell_type == "code":
            cell.metadata = {}
            cell.outputs = [output for output in cell.outputs if not is_noise(output)]
    return notebook


def is_noise(output):
    """Whether an output is a message of TensorFlow or a progress bar of Keras."""
    return output.get("name") == "stderr" or ("\x1b[" in output.get("text", "") and "/step" in output["text"])


if __name__ == "__main__":
    os.environ.update(QUIET)
    for path in tutorials():
        if len(sys.argv) == 1 or path.stem.startswith(tuple(sys.argv[1:])):
            start = time.perf_counter()
            nbformat.write(execute(path), path.with_suffix(".ipynb"))
            size = path.with_suffix(".ipynb").stat().st_size
            print(f"{path.stem}: {time.perf_counter() - start:.0f} s, {size / 1e6:.2f} MB", flush=True)
