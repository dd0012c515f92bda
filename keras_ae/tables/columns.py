"""The columns of a table: what each learns from the training rows, and how it becomes numbers."""

import numpy as np

KINDS = ("numeric", "positive", "count", "categorical")
MOST_CATEGORIES = 1000
SHOWN = 5  # unknown categories in an error
LARGEST_COUNT = 2**53  # float64 tells whole numbers apart up to here
MOST_DECIMALS = 6  # drawn numbers are not rounded if the training rows have more


class Column:
    """One column. It turns values into a block of numbers (rows, width), and back.

    A missing value is NaN in the whole block.

    Attributes:
        width: int, the number of values in the block.
        family: what the column is for `keras_ae.distributions.Columns`.
        holds_numbers: whether its values are float64, with NaN for missing ones.
    """

    width = 1
    family = "gaussian"
    holds_numbers = True

    def encode(self, values, name):
        """Values -> float64 (rows, width). ValueError for values that do not fit."""
        raise NotImplementedError

    def decode(self, block):
        """float (rows, width) -> values of the column."""
        raise NotImplementedError

    def log_volume(self, values):
        """log |dx/dy| of each value y, x being its number in the block: (rows,)."""
        return np.zeros(len(values))

    def get_config(self):
        return dict(vars(self))


class Numeric(Column):
    """x = (y - loc) / scale. Numbers drawn outside the training rows' range are moved into it.

    Args:
        loc, scale: floats, of the training rows.
        low, high: floats, the smallest and largest number in the training rows.
        decimals: int, the most decimals of a number in the training rows, to which drawn ones are
            rounded; or None, and they are not.
    """

    def __init__(self, loc, scale, low, high, decimals):
        self.loc, self.scale = loc, scale
        self.low, self.high, self.decimals = low, high, decimals

    @classmethod
    def of(cls, values, name):
        known = cls._scaled_from(values, name)
        limits = float(values.min()), float(values.max())
        scale = float(known.std())
        if not np.isfinite(scale):
            raise ValueError(
                f"Expected numbers below 1e150 in column {name!r}. Received: {np.abs(values).max()}"
            )
        return cls(float(known.mean()), scale or 1.0, *limits, _decimals(values))

    def encode(self, values, name):
        with np.errstate(over="ignore"):
            x = (self._scaled_from(values, name) - self.loc) / self.scale
        if np.any(np.abs(x) > np.finfo("float32").max):
            raise ValueError(
                f"Expected numbers of the size of the training rows' in column {name!r}, "
                f"from {self.low:g} to {self.high:g}. Received: {np.nanmax(np.abs(values)):g}"
            )
        return x[:, np.newaxis]

    def decode(self, block):
        values = np.asarray(block[:, 0], "float64") * self.scale + self.loc
        return self._limited(values)

    def log_volume(self, values):
        return np.where(np.isnan(values), 0, -np.log(self.scale))

    @staticmethod
    def _scaled_from(values, name):
        return values

    def _limited(self, values):
        values = np.clip(values, self.low, self.high)
        return values if self.decimals is None else np.round(values, self.decimals)


class Positive(Numeric):
    """x = (log y - loc) / scale, for numbers above 0: a log-normal column.

    The arguments are those of `Numeric`. loc and scale are those of log y.
    """

    def decode(self, block):
        logs = np.asarray(block[:, 0], "float64") * self.scale + self.loc
        return self._limited(np.exp(np.clip(logs, np.log(self.low), np.log(self.high))))

    def log_volume(self, values):
        return -np.log(self.scale) - np.log(np.asarray(values, "float64"))

    @staticmethod
    def _scaled_from(values, name):
        if np.any(values <= 0):
            raise ValueError(
                f"Expected numbers above 0 in column {name!r}, whose kind is positive. "
                f"Received: {np.nanmin(values):g}"
            )
        return np.log(values)


class Count(Column):
    """x = y / unit, for whole numbers from 0 on: a negative binomial column.

    Args:
        unit: float, the root mean square of the training rows.
        low, high: floats, the smallest and largest count in the training rows. Drawn ones lie
            between them.
    """

    def __init__(self, unit, low, high):
        self.unit, self.low, self.high = unit, low, high

    @classmethod
    def of(cls, values, name):
        _check_counts(values, name)
        unit = float(np.sqrt(np.mean(values**2))) or 1.0
        return cls(unit, float(values.min()), float(values.max()))

    @property
    def family(self):
        return "negative_binomial", self.unit

    def encode(self, values, name):
        _check_counts(values, name)
        return values[:, np.newaxis] / self.unit

    def decode(self, block):
        counts = np.round(np.asarray(block[:, 0], "float64") * self.unit)
        return np.clip(counts, self.low, self.high)


