"""What the weights file of a preset may hold, and how large a model it may make."""

import collections
import contextlib
import hashlib
import io
import math
import os

from keras_ae.presets.checks import configs, reading

MAX_SIZE = 2**30  # bytes
MAX_COUNT = MAX_SIZE // 4  # float32 weights
SPARE = 2**16  # weights of a model that are in no file: sums of metrics, states of generators


class InMemory(io.BytesIO):
    """The content of a weights file, in memory. Keras tells the format by the end of the name."""

    def __str__(self):
        return "model.weights.h5"


def count(content, path):
    """The number of values in a weights file: plain, finite arrays in groups, each stored in this file once, and nothing else.

    HDF5 files may also hold links to other files, arrays that are kept in others, and ones that are larger than the file.

    Args:
        content: bytes.
        path: for messages.

    Raises:
        ValueError: it is no HDF5 file, or holds something else.
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
    except Exception as error:  # h5py has exceptions of many types for a damaged file
        raise reading.DamagedPresetError(
            path, f"no plain weights: {reading.short(error)}"
        ) from error


def shorten(path):
    """Stores the weights of a file that float16 holds exactly as float16. They are read back as they were."""
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
    """Raises ValueError unless the weights of a model are the arrays of a file, all of them and no others.

    Keras leaves a weight that it does not find as it was, in some cases with no more than a warning.
    """
    import h5py
    import numpy as np

    def fingerprints(arrays):
        return collections.Counter(
            (array.shape, hashlib.sha1(np.asarray(array, "float32").tobytes()).digest())
            for array in arrays
        )

    with h5py.File(io.BytesIO(content)) as file:
        kept = fingerprints(array[()] for array in _plain_arrays(file, set()))
    if fingerprints(model.get_weights()) != kept:
        raise ValueError(
            f"weights in {path} that are not those of the model, or some that are missing"
        )


@contextlib.contextmanager
def budget(values):
    """Lets variables of so many values be made inside, and raises ValueError before the first one that is too many is allocated.

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
                f"Expected a model of at most {values:,} weights, as its file holds no more. Received: a larger one"
            )
        return create(**options)

    with tf.variable_creator_scope(count):
        yield


def check_outputs(model, source):
    """Raises ValueError if a layer of a network gives absurdly many values, which would only be allocated when it is used."""
    from keras_ae.training import keras_internals

    for layer, output in keras_internals.outputs_of_layers(model):
        if math.prod(n or 1 for n in output.shape) > configs.MAX_EXAMPLE:
            raise ValueError(
                f"Expected layers of at most {configs.MAX_EXAMPLE:,} values in {source}. Received: {layer.name}, {output.shape}"
            )


# Inside


def _shape(initial_value):
    """The shape of a variable to be, which is not computed for that."""
    import keras
    import tensorflow as tf

    if not callable(initial_value):
        return getattr(initial_value, "shape", ())
    for cell in (
        getattr(initial_value, "__closure__", None) or ()
    ):  # Keras 3 gives a function of its variable
        if isinstance(cell.cell_contents, keras.Variable):
            return cell.cell_contents.shape
    with (
        tf.Graph().as_default()
    ):  # where nothing is computed either, but it takes some milliseconds
        return initial_value().shape


def _plain_arrays(group, seen, depth=0):
    """The arrays of a group and the groups in it. Raises ValueError for whatever a preset does not hold."""
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
        if (
            item.chunks
            or item.external
            or item.is_virtual
            or item.compression
            or item.id.get_storage_size() != item.nbytes
        ):
            raise ValueError(f"{name!r}, which is not stored plainly")
        arrays.append(item)
    return arrays


def _check_finite(array):
    import numpy as np

    if array.dtype.kind == "f" and not np.isfinite(array[()]).all():
        raise ValueError(f"values that are not finite in {array.name}")
