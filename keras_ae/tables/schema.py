"""What a table is: its columns, learned from training rows, and the way to a model and back."""

import numpy as np

from keras_ae import distributions
from keras_ae.tables import columns, frames
from keras_ae.utils import validation


class TableSchema:
    """The columns of a table, learned from training rows. It turns tables into arrays and back.

        schema = keras_ae.tables.TableSchema.of(table)  # a DataFrame, or an array
        x = schema.to_array(table)  # float32 (rows, schema.width)
        vae = keras_ae.VAE((schema.width,), 8, likelihood=schema.likelihood())
        vae.compile()
        vae.fit(x)
        schema.to_table(vae.reconstruct(x))  # with the columns and dtypes of `table`

    A column is of one of four kinds:

    - "numeric": (y - mean) / standard deviation, with a Gaussian;
    - "positive": the same of log y, a log-normal column;
    - "count": whole numbers from 0 on, divided by their root mean square, with a negative binomial;
    - "categorical": a one-hot block, with probabilities.

    Rules:

    - Whole numbers with few different values get a probability for each value, as categories do.
      A number that was not among them becomes the nearest one.
    - A constant column stays constant, whatever the model draws.
    - Drawn numbers lie in the range of the training rows, and have no more decimals than these.
    - Unknown text, infinities and dates raise an error. So do missing cells, unless they are asked
      for.

    Args:
        layout: dict, the type, names and dtypes of the table.
        kinds: list of str, the kind of each column.
        parts: list of the columns' own dicts.
    """

    def __init__(self, layout, kinds, parts):
        self._layout, self._kinds = dict(layout), list(kinds)
        self._columns = [columns.from_config(part) for part in parts]
        if not len(self._layout["names"]) == len(self._kinds) == len(self._columns):
            raise ValueError(
                "Expected as many names as kinds and columns. Received: "
                f"{len(self._layout['names'])}, {len(self._kinds)} and {len(self._columns)}"
            )

    @classmethod
    def of(cls, table, kinds=None, max_values=150):
        """Learns the columns of training rows.

        Args:
            table: pandas.DataFrame, or array (rows, columns) of numbers, bool or text.
            kinds: {name of a column: kind}, for those that are not to be found; for an array also
                a list with a kind, or None, for each column. Found are: text, bool and categories
                as "categorical"; whole numbers from 0 on as "count", or as "numeric" if they vary
                less than counts do; other numbers as "positive" if all are above 0 and their
                logarithms are far less skewed, else as "numeric".
            max_values: int. Whole numbers with at most so many different values, and with 20 rows
                for each, get a probability for each value. 0: never, unless there are only two.

        Returns:
            TableSchema.

        Raises:
            ValueError: a column holds dates, infinities, nothing at all, more than 1,000
                categories, or values that do not fit its kind; kinds names an unknown column.
        """
        validation.at_least(max_values, "max_values", 0)
        layout, values = frames.read(table)
        said = _said(kinds, layout["names"])
        found, learned = [], []
        for place, (name, own) in enumerate(zip(layout["names"], values, strict=True)):
            if all(value is None or value != value for value in own.tolist()):
                raise ValueError(f"Expected values in column {name!r}. Received: none, all missing")
            columns.check_finite(own, name)
            kind = said.get(name) or columns.kind_of(own)
            declared = frames.categories_of(layout, place)
            found.append(kind)
            column = columns.learned(own, name, kind, declared, max_values)
            learned.append(columns.config_of(column))
        return cls(layout, found, learned)

    @property
    def names(self):
        """The names of the columns: a list. An array has 0, 1, 2, ..."""
        return list(self._layout["names"])

    @property
    def kinds(self):
        """The kind of each column: {name: kind}."""
        return dict(zip(self.names, self._kinds, strict=True))

    @property
    def width(self):
        """The number of values in a row of x: int."""
        return sum(column.width for column in self._columns)

    @property
    def blocks(self):
        """Where each column stands in a row of x: {name: slice}."""
        ends = np.cumsum([column.width for column in self._columns])
        pairs = zip(self.names, self._columns, ends.tolist(), strict=True)
        return {name: slice(end - column.width, end) for name, column, end in pairs}

    def likelihood(self):
        """p(x|z) for these columns: `keras_ae.distributions.Columns`."""
        return distributions.Columns([column.family for column in self._columns])

    def to_array(self, table, missing=False):
        """Rows as numbers for a model.

        Args:
            table: DataFrame or array with the columns of the training rows. The order of a
                DataFrame's columns does not matter.
            missing: bool. True: a missing cell is NaN, in the whole block of a category.

        Returns:
            float32 array (rows, width).

        Raises:
            ValueError: other columns than in the training rows, unknown categories, text among
                numbers, infinities, numbers that do not fit the kind; missing cells, unless
                missing=True.
        """
        blocks = []
        for name, column, values in self._read(table):
            block = column.encode(values, name)
            if not missing and np.isnan(block).any():
                count = int(np.isnan(block).any(axis=1).sum())
                raise ValueError(
                    f"Expected no missing cells in column {name!r}. Received: {count} missing"
                )
            blocks.append(block)
        return np.concatenate(blocks, axis=1).astype("float32")

    def to_table(self, x):
        """Rows of a model as a table like the training rows: the reverse of `to_array`.

        Args:
            x: array (rows, width). A category is the largest value of its block.

        Returns:
            DataFrame with the names, dtypes and categories of the training rows, or an array if
            these were an array.

        Raises:
            ValueError: x has another shape.
            ImportError: pandas is not installed.
        """
        return frames.write(self._layout, self._decoded(x))

    def fill(self, table, x):
        """The table, with its missing cells taken from x.

        Args:
            table: as in `to_array`.
            x: array (rows, width), as in `to_table`.

        Returns:
            a table like the training rows.

        Raises:
            ValueError: as in `to_array` and `to_table`.
        """
        pairs = zip(self._read(table), self._decoded(x), strict=True)
        filled = []
        for (_, _, values), own in pairs:
            missing = np.array([value is None or value != value for value in values])
            filled.append(np.where(missing, own, values))
        return frames.write(self._layout, filled)

    def log_volume(self, table):
        """log |dx/dy| of each row y, x being its array: the sum over the cells that are there.

        log p(y) = log p(x) + log |dx/dy|: so densities of x become densities of the table's own
        numbers.

        Args:
            table: as in `to_array`.

        Returns:
            float64 array (rows,), nats.
        """
        return sum(np.nan_to_num(column.log_volume(v)) for _, column, v in self._read(table))

    def get_config(self):
        """What JSON holds: {"layout": ..., "kinds": ..., "parts": ...}."""
        parts = [columns.config_of(column) for column in self._columns]
        return {"layout": self._layout, "kinds": self._kinds, "parts": parts}

    @classmethod
    def from_config(cls, config):
        """The schema of a config. ValueError if it is none."""
        try:
            return cls(**config)
        except (KeyError, TypeError, AttributeError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise ValueError(f"Expected the config of a TableSchema. Received: {reason}") from error

    def _decoded(self, x):
        """The values of each column of x: a list of arrays (rows,)."""
        x = np.asarray(x)
        if x.ndim != 2 or x.shape[1] != self.width:
            raise ValueError(
                f"Expected an array of shape (rows, {self.width}). Received: shape={x.shape}"
            )
        blocks = [x[:, block] for block in self.blocks.values()]
        pairs = zip(self._columns, blocks, strict=True)
        return [column.decode(block) for column, block in pairs]

    def _read(self, table):
        """(name, column, values) of each column of a table, in the order of the training rows."""
        layout, values = frames.read(table)
        names = layout["names"]
        if layout["type"] == frames.ARRAY and len(names) == len(self.names):
            names = self.names  # an array has no names
        lacking = [str(name) for name in self.names if name not in names]
        extra = [str(name) for name in names if name not in self.names]
        if lacking or extra:
            received = f"without {', '.join(lacking)}" if lacking else f"also {', '.join(extra)}"
            expected = ", ".join(map(str, self.names))
            raise ValueError(
                f"Expected the columns of the training rows: {expected}. Received: {received}"
            )
        of_name, read = dict(zip(names, values, strict=True)), []
        for name, column in zip(self.names, self._columns, strict=True):
            own = of_name[name]
            own = columns.as_numbers(own, name) if column.holds_numbers else own
            read.append((name, column, own))
        return read


def _said(kinds, names):
    """The kinds that the user said: {name: kind}."""
    if kinds is None:
        return {}
    if not isinstance(kinds, dict):
        if len(kinds) != len(names):
            raise ValueError(
                f"Expected a kind for each of {len(names)} columns. Received: {len(kinds)}"
            )
        kinds = {name: kind for name, kind in zip(names, kinds, strict=True) if kind is not None}
    unknown = [str(name) for name in kinds if name not in names]
    wrong = [str(kind) for kind in kinds.values() if kind not in columns.KINDS]
    if unknown or wrong:
        expected = "columns of the table" if unknown else f"kinds among {', '.join(columns.KINDS)}"
        raise ValueError(f"Expected {expected}. Received: {', '.join(unknown or wrong)}")
    return kinds