class Categorical(Column):
    """A one-hot block. A number that is no category becomes the nearest one.

    Args:
        categories: list of text, bool or numbers.
    """

    def __init__(self, categories):
        self.categories = list(categories)

    @classmethod
    def of(cls, values, name, declared=None):
        if declared is None:
            known = {value for value in values.tolist() if value is not None and value == value}
            declared = sorted(known, key=lambda value: (isinstance(value, str), value))
        if len(declared) > MOST_CATEGORIES:
            raise ValueError(
                f"Expected at most {MOST_CATEGORIES} categories in column {name!r}; leave out "
                f"names and other columns that differ from row to row. Received: {len(declared)}"
            )
        return cls(declared)

    @property
    def width(self):
        return len(self.categories)

    @property
    def family(self):
        return "categorical", self.width

    @property
    def holds_numbers(self):
        """Whether the categories are numbers, which have a nearest one."""
        return all(type(category) in (int, float) for category in self.categories)

    def encode(self, values, name):
        places = self._nearest(values) if self.holds_numbers else self._places(values, name)
        block = np.eye(self.width)[np.maximum(places, 0)]
        block[places < 0] = np.nan
        return block

    def decode(self, block):
        missing = np.isnan(block).any(axis=1)
        places = np.argmax(np.where(np.isnan(block), 0, block), axis=1)
        if self.holds_numbers:
            return np.where(missing, np.nan, np.array(self.categories, "float64")[places])
        values = np.array([*self.categories, None], object)  # a plain array, also for bool
        return values[np.where(missing, self.width, places)]

    def _nearest(self, values):
        order = np.argsort(self.categories)
        known = np.array(self.categories, "float64")[order]
        middle = known[:-1] + np.diff(known) / 2
        places = order[np.searchsorted(middle, np.nan_to_num(values))]
        return np.where(np.isnan(values), -1, places)

    def _places(self, values, name):
        known = {category: place for place, category in enumerate(self.categories)}
        unknown = sorted({str(v) for v in values.tolist() if not _is_missing(v) and v not in known})
        if unknown:
            more = ", ..." if len(unknown) > SHOWN else ""
            raise ValueError(
                f"Expected the categories of the training rows in column {name!r}. "
                f"Received: {', '.join(unknown[:SHOWN])}{more}"
            )
        return np.array([-1 if _is_missing(v) else known[v] for v in values.tolist()], int)


CLASSES = {"numeric": Numeric, "positive": Positive, "count": Count, "categorical": Categorical}


def kind_of(values):
    """The kind of a column, found from its values: numbers are float64, everything else object."""
    if values.dtype == object:
        return "categorical"
    values = values[~np.isnan(values)]
    if _are_whole(values) and values.min() >= 0:
        # A negative binomial cannot have a variance below its mean. Years, for example, do.
        return "count" if values.var() >= values.mean() else "numeric"
    if values.min() > 0 and _skewness(values) > max(1.0, abs(_skewness(np.log(values)))):
        return "positive"
    return "numeric"


def learned(values, name, kind, declared=None, max_values=150):
    """The `Column` that stands for the values of the training rows.

    Args:
        values: array (rows,), float64 or object.
        name: the name of the column, for errors.
        kind: one of KINDS.
        declared: the categories of its dtype, or None.
        max_values: int, as in `TableSchema.of`.
    """
    if values.dtype == object:
        if kind != "categorical":
            text = next((v for v in values if isinstance(v, str)), None)
            raise ValueError(
                f"Expected numbers in column {name!r}, whose kind is {kind}. Received: {text!r}"
            )
        return Categorical.of(values, name, declared)
    known = as_numbers(values, name)
    known = known[~np.isnan(known)]
    if kind == "categorical" or np.ptp(known) <= 1e-12 * np.abs(known).max():
        return Categorical.of(_plain_numbers(known), name, declared)
    if _are_whole(known):
        different = len(np.unique(known))
        if different <= max_values and (different <= 2 or len(known) >= 20 * different):
            return Categorical.of(_plain_numbers(known), name)
    return CLASSES[kind].of(known, name)


def check_finite(values, name):
    """ValueError if a column of numbers holds infinity."""
    if values.dtype != object:
        as_numbers(values, name)


def as_numbers(values, name):
    """The values as float64 if they are finite numbers or missing. Else ValueError."""
    if values.dtype == object:
        text = [v for v in values if not _is_missing(v) and type(v) not in (int, float)]
        if text:
            raise ValueError(f"Expected numbers in column {name!r}. Received: {text[0]!r}")
        values = np.array([np.nan if v is None else v for v in values], "float64")
    if np.isinf(values).any():
        raise ValueError(
            f"Expected finite numbers in column {name!r}. "
            f"Received: {int(np.isinf(values).sum())} infinite values"
        )
    return values


def _check_counts(values, name):
    values = values[~np.isnan(values)]
    if np.any(values < 0) or not _are_whole(values) or np.any(values > LARGEST_COUNT):
        wrong = values[(values < 0) | (values != np.round(values)) | (values > LARGEST_COUNT)]
        raise ValueError(
            f"Expected whole numbers from 0 on in column {name!r}, whose kind is count. "
            f"Received: {wrong[0]:g}"
        )


def _are_whole(values):
    return bool(np.all(values == np.round(values)))


def _decimals(values):
    """The most decimals that one of the numbers has: int, or None for more than MOST_DECIMALS."""
    for decimals in range(MOST_DECIMALS + 1):
        if np.array_equal(np.round(values, decimals), values):
            return decimals
    return None


def _plain_numbers(values):
    """Numbers as int where all are whole, else float: what JSON shows is what the table holds."""
    return np.array([int(v) for v in values] if _are_whole(values) else list(values), object)


def _skewness(values):
    centred = values - values.mean()
    scale = np.sqrt(np.mean(centred**2))
    return float(np.mean((centred / (scale or 1.0)) ** 3))


def _is_missing(value):
    return value is None or value != value


def from_config(config):
    """The `Column` of a config: {"kind": ..., its arguments}."""
    config = dict(config)
    return CLASSES[config.pop("kind")](**config)


def config_of(column):
    """What JSON holds of a column."""
    kinds = {cls: kind for kind, cls in CLASSES.items()}
    return {"kind": kinds[type(column)], **column.get_config()}
