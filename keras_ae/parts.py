"""The parts that a model is made of, by name: a prior, a likelihood, a corruption, ... are each a name, a config or a layer."""

import keras


def get(role, identifier, names, kind, *args, **options):
    """The layer of a name, a config or a layer.

    Args:
        role: str, what the part is to the model, the name of the constructor's argument.
        identifier: a name, a serialised layer, or a layer, which is returned as it is.
        names: dict of the classes that have a name.
        kind: the class that every such part belongs to.
        args, options: constructor arguments, for a name.

    Raises:
        ValueError: it is none of these.
    """
    if isinstance(identifier, dict):
        identifier = keras.saving.deserialize_keras_object(identifier)
    if isinstance(identifier, str) and identifier in names:
        identifier = names[identifier](*args, **options)
    if not isinstance(identifier, kind):
        known, name = ", ".join(map(repr, names)), "Keras" if kind is keras.Layer else kind.__name__
        raise ValueError(f"Expected `{role}` to be one of {known}, or a {name} layer. Received: {identifier!r}")
    return identifier
