"""Export of a part of a model as a TensorFlow SavedModel or as ONNX.

The file needs neither keras_ae nor Keras.
"""

import contextlib
import os
import pathlib
import shutil
import tempfile

import numpy as np
import tensorflow as tf

from keras_ae.utils import files

# {role: (name of the input, name of the output)}
ROLES = {"encoder": ("x", "code"), "decoder": ("z", "mean"), "reconstruct": ("x", "mean")}
FORMATS = ("savedmodel", "onnx")
OPSET = 17  # the version of ONNX's operations; the runtimes of browsers know it
# Operations that draw have one of these in their names.
RANDOM = ("Random", "Stateless", "Rng", "Multinomial", "ParameterizedTruncatedNormal")


def export(model, path, role="decoder", format=None):
    """Writes a part of a model to a file for other programs.

    The part draws nothing at random, and accepts any batch size.

    Args:
        model: a model of keras_ae.
        path: str or path: a file for ONNX, a folder for a SavedModel. What is there is replaced,
            but a folder only if it is empty or holds a SavedModel.
        role: one of
            "encoder": x (batch, *shape) -> the code (batch, latent_dim), for a VAE the posterior
            mean;
            "decoder": z (batch, latent_dim) -> the mean of p(x|z), (batch, *shape);
            "reconstruct": the encoder, then the decoder.
            All are float32. x must lie in the support of the likelihood.
        format: "onnx", "savedmodel", or None: ONNX if the path ends in .onnx, else SavedModel.

    Returns:
        pathlib.Path.

    Raises:
        ValueError: an argument is none of these; the folder holds something else; the model
            draws at random even when it predicts.
        ImportError: the packages for ONNX are missing.
        OSError: the disk is full, or the folder cannot be written.

    Example:

        vae = keras_ae.VAE((8, 8, 1), latent_dim=2)
        keras_ae.export(vae, "decoder", role="decoder")
        loaded = tf.saved_model.load("decoder")
        loaded.serve(np.zeros((4, 2), "float32"))["mean"]  # (4, 8, 8, 1)
    """
    from keras_ae.models.autoencoder import Autoencoder

    path = pathlib.Path(path)
    format = format or ("onnx" if path.suffix == ".onnx" else "savedmodel")
    if not isinstance(model, Autoencoder):
        raise ValueError(f"Expected a model of keras_ae. Received: {type(model).__name__}")
    if role not in ROLES:
        raise ValueError(
            f"Expected `role` to be one of {', '.join(map(repr, ROLES))}. Received: role={role!r}"
        )
    if format not in FORMATS:
        raise ValueError(
            f"Expected `format` to be one of {', '.join(map(repr, FORMATS))}. "
            f"Received: format={format!r}"
        )
    if format == "onnx":
        _write_onnx(model, path, role)
    else:
        _write_saved_model(model, path, role)
    return path


def _function(model, role):
    """The tf.function of a role: one graph that calls no other function.

    Raises:
        ValueError: the graph draws at random.
    """
    name, result = ROLES[role]
    shape = (model.latent_dim,) if role == "decoder" else model.shape
    result_shape = (model.latent_dim,) if role == "encoder" else model.shape
    verbs = {"encoder": model.encode, "decoder": model.decode, "reconstruct": model.reconstruct}

    def serve(value):
        output = tf.cast(verbs[role](value), tf.float32)
        return {result: tf.ensure_shape(output, (None, *result_shape))}

    signature = [tf.TensorSpec((None, *shape), tf.float32, name)]
    function = tf.function(serve, input_signature=signature, autograph=False)
    with _inlined():
        operations = set(_operations(function.get_concrete_function().graph))
    drawn = sorted(name for name in operations if any(word in name for word in RANDOM))
    if drawn:
        raise ValueError(
            f"Expected a model whose {role} draws nothing when it predicts. "
            f"Received: one with {', '.join(drawn)}"
        )
    return function


@contextlib.contextmanager
def _inlined():
    """Makes tf.functions that are called during tracing a part of the graph that is traced.

    A function that XLA compiles cannot be converted to ONNX.
    """
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


def _operations(graph):
    """The types of all operations in a graph and in its functions."""
    definition = graph.as_graph_def()
    functions = definition.library.function
    for nodes in (definition.node, *(function.node_def for function in functions)):
        yield from (node.op for node in nodes)


# SavedModel


