"""What a weights file may hold, and how large a model may be."""

import collections
import contextlib
import hashlib
import io
import math
import os

from keras_ae.presets.checks import configs, reading

MAX_SIZE = 2**30  # bytes
MAX_COUNT = MAX_SIZE // 4  # float32 weights
# Variables of a model that its file does not hold: sums of metrics, states of generators.
SPARE = 2**16


class InMemory(io.BytesIO):
    """The content of a weights file, in memory. Keras reads the format from the end of its str."""

    def __str__(self):
        return "model.weights.h5"


def count(content, path):
    """The number of values in a weights file, if it holds only plain arrays.

    Plain arrays are finite, lie in groups, and are stored once, in this file. HDF5 also allows
    links to other files, arrays in other files, and arrays that are larger than the file.

    Args:
        content: bytes.
        path: the file's name in messages.

    Returns:
        int.

    Raises:
        ValueError: the content is not an HDF5 file, or holds something else.
    """
    import h5py

    try:
        with h5py.File(io.BytesIO(content)) as file:
            arrays = _plain_arrays(file, set())
            size = sum(array.nbytes for array in arrays)
            if size > len(content):
                raise ValueError(f"arrays of {size:,} bytes in a file of {len(content):,}")
            for array in arrays:
                _check_finite(array)
            return sum(array.size for array in arrays)
    except Exception as error:  # h5py raises many types for a damaged file
        raise reading.DamagedPresetError(
            path, f"no plain weights: {reading.short(error)}"
        ) from error


def shorten(path):
    """Stores the arrays of a weights file as float16 if float16 holds them exactly.

    So the values that are read do not change.
    """
    import h5py
    import numpy as np

    def copy(name, item):
        if isinstance(item, h5py.Group):
            target.require_group(name).attrs.update(item.attrs)
            return
        values = item[()]
        with np.errstate(over="ignore"):
            short = values.astype("float16") if values.dtype == "float32" else values
        target[name] = short if np.array_equal(short, values) else values

    short_path = path.with_suffix(".short")
    with h5py.File(path) as source, h5py.File(short_path, "w") as target:
        source.visititems(copy)
    os.replace(short_path, path)


def check_loaded(model, content, path):
    """Raises ValueError unless the weights of a model are exactly the arrays of a file.

    If Keras does not find a weight in the file, it keeps the old value, in some cases with only a
    warning.
    """
    import h5py
    import numpy as np

    def fingerprints(arrays):
        contents = ((array.shape, np.asarray(array, "float32").tobytes()) for array in arrays)
        return collections.Counter((shape, hashlib.sha1(data).digest()) for shape, data in contents)

    with h5py.File(io.BytesIO(content)) as file:
        kept = fingerprints(array[()] for array in _plain_arrays(file, set()))
    if fingerprints(model.get_weights()) != kept:
        raise ValueError(f"weights in {path} that the model does not have, or missing ones")


@contextlib.contextmanager
def budget(values):
    """Limits the variables that are made inside: together they have at most `values` values.

    A variable that is too many raises ValueError before its memory is allocated.

    Args:
        values: int.
    """
    import tensorflow as tf

    left = values

    def count(create, **options):
        nonlocal left
        left -= math.prod(_shape(options.get("initial_value")))
        if left < 0:
            raise ValueError(
                f"Expected a model of at most {values:,} weights, because its file holds no more. "
                "Received: a larger one"
            )
        return create(**options)

    with tf.variable_creator_scope(count):
        yield


def check_outputs(model, source):
    """Raises ValueError if a layer has an absurdly large output.

    The memory for an output is allocated only when the model is used.
    """
    from keras_ae.training import keras_internals

    for layer, output in keras_internals.outputs_of_layers(model):
        if math.prod(n or 1 for n in output.shape) > configs.MAX_EXAMPLE:
            raise ValueError(
                f"Expected layers of at most {configs.MAX_EXAMPLE:,} values in {source}. "
                f"Received: {layer.name}, {output.shape}"
            )


# Inside


def _shape(initial_value):
    """The shape of a variable that will be made, without computing its initial value."""
    import keras
    import tensorflow as tf

    if not callable(initial_value):
        return getattr(initial_value, "shape", ())
    # Keras 3 passes a function that refers to its variable.
    for cell in getattr(initial_value, "__closure__", None) or ():
        if isinstance(cell.cell_contents, keras.Variable):
            return cell.cell_contents.shape
    # A graph computes nothing, either. It takes some milliseconds.
    with tf.Graph().as_default():
        return initial_value().shape


def _plain_arrays(group, seen, depth=0):
    """The arrays in a group, at any depth: a list. Raises ValueError for anything else in it."""
    import h5py

    arrays = []
    if depth > configs.MAX_DEPTH:
        raise ValueError("groups too deep")
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"the link {name!r}")
        item = group[name]
        address = h5py.h5o.get_info(item.id).addr
        if address in seen or len(seen) > configs.MAX_OBJECTS:
            raise ValueError(f"{name!r} twice" if address in seen else "too many arrays")
        seen.add(address)
        if isinstance(item, h5py.Group):
            arrays += _plain_arrays(item, seen, depth + 1)
            continue
        if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "fiub":
            raise ValueError(f"{name!r} of type {getattr(item, 'dtype', type(item).__name__)}")
        special = item.chunks or item.external or item.is_virtual or item.compression
        if special or item.id.get_storage_size() != item.nbytes:
            raise ValueError(f"{name!r}, which is not stored plainly")
        arrays.append(item)
    return arrays


def _check_finite(array):
    import numpy as np

    if array.dtype.kind == "f" and not np.isfinite(array[()]).all():
        raise ValueError(f"values that are not finite in {array.name}")
