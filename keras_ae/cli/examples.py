"""What a command shows to a model: test examples of a data set, or the user's image files."""

import dataclasses
import io
import pathlib

import numpy as np

from keras_ae.cli import checks, console
from keras_ae.presets import cards
from keras_ae.presets.checks import json_files, reading
from keras_ae.utils import image_files


@dataclasses.dataclass(frozen=True)
class Examples:
    """Examples, ready for a model.

    Attributes:
        x: array (n, *shape).
        y: array (n,) of classes, or None for image files.
        names: a file name for each example.
        what: what they are, for the user.
    """

    x: np.ndarray
    y: np.ndarray | None
    names: list
    what: str


@dataclasses.dataclass(frozen=True)
class Source:
    """Where examples come from.

    Image files are read before TensorFlow is imported, so that mistakes show at once.

    Attributes:
        dataset: name of a data set, or None.
        n: how many examples at most, or None for all.
        files: Examples of image files, or None.
    """

    dataset: str | None
    n: int | None
    files: Examples | None

    def load(self, keras_ae):
        """The Examples."""
        if self.files is not None:
            return self.files
        _, (x, y) = keras_ae.datasets.load(self.dataset)
        x, y = x[: self.n], y[: self.n]
        names = [f"{i:05d}.png" for i in range(len(x))]
        return Examples(x, y, names, f"{console.count(len(x), 'test example')} of {self.dataset}")


def add_options(sub, how_many):
    """Adds --dataset, --images, --invert and --n to a command.

    Args:
        sub: the parser of the command.
        how_many: str, what the help says about --n.
    """
    sub.add_argument(
        "--dataset",
        help="take test examples of this data set (default: the one the model was trained on)",
    )
    sub.add_argument(
        "--images",
        type=pathlib.Path,
        help="take a .png or .jpg file, or a folder of them, instead of a data set",
    )
    sub.add_argument(
        "--invert", action="store_true", help="turn dark on light images into light on dark ones"
    )
    sub.add_argument("--n", type=int, help=f"how many examples {how_many}")


def source(options, card, n=None, least=1):
    """Checks the options of `add_options`, and reads the image files.

    Args:
        options: the parsed arguments.
        card: ModelCard of the model.
        n: how many examples of a data set to take if the options do not say it; None for all.
        least: how many there must be.

    Returns:
        Source.

    Raises:
        ValueError: an option does not fit; a file is no image; there are too few.
        FileNotFoundError: there are no such files.
    """
    checks.in_range(options.n, "--n", least)
    if options.images is None:
        if options.invert:
            raise ValueError("Expected --invert with --images. Received: --invert alone")
        return Source(data_set(options, card), n if options.n is None else options.n, None)
    if options.dataset is not None:
        raise ValueError("Expected --dataset or --images. Received: both")
    shape = card.shape or shape_of_config(card)
    x, names = image_files.read(options.images, shape)
    if options.invert:
        x = _inverted(options.images, names, shape)
    x, names = x[: options.n], names[: options.n]
    if len(x) < least:
        raise ValueError(f"Expected at least {least} images. Received: {len(x)}")
    if options.n is not None and len(x) < options.n:
        console.tell(f"note: {options.images} holds only {console.count(len(x), 'image')}")
    _tell_of_inverted(options, names, card)
    what = f"{console.count(len(x), 'image')} of {options.images}"
    return Source(None, None, Examples(x, None, names, what))


def data_set(options, card):
    """The name of the data set of --dataset, or else of the one that the model was trained on.

    Raises:
        ValueError: there is no such data set, or none is named.
    """
    checks.one_of(options.dataset, "--dataset", tuple(cards.DATA))
    found = options.dataset or card.dataset
    if found is None:
        other = " or --images" if hasattr(options, "images") else ""
        raise ValueError(
            f"Expected --dataset{other}, since the preset does not say what it was trained on. "
            f"Received: none"
        )
    return found


def shape_of_config(card):
    """The shape of one example, as the config of a preset says it; () if it does not."""
    path = card.folder / cards.CONFIG
    config = json_files.parse(reading.read(card.folder, cards.CONFIG), path).get("config")
    shape = config.get("shape") if isinstance(config, dict) else None
    return tuple(shape) if isinstance(shape, list) else ()


def _paths(path, names):
    return [path / name if path.is_dir() else path for name in names]


def _inverted(path, names, shape):
    """Image files with light and dark exchanged: uint8 (n, *shape). Bars at the sides are black."""
    from PIL import ImageOps

    found = []
    for file in _paths(path, names):
        buffer = io.BytesIO()
        # What is transparent lies on white paper, which becomes black.
        ImageOps.invert(_flat(file, "white")).save(buffer, "png")
        found.append(image_files.from_bytes(buffer.getvalue(), str(file), shape))
    return np.stack(found)


def _tell_of_inverted(options, names, card):
    """Tells the user if most images are dark on light and the model knows light on dark."""
    if "white on black" not in cards.DATA.get(card.dataset, ("",))[0]:
        return
    light = [_is_dark_on_light(file) for file in _paths(options.images, names)]
    wrong = sum(light) if not options.invert else len(light) - sum(light)
    if 2 * wrong <= len(light):
        return
    which = "it looks" if len(light) == 1 else f"{wrong} of {len(light)} images look"
    if options.invert:
        console.tell(f"note: {which} inverted now, dark on light; leave out --invert")
    else:
        console.tell(
            f"note: {which} inverted: dark on light, and {card.name} knows light on dark; "
            "use --invert"
        )


def _is_dark_on_light(file):
    """Whether an image has a light rim, or dark ink on a transparent ground."""
    on_black, on_white = (
        np.asarray(_flat(file, ground).convert("L")) for ground in ("black", "white")
    )
    return _has_light_rim(on_black) or (on_black.max() < 64 and _has_light_rim(on_white))


def _has_light_rim(grey):
    rim = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    return float(np.median(rim)) > 127


def _flat(file, ground):
    """An image file as an RGB image, upright, on a ground of one colour."""
    from PIL import Image, ImageOps

    with Image.open(file) as image:
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):  # 16 bits
            image = Image.fromarray((np.asarray(image) // 256).astype("uint8"))
        image = image.convert("RGBA")
    whole = Image.new("RGBA", image.size, ground)
    return Image.alpha_composite(whole, image).convert("RGB")