def _write_saved_model(model, path, role):
    is_empty = path.is_dir() and not any(path.iterdir())
    if path.exists() and not is_empty and not (path / "saved_model.pb").is_file():
        raise ValueError(
            "Expected a new folder, or one that holds a SavedModel. "
            f"Received: {str(path)!r}, which holds something else"
        )
    function = _function(model, role)
    module = tf.Module()
    module.serve = function
    # A SavedModel must track the variables that the function reads.
    module.parts = function.get_concrete_function().variables
    with files.writing(f"the SavedModel {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as name:
            new, old = pathlib.Path(name) / "new", pathlib.Path(name) / "old"
            tf.saved_model.save(module, new, signatures={"serving_default": function})
            if path.exists():
                os.replace(path, old)
            os.replace(new, path)
            shutil.rmtree(old, ignore_errors=True)


# ONNX


def _write_onnx(model, path, role):
    try:
        import onnx
        import tf2onnx
    except ImportError as error:
        raise ImportError(
            'Expected the packages that write ONNX: pip install "keras-ae[onnx]". '
            f"Received: {error}",
            name=error.name,
        ) from error
    if path.is_dir():
        raise ValueError(
            f"Expected a file to write ONNX to. Received: {str(path)!r}, which is a folder"
        )
    function = _function(model, role)
    handlers = {"BroadcastArgs": _broadcast_args, "Erfc": _erfc, "Expm1": _expm1}
    converted, _ = tf2onnx.convert.from_function(
        function,
        function.input_signature,
        opset=OPSET,
        custom_op_handlers={name: (handler, []) for name, handler in handlers.items()},
    )
    _name_ends(converted.graph, role)
    converted.doc_string = f"The {role} of a keras_ae.{type(model).__name__}"
    try:
        onnx.checker.check_model(converted, full_check=True)
    except onnx.checker.ValidationError as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"Expected a model whose {role} is made of operations that ONNX {OPSET} has. "
            f"Received: {reason}"
        ) from error
    with files.replacing(path, "the ONNX file") as part:
        part.write_bytes(converted.SerializeToString())


def _broadcast_args(context, node, name, arguments):
    """The shape that two shapes broadcast to; tf2onnx lacks it.

    The shorter shape gets leading ones. Then the larger length of each axis is taken.
    """
    ranks = [context.get_shape(shape)[0] for shape in node.input]
    rank = max(ranks)
    for i, missing in enumerate(rank - r for r in ranks):
        if missing:
            shape = node.input[i]
            dtype = context.get_dtype(shape)
            ones = np.ones(missing, np.int64 if dtype == 7 else np.int32)  # 7: ONNX's int64
            ones = context.make_const(f"{name}_ones_{i}", ones).output[0]
            padded = context.make_node(
                "Concat", [ones, shape], attr={"axis": 0}, dtypes=[dtype], shapes=[[rank]]
            )
            context.replace_input(node, shape, padded.output[0], i)
    node.type = "Max"
    node.domain = ""


def _erfc(context, node, name, arguments):
    """erfc(x) = 1 - erf(x); tf2onnx lacks it."""
    erf = _like(context, node, "Erf", node.input[0])
    context.replace_inputs(node, [_constant(context, f"{name}_one", 1), erf])
    node.type = "Sub"


def _expm1(context, node, name, arguments):
    """exp(x) - 1 = tanh(x / 2) (exp(x) + 1), exact near 0, too; tf2onnx lacks it."""
    (x,) = node.input
    half = _like(context, node, "Mul", x, _constant(context, f"{name}_half", 0.5))
    one = _constant(context, f"{name}_one", 1)
    above = _like(context, node, "Add", _like(context, node, "Exp", x), one)
    context.replace_inputs(node, [_like(context, node, "Tanh", half), above])
    node.type = "Mul"


def _like(context, node, operation, *inputs):
    """The output of a new operation. It has the shape and type of the node's input."""
    shape, dtype = context.get_shape(node.input[0]), context.get_dtype(node.input[0])
    return context.make_node(operation, list(inputs), dtypes=[dtype], shapes=[shape]).output[0]


def _constant(context, name, value):
    return context.make_const(name, np.array(value, np.float32)).output[0]


def _name_ends(graph, role):
    """Names the input and the output by `ROLES`, and their first axis "batch"."""
    for value, name in zip((graph.input[0], graph.output[0]), ROLES[role], strict=True):
        for node in graph.node:
            for names in (node.input, node.output):
                for i, old in enumerate(names):
                    if old == value.name:
                        names[i] = name
        value.name = name
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
