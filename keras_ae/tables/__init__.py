"""Tables: from a DataFrame to a model and back.

`TableModel` trains a model on a table, draws new rows and saves itself. `TableSchema` is the part
of it that knows the columns; use it to train any model of keras_ae on a table yourself.

What belongs here: what a table's columns are, and models whose input and output are tables. pandas
is needed only for DataFrames: `pip install "keras-ae[tables]"`. Arrays work without it.
"""

from keras_ae.tables.model import TableModel
from keras_ae.tables.schema import TableSchema

__all__ = ["TableModel", "TableSchema"]
