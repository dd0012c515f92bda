"""The command line, `keras-ae` or `python -m keras_ae.cli`.

What belongs here: reading arguments, calling the library, telling the user. Nothing here computes.
"""

from keras_ae.cli.parser import main

__all__ = ["main"]
