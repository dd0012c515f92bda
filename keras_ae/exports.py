"""Export: a part of a model as a file that needs no keras_ae, nor Keras: a TensorFlow SavedModel, or ONNX.

keras_ae.export(vae, "decoder.onnx", role="decoder")
"""

import contextlib
import os
import pathlib
import shutil
import tempfile

import numpy as np
import tensorflow as tf

from keras_ae.utils import files

ROLES = {
    "encoder": ("x", "code"),
    "decoder": ("z", "mean"),
    "reconstruct": ("x", "mean"),
}  # role: names of input and output
FORMATS = ("savedmodel", "onnx")
OPSET = 17  # of ONNX; browsers' runtimes know it
RANDOM = (
    "Random",
    "Stateless",
    "Rng",
    "Multinomial",
    "ParameterizedTruncatedNormal",
)  # in the names of operations that draw


def export(model, path, role="decoder", format=None):
    """Writes a part of a model as a file for other programs. Nothing in it draws at random; any batch size will do.

    Args:
        model: a model of keras_ae.
        path: str or path: a file for ONNX, a folder for a SavedModel. It is replaced whole; a folder only if it is a SavedModel.
        role: "encoder": x (batch, *shape) -> the code (batch, latent_dim), for a VAE the posterior mean. "decoder": z (batch, latent_dim)
            -> the mean of p(x|z), (batch, *shape). "reconstruct": one after the other. All float32; x in the likelihood's support.
        format: "onnx", "savedmodel", or None: ONNX where the path ends in .onnx.

    Returns:
        pathlib.Path.

    Raises:
        ValueError: an argument is none of these; the folder holds something else; the model draws at random even when it predicts.
        ImportError: the packages for ONNX are missing.
        OSError: the disk is full, or the folder cannot be written.
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
            f"Expected `format` to be one of {', '.join(map(repr, FORMATS))}. Received: format={format!r}"
        )
    if format == "onnx":
        _write_onnx(model, path, role)
    else:
        _write_saved_model(model, path, role)
    return path


def _function(model, role):
    """The tf.function of a role, a graph without calls of other functions, and its variables."""
    name, result = ROLES[role]
    shape = (model.latent_dim,) if role == "decoder" else model.shape
    verb = {"encoder": model.encode, "decoder": model.decode, "reconstruct": model.reconstruct}[
        role
    ]

    def serve(value):
        return {
            result: tf.ensure_shape(
                tf.cast(verb(value), tf.float32), (None, *_result_shape(model, role))
            )
        }

    function = tf.function(
        serve, input_signature=[tf.TensorSpec((None, *shape), tf.float32, name)], autograph=False
    )
    with _inlined():
        graph = function.get_concrete_function().graph
    drawn = sorted(
        {operation for operation in _operations(graph) if any(word in operation for word in RANDOM)}
    )
    if drawn:
        raise ValueError(
            f"Expected a model whose {role} draws nothing when it predicts. Received: one with {', '.join(drawn)}"
        )
    return function


def _result_shape(model, role):
    return (model.latent_dim,) if role == "encoder" else model.shape


@contextlib.contextmanager
def _inlined():
    """Lets tf.functions that are called while another is traced become part of it: those that are compiled by XLA have no ONNX."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


def _operations(graph):
    """The types of all operations of a graph and of the functions in it."""
    definition = graph.as_graph_def()
    for nodes in (
        definition.node,
        *(function.node_def for function in definition.library.function),
    ):
        yield from (node.op for node in nodes)


# SavedModel


def _write_saved_model(model, path, role):
    if (
        path.exists()
        and not (path / "saved_model.pb").is_file()
        and not (path.is_dir() and not any(path.iterdir()))
    ):
        raise ValueError(
            f"Expected a new folder, or one that holds a SavedModel. Received: {str(path)!r}, which holds something else"
        )
    function = _function(model, role)
    module = tf.Module()
    module.serve = function
    module.parts = (
        function.get_concrete_function().variables
    )  # what the function reads must be tracked
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
            f'Expected the packages that write ONNX: pip install "keras-ae[onnx]". Received: {error}',
            name=error.name,
        ) from error
    if path.is_dir():
        raise ValueError(
            f"Expected a file to write ONNX to. Received: {str(path)!r}, which is a folder"
        )
    function = _function(model, role)
    converted, _ = tf2onnx.convert.from_function(
        function,
        function.input_signature,
        opset=OPSET,
        custom_op_handlers={
            "BroadcastArgs": (_broadcast_args, []),
            "Erfc": (_erfc, []),
            "Expm1": (_expm1, []),
        },
    )
    _name_ends(converted.graph, role)
    converted.doc_string = f"The {role} of a keras_ae.{type(model).__name__}"
    try:
        onnx.checker.check_model(converted, full_check=True)
    except onnx.checker.ValidationError as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"Expected a model whose {role} is made of operations that ONNX {OPSET} has. Received: {reason}"
        ) from error
    with files.replacing(path, "the ONNX file") as part:
        part.write_bytes(converted.SerializeToString())


def _broadcast_args(context, node, name, arguments):
    """The shape that two shapes are broadcast to, which tf2onnx lacks: the larger of each length, once both have as many axes."""
    ranks = [context.get_shape(shape)[0] for shape in node.input]
    for i, rank in enumerate(ranks):
        if rank < max(ranks):
            dtype = context.get_dtype(node.input[i])
            numpy_dtype = np.int64 if dtype == 7 else np.int32
            ones = context.make_const(
                f"{name}_ones_{i}", np.ones(max(ranks) - rank, numpy_dtype)
            ).output[0]
            padded = context.make_node(
                "Concat",
                [ones, node.input[i]],
                attr={"axis": 0},
                dtypes=[dtype],
                shapes=[[max(ranks)]],
            )
            context.replace_input(node, node.input[i], padded.output[0], i)
    node.type = "Max"
    node.domain = ""


def _erfc(context, node, name, arguments):
    """erfc(x) = 1 - erf(x), which tf2onnx lacks."""
    erf = _like(context, node, "Erf", node.input[0])
    context.replace_inputs(node, [_constant(context, f"{name}_one", 1), erf])
    node.type = "Sub"


def _expm1(context, node, name, arguments):
    """exp(x) - 1 = tanh(x / 2) (exp(x) + 1), which is exact near 0 as well, and which tf2onnx lacks."""
    (x,) = node.input
    half = _like(context, node, "Mul", x, _constant(context, f"{name}_half", 0.5))
    above = _like(
        context, node, "Add", _like(context, node, "Exp", x), _constant(context, f"{name}_one", 1)
    )
    context.replace_inputs(node, [_like(context, node, "Tanh", half), above])
    node.type = "Mul"


def _like(context, node, operation, *inputs):
    """The output of a new operation, of the shape and type of a node's input."""
    shape, dtype = context.get_shape(node.input[0]), context.get_dtype(node.input[0])
    return context.make_node(operation, list(inputs), dtypes=[dtype], shapes=[shape]).output[0]


def _constant(context, name, value):
    return context.make_const(name, np.array(value, np.float32)).output[0]


def _name_ends(graph, role):
    """Gives the input, the output and their first axis names to be used by."""
    for value, name in ((graph.input[0], ROLES[role][0]), (graph.output[0], ROLES[role][1])):
        for node in graph.node:
            for names in (node.input, node.output):
                for i, old in enumerate(names):
                    if old == value.name:
                        names[i] = name
        value.name = name
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
