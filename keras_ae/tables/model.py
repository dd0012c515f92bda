"""A model of the rows of a table, with tables in and out."""

import json
import pathlib

import keras
import numpy as np

from keras_ae import distributions, presets
from keras_ae.models.autoencoder import Autoencoder
from keras_ae.models.vae import VAE
from keras_ae.presets.checks import json_files, reading
from keras_ae.tables.schema import TableSchema
from keras_ae.utils import files, seeds, validation

SCHEMA = "table.json"
LATENT_DIM, WIDTHS = 16, (256, 256)
BETA, BETA_IF_MISSING = 0.1, 1.0
STEPS, BATCH_SIZE = 4000, 256
LEARNING_RATE = 2e-3
ROWS_AT_ONCE = 1000  # drawn


class TableModel:
    """A model of the rows of a table: tables in, tables out.

        model = keras_ae.TableModel().fit(table)  # a DataFrame, or an array
        model.sample(1000)  # new rows, with the same columns and dtypes
        model.reconstruct(table)
        model.log_likelihood(table)  # (rows,): nats; the lowest are the oddest
        model.save_to_preset("my_table")
        keras_ae.TableModel.from_preset("my_table")

    Args:
        model: a function of (shape, likelihood) that returns a fresh model, such as
            `lambda shape, likelihood: keras_ae.VAE(shape, 8, likelihood=likelihood)`.
            None: a VAE with 16 latent variables, two hidden layers of 256 units, the prior
            "realnvp" and beta = 0.1. Columns are independent given z, so that drawn rows are
            consistent only if z tells much; a small beta lets it. For the best log-likelihood, give
            a VAE with beta = 1.
        kinds, max_values: as in `TableSchema.of`.
        missing: bool. True: cells may be missing, in `fit` and later. `impute` fills them. The
            default model then has beta = 1. With a smaller one, q(z|x) claims to know more than
            the cells that are there tell, and the missing ones are filled badly.

    Attributes:
        schema: `TableSchema`, which `fit` learns.
        model: the model. It takes the arrays of `schema.to_array`.

    Raises:
        ValueError: model is no function, or it returns something else than a model.
    """

    def __init__(self, model=None, kinds=None, max_values=150, missing=False):
        if not (model is None or callable(model)) or isinstance(model, Autoencoder):
            raise ValueError(
                "Expected `model` to be None, or a function of (shape, likelihood) that returns a "
                f"model. Received: {model!r}"
            )
        self._make, self._kinds, self._max_values = model, kinds, max_values
        self._missing = missing
        self.schema = self.model = None

    def fit(self, table, epochs=None, batch_size=BATCH_SIZE, seed=None, verbose=0):
        """Learns the columns, and trains the model on the rows.

        A tenth of the rows is held out. The weights of the epoch that explains them best are kept.
        The learning rate of Adam falls from 2e-3 to 0 along a cosine.

        Args:
            table: pandas.DataFrame, or array (rows, columns).
            epochs: int. None: as many as make 4,000 steps.
            batch_size: int, the rows of a step.
            seed: int for a reproducible training, None for a fresh one.
            verbose: as in keras.Model.fit.

        Returns:
            self.

        Raises:
            ValueError: as in `TableSchema.of` and `TableSchema.to_array`; fewer than two rows.
        """
        schema = TableSchema.of(table, self._kinds, self._max_values)
        x = schema.to_array(table, self._missing)
        likelihood = schema.likelihood()
        likelihood = distributions.Observed(likelihood) if self._missing else likelihood
        if len(x) < 2:
            raise ValueError(f"Expected at least 2 rows to learn from. Received: {len(x)}")
        with seeds.global_seed(seeds.fresh() if seed is None else seed):
            model = (self._make or _default)((schema.width,), likelihood)
            if not isinstance(model, Autoencoder):
                raise ValueError(
                    "Expected the function `model` to return a model of keras_ae. "
                    f"Received: {type(model).__name__}"
                )
            _train(model, x, epochs, batch_size, verbose)
        self.schema, self.model = schema, model
        return self

    def sample(self, n, seed=None):
        """Draws new rows: z from the prior, then each column from p(x|z).

        Args:
            n: int, the number of rows.
            seed: int for a reproducible draw, None for a fresh one.

        Returns:
            DataFrame with the columns, dtypes and categories of the training rows, or an array if
            these were an array.

        Raises:
            ValueError: n < 1; the model has no prior, as an AE.
        """
        model = self._fitted()
        validation.positive_int(n, "n")
        if not isinstance(model, VAE):
            raise ValueError(
                f"Expected a VAE, which has a prior to draw from. Received: {type(model).__name__}"
            )
        seed = seeds.from_int(seeds.fresh() if seed is None else seed)
        of_codes, of_rows = seeds.split(seed, 2)
        codes = model.prior.sample(n, seed=of_codes)
        batches = [codes[i : i + ROWS_AT_ONCE] for i in range(0, n, ROWS_AT_ONCE)]
        drawn = [
            np.asarray(model.likelihood(batch).sample(seed=own))
            for batch, own in zip(batches, seeds.split(of_rows, len(batches)), strict=True)
        ]
        return self.schema.to_table(np.concatenate(drawn))

    def reconstruct(self, table):
        """The model's reconstruction of each row: a table like `table`.

        A number is its mean given the code (of its logarithm, for a positive column), a category is
        the most probable one.

        Raises:
            ValueError: as in `TableSchema.to_array`.
        """
        return self.schema.to_table(self._fitted().reconstruct(self._array(table)))

    def impute(self, table, draws=None, n_samples=1000, seed=None):
        """Fills missing cells, as `VAE.impute` does. What is there stays as it is.

        A number becomes its mean given the rest of the row (that of its logarithm, for a positive
        column), a category the most probable one.

        Args:
            table: as in `fit`.
            draws: int, how many tables to draw: several show how certain the values are. None for
                one table of means.
            n_samples: int, draws of z per row.
            seed: int for a reproducible result, None for a fresh one.

        Returns:
            a table like `table`, or a list of them.

        Raises:
            ValueError: as in `TableSchema.to_array`; the model was not made with missing=True.
        """
        x = self._array(table)
        filled = self._fitted().impute(x, draws, n_samples, seed=seed)
        if draws is None:
            return self.schema.fill(table, filled)
        return [self.schema.fill(table, one) for one in filled]

    def log_likelihood(self, table, n_samples=1000, seed=None):
        """log p(row) in nats, as `VAE.log_likelihood` estimates it. The least are the oddest rows.

        It is a density of the table's own numbers, and a probability of counts and categories.

        Args:
            table: as in `fit`.
            n_samples: int, draws of z per row.
            seed: int for a reproducible estimate, None for a fresh one.

        Returns:
            float64 array (rows,).

        Raises:
            ValueError: as in `TableSchema.to_array`; the model is not a VAE.
        """
        model = self._fitted()
        if not isinstance(model, VAE):
            raise ValueError(f"Expected a VAE. Received: {type(model).__name__}")
        bound = model.log_likelihood(self._array(table), n_samples, seed=seed)
        return np.asarray(bound, "float64") + self.schema.log_volume(table)

    def save_to_preset(self, folder):
        """Writes a folder that `from_preset` reads. `keras_ae.load` reads the model in it.

        Raises:
            FileExistsError: the folder holds something else.
            OSError: the disk is full, or the folder cannot be written; then it is as it was.
        """
        model = self._fitted()
        with files.replacing_folder(folder, SCHEMA, "the table model") as written:
            presets.save(model, written)
            config = json.dumps(self.schema.get_config(), indent=1)
            (written / SCHEMA).write_text(config + "\n", encoding="utf-8")

    @classmethod
    def from_preset(cls, folder):
        """A table model that `save_to_preset` wrote.

        Raises:
            FileNotFoundError: the folder, or a file in it, is not there.
            ValueError: a file is damaged.
        """
        folder = pathlib.Path(folder)
        config = json_files.parse(reading.read(folder, SCHEMA), folder / SCHEMA)
        loaded = cls()
        loaded.schema = TableSchema.from_config(config)
        loaded.model = presets.load(folder)
        likelihood = loaded.model.likelihood_layer
        loaded._missing = isinstance(likelihood, distributions.Observed)
        known = (likelihood.likelihood if loaded._missing else likelihood).get_config()
        if known.get("columns") != loaded.schema.likelihood().get_config()["columns"]:
            raise ValueError(
                f"Expected {folder} to hold a table and its model; save it again. Received: a "
                "model of other columns"
            )
        return loaded

    def _array(self, table):
        self._fitted()
        return self.schema.to_array(table, self._missing)

    def _fitted(self):
        if self.model is None:
            raise ValueError("Expected a trained model: call fit first. Received: none")
        return self.model


def _default(shape, likelihood):
    prior = distributions.RealNVP(LATENT_DIM, flows=6, width=64)
    options = {"widths": WIDTHS, "activation": "silu", "likelihood": likelihood}
    beta = BETA_IF_MISSING if isinstance(likelihood, distributions.Observed) else BETA
    return VAE(shape, LATENT_DIM, prior=prior, beta=beta, **options)


def _train(model, x, epochs, batch_size, verbose):
    """Trains on nine tenths of the rows, and keeps the epoch that explains the rest best."""
    held_out, train = np.split(np.random.permutation(x), [max(1, len(x) // 10)])  # noqa: NPY002
    batch_size = min(batch_size, len(train))
    steps = -(-len(train) // batch_size)
    epochs = epochs or max(1, round(STEPS / steps))
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, epochs * steps)
    model.compile(keras.optimizers.Adam(rate))
    best = keras.callbacks.EarlyStopping(patience=epochs, restore_best_weights=True)
    options = {"epochs": epochs, "batch_size": batch_size, "callbacks": [best], "verbose": verbose}
    model.fit(train, validation_data=(held_out,), **options)
