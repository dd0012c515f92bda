"""A likelihood for the rows of a table: each column has a density of its own."""

import functools
import typing

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from keras import ops

from keras_ae.distributions import base
from keras_ae.distributions.likelihoods import Likelihood
from keras_ae.utils import validation

tfd = tfp.distributions

COUNTS = ("poisson", "negative_binomial")
FAMILIES = ("gaussian", "log_normal", *COUNTS, "categorical")
PARAMS = {"gaussian": 2, "log_normal": 2, "poisson": 1, "negative_binomial": 2}  # per column


class Group(typing.NamedTuple):
    """The columns of one family, which are computed together.

    Attributes:
        family: str.
        width: int, the number of values of a column in a row: the number of categories, or 1.
        places: list of ints, where the values stand in a row, column after column.
        units: float array (columns,). The count is the value times the unit.
    """

    family: str
    width: int
    places: list
    units: np.ndarray

    @property
    def columns(self):
        return len(self.units)

    @property
    def params(self):
        return self.columns * PARAMS.get(self.family, self.width)


@keras.saving.register_keras_serializable("keras_ae")
class Columns(Likelihood):
    """p(x|z) = prod_j p_j(x_j|z), with a density of its own for each column j of a table.

    A column is one of these:

    - "gaussian": N(loc, scale^2). loc and scale are predicted.
    - "log_normal": log x is Gaussian, for positive numbers.
    - ("poisson", unit): x * unit is a count with a predicted mean.
    - ("negative_binomial", unit): the same, with a variance above the mean, which is predicted too.
    - ("categorical", k): a one-hot block of k values, with predicted probabilities.

    The unit is 1 if it is left out. Dividing counts by a large unit keeps the encoder's input near
    1. `keras_ae.tables.TableSchema` makes this layer and x for a DataFrame.

    Args:
        columns: list of columns, in their order in x.
        smallest_scale: float > 0, the smallest scale of a Gaussian. Without it, a column that
            repeats one value would have an unlimited density.

    Input shape: (batch, params_size(width)), parameters of each family after each other.
    Output: batch shape (batch,), event shape (width,); width is the number of values in a row.

    Raises:
        ValueError: columns is empty or names something else; a number is not positive.

    For example:

        likelihood = keras_ae.distributions.Columns(["gaussian", "poisson", ("categorical", 3)])
        params = np.zeros((2, likelihood.params_size(5)), "float32")  # (2, 6)
        rows = np.array([[0.5, 4, 1, 0, 0], [-2.0, 0, 0, 0, 1]], "float32")
        likelihood(params).log_prob(rows)  # (2,): nats per row
        likelihood(params).log_prob_of_values(rows)  # (2, 5)

    Source: Nazabal et al., "Handling incomplete heterogeneous data using VAEs", Pattern Recognition
    2020, section 3.
    """

    def __init__(self, columns, smallest_scale=0.01, **kwargs):
        super().__init__(**kwargs)
        self.columns = [_column(column) for column in columns]
        if not self.columns:
            raise ValueError("Expected `columns` to name at least one column. Received: none")
        if not (validation.is_number(smallest_scale) and smallest_scale > 0):
            raise ValueError(
                "Expected `smallest_scale` to be a positive number. "
                f"Received: smallest_scale={smallest_scale!r}"
            )
        self.smallest_scale = float(smallest_scale)
        self.width = sum(_width(column) for column in self.columns)
        self._groups = _grouped(self.columns)

    @property
    def stand_in(self):
        """A row in the support, which may replace missing values: float32 array (width,)."""
        row = np.zeros(self.width, "float32")
        for group in self._groups:
            if group.family in ("log_normal", "categorical"):
                row[group.places[:: group.width]] = 1  # the first category
        return row

    def params_size(self, event_shape):
        if base.size(event_shape) != self.width:
            raise ValueError(
                f"Expected rows of {self.width} values, since that is what the columns take. "
                f"Received: shape={event_shape}"
            )
        return sum(group.params for group in self._groups)

    def check(self, x, shape, name="x"):
        super().check(x, shape, name)
        x = np.asarray(x)
        for group in self._groups:
            values = x[:, group.places]
            if group.family in COUNTS and values.min() < 0:
                what, wrong = "counts of at least 0", values.min()
            elif group.family == "log_normal" and values.min() <= 0:
                what, wrong = "numbers above 0", values.min()
            elif group.family == "categorical" and not _are_shares(values, group):
                what, wrong = "shares that sum to 1 in the block of each category", "other sums"
            else:
                continue
            raise ValueError(
                f"Expected `{name}` to hold {what} in a column of the family {group.family!r}. "
                f"Received: {wrong}"
            )

    def call(self, params):
        parts = []
        for group, own in zip(self._groups, self._split(params), strict=True):
            parts.append(_distribution(group, own, self.smallest_scale))
        return JoinedColumns(parts, self._groups)

    def get_config(self):
        columns = [list(column) for column in self.columns]
        return {**super().get_config(), "columns": columns, "smallest_scale": self.smallest_scale}

    def _split(self, params):
        # (batch, params) -> one (batch, params of the group) for each group
        ends = np.cumsum([group.params for group in self._groups]).tolist()
        starts = [0, *ends[:-1]]
        return [params[:, start:end] for start, end in zip(starts, ends, strict=True)]


