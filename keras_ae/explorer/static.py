"""The explorer as a folder for any web host. Encoder and decoder are ONNX files.

onnxruntime-web runs them in the visitor's browser; there is no server. Its files, 14 MB, are not
part of this package: `npm pack` fetches one version, whose hash is known here.
"""

import html
import json
import os
import pathlib
import shutil
import tarfile
import tempfile

from keras_ae import exports, presets
from keras_ae.explorer import scene
from keras_ae.plots import drawing
from keras_ae.utils import files, npm

RUNTIME = "onnxruntime-web@1.30.0"
INTEGRITY = (  # as npm tells it
    "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
)
TAKEN = {  # files of the npm package, with new names: not every host knows the type of .mjs
    "package/dist/ort.wasm.bundle.min.mjs": "onnxruntime.js",
    "package/dist/ort-wasm-simd-threaded.wasm": "onnxruntime.wasm",
}
COPIED = ("style.css", "canvases.js", "explorer.js")
WRITTEN = {
    *TAKEN.values(),
    *COPIED,
    "index.html",
    "scene.json",
    "decoder.onnx",
    "encoder.onnx",
}
WEB = pathlib.Path(__file__).parent / "web"


def write(name, folder):
    """Writes the explorer of one model as a folder of static files, whole or not at all.

    Args:
        name: a built-in model, a folder, or hf://user/repo.
        folder: str or path: a new or empty folder, or one that this function wrote before, which
            is replaced.

    Returns:
        pathlib.Path, the folder.

    Raises:
        ValueError: the folder holds something else; the model is not of images; the hash of
            onnxruntime-web is another.
        ImportError: the packages for ONNX are missing.
        OSError: npm is missing or fails; the folder cannot be written.
    """
    folder = pathlib.Path(folder)
    _check(name, folder)
    shown = scene.Scene(name)
    with files.writing(f"the page {folder}"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as work:
            new = pathlib.Path(work) / "new"
            new.mkdir()
            _add_runtime(new, pathlib.Path(work))
            _add_page(new, shown)
            if folder.exists():
                os.replace(folder, pathlib.Path(work) / "old")
            os.replace(new, folder)
    return folder


def _check(name, folder):
    """Raises an error if the page cannot be written, before anything takes time."""
    ours = folder.is_dir() and {path.name for path in folder.iterdir()} <= WRITTEN
    if folder.exists() and not ours:
        raise ValueError(
            "Expected a new folder, or one that holds such a page. "
            f"Received: {str(folder)!r}, which holds something else"
        )
    shape = tuple(presets.info(name).metadata["model"].get("shape") or ())
    if not drawing.are_images(shape):
        raise ValueError(
            "Expected a model of images (height, width, 1 or 3) for a page without a server. "
            f"Received: {name!r}, of shape {shape}"
        )
    npm.check(RUNTIME)


def _add_page(folder, shown):
    """Puts the page, the two networks and the scene into the folder."""
    for role in ("decoder", "encoder"):
        exports.export(shown.model, folder / f"{role}.onnx", role)
    for file in COPIED:
        shutil.copyfile(WEB / file, folder / file)
    page = (WEB / "index.html").read_text()
    named = page.replace("loading the model", f"loading {html.escape(shown.card.name)}")
    (folder / "index.html").write_text(named)
    (folder / "scene.json").write_text(json.dumps(shown.as_dict()))


def _add_runtime(folder, work):
    """Puts the files of onnxruntime-web into the folder, if they are the right ones."""
    fetched = npm.fetch(RUNTIME, INTEGRITY, work)
    with tarfile.open(fetched) as package:
        for member, file in TAKEN.items():
            with package.extractfile(member) as source, (folder / file).open("wb") as target:
                shutil.copyfileobj(source, target)
