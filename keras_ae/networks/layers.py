"""Layers of our networks that Keras does not have."""

import math

import keras
import tensorflow as tf
from keras import layers, ops


@keras.saving.register_keras_serializable("keras_ae")
class DepthToSpace(layers.Layer):
    """Moves channels into pixels: (batch, h, w, 4 * channels) -> (batch, 2 * h, 2 * w, channels).

    Source: Shi et al., "Real-time single image and video super-resolution", CVPR 2016, equation 4.
    """

    def call(self, x):
        _, h, w, c = x.shape
        x = ops.reshape(x, (-1, h, w, 2, 2, c // 4))  # (batch, h, w, 4c) -> (batch, h, w, 2, 2, c)
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))  # -> (batch, h, 2, w, 2, c)
        return ops.reshape(x, (-1, 2 * h, 2 * w, c // 4))  # -> (batch, 2h, 2w, c)

    def compute_output_shape(self, input_shape):
        batch, h, w, c = input_shape
        return batch, 2 * h, 2 * w, c // 4


@keras.saving.register_keras_serializable("keras_ae")
class LearnedMap(layers.Layer):
    """h + map, with one trained map for all examples. It tells a convolution where it is.

    Input and output shape: (batch, height, width, channels).
    """

    def build(self, input_shape):
        self.map = self.add_weight(shape=input_shape[1:], initializer="zeros", name="map")

    def call(self, h):
        return h + self.map

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable("keras_ae")
class BiasGelu(layers.Layer):
    """gelu(x + bias), gelu(x) = x Phi(x), with one bias per channel.

    Without XLA, gelu is half a dozen passes over the whole map. On CPUs they take as long as a
    small convolution. So these operations are compiled into one pass, forward and backward, even
    where the convolutions around them run faster without XLA.

    Input and output shape: (batch, ..., channels).

    Source: Hendrycks & Gimpel, "Gaussian error linear units (GELUs)", 2016, section 2.
    """

    def build(self, input_shape):
        self.bias = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="bias")

    def call(self, x):
        # In eager mode Keras' conversion alone returns a tf.Variable.
        bias = tf.convert_to_tensor(ops.convert_to_tensor(self.bias))
        if tf.executing_eagerly():  # a call by hand: compiling for its shape would take longer
            return tf.nn.gelu(x + bias)
        return _bias_gelu(x, bias)

    def compute_output_shape(self, input_shape):
        return input_shape


@tf.custom_gradient
def _bias_gelu(x, bias):
    def gradient(upstream):
        gradient_of_x = _gelu_gradient(x, bias, upstream)
        # XLA's own sum over a map is slower.
        return gradient_of_x, tf.raw_ops.BiasAddGrad(out_backprop=gradient_of_x)

    return _gelu(x, bias), gradient


@tf.function(jit_compile=True, autograph=False)
def _gelu(x, bias):
    x += bias
    return x * 0.5 * (1 + tf.math.erf(x * math.sqrt(0.5)))


@tf.function(jit_compile=True, autograph=False)
def _gelu_gradient(x, bias, upstream):
    x += bias
    cdf = 0.5 * (1 + tf.math.erf(x * math.sqrt(0.5)))
    pdf = tf.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    return upstream * (cdf + x * pdf)


@keras.saving.register_keras_serializable("keras_ae")
class GatedLinearUnit(layers.Layer):
    """a * sigmoid(b), where a and b are the halves of the last axis.

    Input shape: (batch, ..., 2 * width). Output shape: (batch, ..., width).

    Source: Dauphin et al., "Language modeling with gated convolutional networks", ICML 2017,
    equation 1.
    """

    def call(self, x):
        a, b = ops.split(x, 2, axis=-1)
        return a * ops.sigmoid(b)


@keras.saving.register_keras_serializable("keras_ae")
class GatedTanh(layers.Layer):
    """tanh(a) * sigmoid(b), where a and b are the halves of the last axis.

    Input shape: (batch, ..., 2 * width). Output shape: (batch, ..., width).

    Source: van den Oord et al., "Conditional image generation with PixelCNN decoders", NeurIPS
    2016, equation 2.
    """

    def call(self, x):
        a, b = ops.split(x, 2, axis=-1)
        return ops.tanh(a) * ops.sigmoid(b)


GATES = {"glu": GatedLinearUnit, "gated_tanh": GatedTanh}


def activated(layer, width, activation, **options):
    """A layer with `width` units or filters, followed by its activation: a function of a tensor."""
    if activation == "fused_gelu":
        return lambda h: BiasGelu()(layer(width, use_bias=False, **options)(h))
    if not is_gated(activation):
        return layer(width, activation=activation, **options)

    def gated(h):
        area = options.get("kernel_size", 1) ** 2
        kernel = initializer(area * h.shape[-1], area * width, activation)
        return GATES[activation]()(layer(2 * width, kernel_initializer=kernel, **options)(h))

    return gated


def is_gated(activation):
    """Whether the activation is the name of a gated one, such as "glu"."""
    return isinstance(activation, str) and activation in GATES


def initializer(fan_in, fan_out, activation):
    """The Glorot-uniform initializer, also right for gated layers.

    A gated layer has twice the units, and Keras' own initializer would start it too small.
    """
    scale = (fan_in + 2 * fan_out) / (fan_in + fan_out) if is_gated(activation) else 1.0
    return keras.initializers.VarianceScaling(scale, mode="fan_avg", distribution="uniform")
