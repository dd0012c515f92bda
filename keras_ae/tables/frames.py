"""Tables as lists of columns: pandas DataFrames, and arrays with two axes.

pandas is needed only for DataFrames, and is imported on use: pip install "keras-ae[tables]".
"""

import importlib
import numbers

import numpy as np

FRAME, ARRAY = "frame", "array"
PLAIN = (str, bool, int, float)  # what JSON can hold


def read(table):
    """The columns of a table.

    Args:
        table: pandas.DataFrame, or array (rows, columns) of numbers, bool or text.

    Returns:
        (layout, values). layout: dict that JSON can hold, from which `write` makes such a table.
        values: a list of one array a column: float64 with NaN for missing numbers, or object with
        None for missing text.

    Raises:
        ValueError: the table has no rows or no columns, two columns of one name, dates, or values
            that are neither numbers nor text.
    """
    if is_frame(table):
        layout, values = _read_frame(table)
    else:
        layout, values = _read_array(table)
    if not values or not len(values[0]):
        raise ValueError(
            "Expected a table with at least one row and one column. "
            f"Received: shape={np.shape(table)}"
        )
    return layout, values


def write(layout, values):
    """Makes a table of the columns: the reverse of `read`."""
    if layout["type"] == ARRAY:
        text = any(value.dtype == object for value in values)
        return np.stack(values, axis=1).astype(object if text else layout["dtype"])
    pandas = _pandas()
    series = [
        _series(pandas, dtype, value) for dtype, value in zip(layout["dtypes"], values, strict=True)
    ]
    frame = pandas.concat(series, axis=1) if series else pandas.DataFrame()
    frame.columns = layout["names"]
    return frame


def is_frame(table):
    """Whether it is a pandas.DataFrame."""
    return hasattr(table, "iloc") and hasattr(table, "columns")


def categories_of(layout, place):
    """The categories that the dtype of a column declares, or None."""
    dtypes = layout.get("dtypes")
    return dtypes[place].get("categories") if dtypes else None


def _read_frame(frame):
    names = [_plain(name, "the name of a column") for name in frame.columns]
    double = sorted({str(name) for name in names if names.count(name) > 1})
    if double:
        raise ValueError(
            f"Expected columns with different names. Received: {', '.join(double)} more than once"
        )
    dtypes, values = [], []
    for place, name in enumerate(names):
        series = frame.iloc[:, place]
        dtypes.append(_described(series, name))
        values.append(_values(series, name))
    return {"type": FRAME, "names": names, "dtypes": dtypes}, values


def _read_array(table):
    array = np.asarray(table)
    if array.ndim != 2:
        raise ValueError(
            "Expected a DataFrame, or an array of shape (rows, columns). "
            f"Received: shape={array.shape}"
        )
    if array.dtype.kind not in "biufOUS":
        raise _wrong(f"an array of {array.dtype}", "its columns")
    dtype = str(array.dtype) if array.dtype.kind in "biuf" else "object"
    names = list(range(array.shape[1]))
    values = [_objects(array[:, name], name) for name in names]
    return {"type": ARRAY, "names": names, "dtype": dtype}, values


def _described(series, name):
    """The dtype of a series, as a dict that JSON can hold."""
    if str(series.dtype) != "category":
        return {"name": str(series.dtype)}
    known = series.dtype.categories
    categories = [_plain(value, f"the categories of {name!r}") for value in known]
    declared = {"categories": categories, "ordered": bool(series.dtype.ordered)}
    return {"name": "category", "of": str(known.dtype), **declared}


def _values(series, name):
    kind = getattr(series.dtype, "kind", "O")
    if kind in "mMcV" or str(series.dtype).startswith(("period", "interval", "Sparse")):
        raise _wrong(f"the dtype {series.dtype}", f"column {name!r}")
    if kind in "iuf":
        return series.to_numpy("float64", na_value=np.nan)
    if str(series.dtype) == "category":
        known = [_plain(value, f"the categories of {name!r}") for value in series.dtype.categories]
        return np.array([*known, None], object)[series.cat.codes.to_numpy()]  # -1: missing
    values = series.to_numpy(object, copy=True)
    values[series.isna().to_numpy()] = None
    return _objects(values, name)


def _objects(values, name):
    """A column of any type as float64 if it holds numbers only, else as plain objects."""
    if values.dtype.kind in "iuf":
        return values.astype("float64")
    found = np.empty(len(values), object)
    for i, value in enumerate(values):
        is_missing = value is None or (isinstance(value, numbers.Real) and np.isnan(value))
        found[i] = None if is_missing else _plain(value, f"column {name!r}")
    kinds = {type(value) for value in found if value is not None}
    if kinds and kinds <= {int, float}:
        return found.astype("float64")
    return found


def _plain(value, where):
    """The value as JSON can hold it. ValueError for dates, lists and so on."""
    value = value.item() if isinstance(value, np.generic) else value
    if type(value) not in PLAIN:
        raise _wrong(f"{value!r} of type {type(value).__name__}", where)
    return value


def _wrong(received, where):
    return ValueError(
        f"Expected numbers, text, bool or categories in {where}; turn dates and other values into "
        f"numbers or text first. Received: {received}"
    )


def _series(pandas, dtype, values):
    """The values of a column as a pandas.Series of its dtype."""
    name = dtype["name"]
    if name == "category":
        categories = pandas.Index(dtype["categories"], dtype=dtype["of"])
        made = pandas.Categorical(values, categories=categories, ordered=dtype["ordered"])
        return pandas.Series(made)
    missing = np.array([value is None or value != value for value in values])
    if missing.any() and np.dtype(_numpy_name(name)).kind in "iub":
        name = "object" if values.dtype == object else "float64"  # numpy's integers have no NaN
    if values.dtype == object:
        values = np.where(missing, pandas.NA if name in ("boolean", "string") else None, values)
    elif np.dtype(_numpy_name(name)).kind in "iu":
        values = np.where(missing, 0, np.round(values)).astype("int64")
    return pandas.Series(values).astype(name)


def _numpy_name(name):
    """The numpy dtype of a column whose dtype may be one of pandas. Nullable ones are object."""
    try:
        return np.dtype(name)
    except TypeError:
        return np.dtype(object)


def _pandas():
    try:
        return importlib.import_module("pandas")
    except ImportError as error:
        raise ImportError(
            "Expected the package pandas, which makes DataFrames: "
            'pip install "keras-ae[tables]". Received: none installed'
        ) from error