class JoinedColumns(tfd.Distribution):
    """Independent columns of several families. A `tfd.Distribution`.

    Args:
        parts: list of tfd.Distribution, one for each group: batch shape (batch, columns), event
            shape () or (categories,).
        groups: list of Group.

    Batch shape (batch,), event shape (width,).
    """

    def __init__(self, parts, groups, name="JoinedColumns"):
        parameters = dict(locals())
        self.parts, self.groups = parts, groups
        self._order = [place for group in groups for place in group.places]
        super().__init__(
            dtype=parts[0].dtype,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            parameters=parameters,
            name=name,
        )

    def log_prob_of_values(self, x):
        """The log-probability of each value: (..., batch, width) -> (..., batch, width), nats.

        The one of a categorical column stands at the first value of its block. The others are 0.
        """
        found = []
        for group, log_prob in zip(self.groups, self._log_probs(x), strict=True):
            if group.width > 1:
                # (..., columns) -> (..., columns * width)
                padding = [[0, 0]] * (len(log_prob.shape)) + [[0, group.width - 1]]
                log_prob = _flat(tf.pad(log_prob[..., tf.newaxis], padding))
            found.append(log_prob)
        return self._in_order(found)

    def _log_prob(self, x):
        return sum(tf.reduce_sum(log_prob, axis=-1) for log_prob in self._log_probs(x))

    def _log_probs(self, x):
        """The log-probability of each column, one (..., batch, columns) for each group."""
        found = []
        for part, group in zip(self.parts, self.groups, strict=True):
            values = _take(x, group.places)
            if group.family == "categorical":
                # (..., columns * width) -> (..., columns, width)
                shape = tf.concat([tf.shape(values)[:-1], [group.columns, group.width]], axis=0)
                values = tf.reshape(values, shape)
            elif group.family in COUNTS:
                values = tf.round(values * group.units)
            found.append(part.log_prob(values))
        return found

    def _sample_n(self, n, seed=None):
        seeds = tfp.random.split_seed(seed, n=len(self.parts))
        draws = [part.sample(n, seed=own) for part, own in zip(self.parts, seeds, strict=True)]
        return self._joined(draws)

    def _mean(self):
        return self._joined([part.mean() for part in self.parts])

    def _mode(self):
        return self._joined([part.mode() for part in self.parts])

    def _variance(self):
        return self._joined([part.variance() for part in self.parts], power=2)

    def _joined(self, values, power=1):
        """One tensor for each group -> rows (..., batch, width)."""
        rows = []
        for value, group in zip(values, self.groups, strict=True):
            if group.family == "categorical":
                value = _flat(value)
            elif group.family in COUNTS:
                value = value / group.units**power
            rows.append(value)
        return self._in_order(rows)

    def _in_order(self, values):
        return _take(tf.concat(values, axis=-1), np.argsort(self._order).tolist())

    def _batch_shape(self):
        return self.parts[0].batch_shape[:-1]

    def _batch_shape_tensor(self):
        return self.parts[0].batch_shape_tensor()[:-1]

    def _event_shape(self):
        return tf.TensorShape([len(self._order)])

    def _event_shape_tensor(self):
        return tf.constant([len(self._order)], tf.int32)


