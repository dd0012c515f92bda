"""Image files, PNG and JPEG, to arrays and back."""

import io
import pathlib

import numpy as np

from keras_ae.utils import files

SUFFIXES = (".png", ".jpg", ".jpeg")


def read(path, shape):
    """Reads an image, or all images of a folder in the order of their names.

    Each image is resized to the model's shape. It keeps its proportions: black bars fill the
    rest. Transparent pixels become black.

    Args:
        path: str or path of a .png or .jpg file, or of a folder of such files.
        shape: (height, width, 1 or 3), the shape of one example.

    Returns:
        uint8 array (n, *shape), and the list of the n file names.

    Raises:
        ValueError: `shape` is not the shape of an image; a file is no image; the folder holds
            no image.
        FileNotFoundError: there is no such file or folder.
    """
    if len(shape) != 3 or shape[-1] not in (1, 3):
        raise ValueError(
            "Expected a model of images (height, width, 1 or 3). "
            f"Received: a model of shape {tuple(shape)}"
        )
    path = pathlib.Path(path)
    if not path.exists():
        raise FileNotFoundError(
            f"Expected an image, or a folder of images. Received: {str(path)!r}, which is not there"
        )
    found = [path]
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
    if not found:
        raise ValueError(
            f"Expected a folder that holds .png or .jpg files. Received: {str(path)!r}"
        )
    images = np.stack([_read(file, shape, str(file)) for file in found])
    return images, [file.name for file in found]


def from_bytes(data, name, shape):
    """As `read`, for one image file in memory: bytes -> uint8 array `shape`.

    Errors call the file `name`.
    """
    return _read(io.BytesIO(data), shape, name)


def write(folder, names, x):
    """Writes images to files, each completely or not at all.

    Args:
        folder: str or path; created if needed.
        names: list of n file names that end in .png or .jpg.
        x: array (n, height, width, 1 or 3), floats in [0, 1] or uint8.

    Returns:
        list of the n paths.

    Raises:
        OSError: a file cannot be written.
    """
    from PIL import Image

    x = np.asarray(x)
    x = x if x.dtype == np.uint8 else np.round(255 * np.clip(x, 0, 1)).astype("uint8")
    paths = [pathlib.Path(folder, name) for name in names]
    for path, image in zip(paths, x, strict=True):
        with files.replacing(path, "the image") as part:
            Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(part)
    return paths


def _read(file, shape, name):
    from PIL import Image, ImageOps

    height, width, channels = shape
    # Pillow raises SyntaxError for a damaged PNG file.
    unreadable = (OSError, SyntaxError, Image.DecompressionBombError)
    try:
        with Image.open(file) as image:
            image.load()
            image = ImageOps.exif_transpose(image)  # upright, as the camera recorded it
    except unreadable as error:
        # For a file in memory, Pillow's message names the BytesIO object.
        reason = "no image that can be read" if isinstance(file, io.BytesIO) else error
        raise ValueError(
            f"Expected an image file, PNG or JPEG. Received: {name!r}: {reason}"
        ) from error
    if image.mode.startswith("I"):  # 16 bits
        image = Image.fromarray((np.asarray(image) // 256).astype("uint8"))
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
    image = image.convert("L" if channels == 1 else "RGB")
    image = ImageOps.pad(image, (width, height), Image.Resampling.LANCZOS, color=0)
    return np.asarray(image).reshape(shape)
