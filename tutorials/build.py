"""Makes the notebooks: runs each NN_name.py and writes NN_name.ipynb with its output.

python tutorials/build.py        # all of them
python tutorials/build.py 02 05  # those whose names begin so
python tutorials/build.py --text 02  # writes changed text into the notebook, and runs nothing
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
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}
NOISE = ("INFO:tensorflow", "WARNING:tensorflow", "\x1b[")


def execute(path):
    """The executed notebook of a tutorial.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell fails.
    """
    notebook = jupytext.read(path)
    notebook.metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
    }
    # An empty folder, since a tutorial may write files; with the way to drawings.py.
    paths = [str(FOLDER), *filter(None, [os.environ.get("PYTHONPATH")])]
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        client = nbclient.NotebookClient(
            notebook, timeout=3600, kernel_name="python3", record_timing=False, resources=resources
        )
        client.execute(env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)})
    for i, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{i}", {}  # a random id would differ at each run
        if cell.cell_type == "code":
            cell.outputs = tidied(cell.outputs)
    return notebook


def with_new_text(path):
    """The notebook of a tutorial as it is, with the text of its source.

    Raises:
        ValueError: the code of the source is not that of the notebook.
    """
    source = jupytext.read(path).cells
    notebook = nbformat.read(path.with_suffix(".ipynb"), as_version=4)
    theirs, ours = (
        [cell.source if cell.cell_type == "code" else None for cell in cells]
        for cells in (source, notebook.cells)
    )
    if theirs != ours:
        raise ValueError(
            f"Expected {path.name} with the code of its notebook; run `build.py` without --text. "
            "Received: other code"
        )
    for cell, new in zip(notebook.cells, source, strict=True):
        cell.source = new.source
    return notebook


def tidied(outputs):
    """Outputs without progress bars and messages of TensorFlow, and with smaller pictures."""
    for output in outputs:
        if "text" in output:
            lines = output.text.splitlines(True)
            kept = [line for line in lines if not line.lstrip("\r\b").startswith(NOISE)]
            output.text = "".join(kept)
        if "image/png" in output.get("data", {}):
            output["data"]["image/png"] = smaller(output["data"]["image/png"])
    return [
        output
        for output in outputs
        if output.get("name") != "stderr" and output.get("text", "-").strip("\b\r\n ")
    ]


def smaller(png):
    """A PNG picture in 256 colours, which look the same and take half the bytes. Both in base64."""
    picture, buffer = Image.open(io.BytesIO(base64.b64decode(png))), io.BytesIO()
    few = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few.save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


if __name__ == "__main__":
    os.environ.update(QUIET)
    names = [argument for argument in sys.argv[1:] if argument != "--text"]
    make = with_new_text if "--text" in sys.argv else execute
    for path in sorted(FOLDER.glob("[0-9][0-9]_*.py")):
        if not names or path.stem.startswith(tuple(names)):
            start = time.perf_counter()
            nbformat.write(make(path), path.with_suffix(".ipynb"))
            print(f"{path.stem}: {time.perf_counter() - start:.0f} s", flush=True)
