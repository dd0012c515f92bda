"""The explorer as a folder for any web host: encoder and decoder as ONNX, run in the browser by onnxruntime-web. No server.

The files of onnxruntime-web, 14 MB, are no part of this package: `npm pack` fetches them once a folder is written, in one version whose
hash is known here.
"""

import base64
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

from keras_ae import exports
from keras_ae.explorer import scene
from keras_ae.utils import files

RUNTIME = "onnxruntime-web@1.30.0"
INTEGRITY = "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="  # as npm tells it
TAKEN = {  # of the npm package; named so that every host knows their types, which .mjs is not everywhere
    "package/dist/ort.wasm.bundle.min.mjs": "onnxruntime.js",
    "package/dist/ort-wasm-simd-threaded.wasm": "onnxruntime.wasm",
}
PAGE = ("index.html", "style.css", "canvases.js", "explorer.js")
WRITTEN = {*TAKEN.values(), *PAGE, "scene.json", "decoder.onnx", "encoder.onnx"}
WEB = pathlib.Path(__file__).parent / "web"


def write(name, folder):
    """Writes the explorer of one model as a folder of static files, whole or not at all.

    Args:
        name: a built-in model, a folder, or hf://user/repo.
        folder: str or path: a new or empty folder, or one that this function wrote, which is replaced.

    Returns:
        pathlib.Path, the folder.

    Raises:
        ValueError: the folder holds something else; the model is not of images; onnxruntime-web is not what it should be.
        ImportError: the packages for ONNX are missing.
        OSError: npm is missing or fails; the folder cannot be written.
    """
    folder = pathlib.Path(folder)
    if folder.exists() and not (
        folder.is_dir() and {path.name for path in folder.iterdir()} <= WRITTEN
    ):
        raise ValueError(
            f"Expected a new folder, or one that holds such a page. Received: {str(folder)!r}, which holds something else"
        )
    if shutil.which("npm") is None:
        raise FileNotFoundError(
            f"Expected the command npm, which comes with Node.js (https://nodejs.org), to fetch {RUNTIME}. Received: none on the PATH"
        )
    shown = scene.Scene(name)
    with files.writing(f"the page {folder}"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as work:
            new = pathlib.Path(work) / "new"
            new.mkdir()
            _add_runtime(new, pathlib.Path(work))
            for role in ("decoder", "encoder"):
                exports.export(shown.model, new / f"{role}.onnx", role)
            for file in PAGE:
                shutil.copyfile(WEB / file, new / file)
            (new / "scene.json").write_text(json.dumps(shown.as_dict()))
            if folder.exists():
                os.replace(folder, pathlib.Path(work) / "old")
            os.replace(new, folder)
    return folder


def _add_runtime(folder, work):
    """Puts the files of onnxruntime-web into the folder, if they are the right ones."""
    result = subprocess.run(
        ["npm", "pack", "--silent", RUNTIME, "--pack-destination", work],
        cwd=work,
        capture_output=True,
        text=True,
    )
    packages = list(work.glob("*.tgz"))
    if result.returncode or len(packages) != 1:
        reason = " ".join((result.stderr or result.stdout).split())[-300:]
        raise OSError(
            f"Expected npm to fetch {RUNTIME}; it needs a network once, or its cache. Received: {reason or 'no file'}"
        )
    received = (
        "sha512-" + base64.b64encode(hashlib.sha512(packages[0].read_bytes()).digest()).decode()
    )
    if received != INTEGRITY:
        raise ValueError(f"Expected {RUNTIME} with the integrity {INTEGRITY}. Received: {received}")
    with tarfile.open(packages[0]) as package:
        for member, file in TAKEN.items():
            with package.extractfile(member) as source, (folder / file).open("wb") as target:
                shutil.copyfileobj(source, target)