def _column(column):
    """(family, number) of a column. ValueError if it is none."""
    is_pair = isinstance(column, (list, tuple)) and len(column) > 0
    family, *number = column if is_pair else (column,)
    number = number or ([1] if family in COUNTS else [])
    is_right = family in FAMILIES and len(number) == (family in (*COUNTS, "categorical"))
    if is_right and family == "categorical":
        is_right = validation.is_integer(number[0]) and number[0] >= 1
    elif is_right and number:
        is_right = validation.is_number(number[0]) and number[0] > 0
    if not is_right:
        raise ValueError(
            "Expected a column to be 'gaussian', 'log_normal', ('poisson', unit), "
            "('negative_binomial', unit) or ('categorical', number of categories). "
            f"Received: {column!r}"
        )
    return family, *number


def _width(column):
    return column[1] if column[0] == "categorical" else 1


def _grouped(columns):
    """The columns of each family, and of each number of categories: a list of Group."""
    found, start = {}, 0
    for column in columns:
        width = _width(column)
        places, units = found.setdefault((column[0], width), ([], []))
        places += range(start, start + width)
        units.append(column[1] if column[0] in COUNTS else 1)
        start += width
    return [
        Group(family, width, places, np.array(units, "float32"))
        for (family, width), (places, units) in found.items()
    ]


def _distribution(group, params, smallest_scale):
    """The tfd.Distribution of one group: batch shape (batch, columns)."""
    if group.family == "categorical":
        logits = ops.reshape(params, (-1, group.columns, group.width))
        return tfd.OneHotCategorical(logits=logits, dtype=tf.float32)
    if group.family == "poisson":
        return tfd.Poisson(base.positive(params) * group.units)
    first, second = ops.split(params, 2, axis=-1)  # 2 x (batch, columns)
    if group.family == "negative_binomial":
        return _negative_binomial(base.positive(first) * group.units, second)
    kind = tfd.Normal if group.family == "gaussian" else tfd.LogNormal
    return kind(first, ops.softplus(second) + smallest_scale)


def _negative_binomial(mean, raw):
    """The variance is mean + mean^2 / r, with r = exp(raw) between 1e-3 and 1e4."""
    log_r = ops.clip(raw, np.log(1e-3), np.log(1e4))
    return tfd.NegativeBinomial(ops.exp(log_r), logits=ops.log(mean) - log_r)


def _are_shares(values, group):
    blocks = np.reshape(values, (len(values), group.columns, group.width))
    return blocks.min() >= 0 and np.allclose(blocks.sum(axis=-1), 1, atol=1e-3)


def _flat(values):
    """(..., columns, width) -> (..., columns * width)."""
    size = values.shape[-2] * values.shape[-1]
    return tf.reshape(values, tf.concat([tf.shape(values)[:-2], [size]], axis=0))


def _take(x, places):
    """The values of x at these places of the last axis. Slices, because XLA gathers slowly."""
    runs = _runs(tuple(places))
    if runs == [(0, x.shape[-1])]:
        return x
    pieces = [x[..., start:end] for start, end in runs]
    return pieces[0] if len(pieces) == 1 else tf.concat(pieces, axis=-1)


@functools.cache
def _runs(places):
    """Runs of consecutive places: (3, 4, 5, 0) -> [(3, 6), (0, 1)]."""
    runs = []
    for place in places:
        if runs and runs[-1][1] == place:
            runs[-1] = (runs[-1][0], place + 1)
        else:
            runs.append((place, place + 1))
    return runs
