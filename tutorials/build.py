"""Makes the notebooks: executes each NN_name.py from top to bottom and writes NN_name.ipynb with its output.

python tutorials/build.py        # all of them
python tutorials/build.py 02 05  # those whose names begin so
"""

import base64
import io
import os
import pathlib
import sys
import tempfile
import time

import jupytext
import nbclient
import nbformat
from PIL import Image

FOLDER = pathlib.Path(__file__).resolve().parent
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}


def execute(path):
    """The executed notebook of a tutorial. Raises nbclient.exceptions.CellExecutionError where a cell fails."""
    notebook = jupytext.read(path)
    notebook.metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
    }
    with tempfile.TemporaryDirectory() as folder:  # an empty one, since a tutorial may write files
        options = dict(
            timeout=3600,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": folder}},
        )
        nbclient.NotebookClient(notebook, **options).execute()
    for i, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{i}", {}  # a random id would differ at each run
        if cell.cell_type == "code":
            cell.outputs = tidied(cell.outputs)
    return notebook


def tidied(outputs):
    """Outputs without Keras' progress bars and TensorFlow's messages, pictures in 256 colours: half the size, and they look the same."""
    for output in outputs:
        if "text" in output:
            lines, noise = (
                output.text.splitlines(True),
                ("INFO:tensorflow", "WARNING:tensorflow", "\x1b["),
            )
            output.text = "".join(
                line for line in lines if not line.lstrip("\r\b").startswith(noise)
            )
        if "image/png" in output.get("data", {}):
            picture, smaller = (
                Image.open(io.BytesIO(base64.b64decode(output["data"]["image/png"]))),
                io.BytesIO(),
            )
            picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
                smaller, "PNG", optimize=True
            )
            output["data"]["image/png"] = base64.b64encode(smaller.getvalue()).decode()
    return [
        output
        for output in outputs
        if output.get("name") != "stderr" and output.get("text", "-").strip("\b\r\n ")
    ]


if __name__ == "__main__":
    os.environ.update(QUIET)
    for path in sorted(FOLDER.glob("[0-9][0-9]_*.py")):
        if len(sys.argv) == 1 or path.stem.startswith(tuple(sys.argv[1:])):
            start = time.perf_counter()
            nbformat.write(execute(path), path.with_suffix(".ipynb"))
            print(f"{path.stem}: {time.perf_counter() - start:.0f} s", flush=True)
