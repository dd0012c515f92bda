"""Checks of arguments that need no TensorFlow, so that a mistake is answered at once.

What a model can do is read from its card. The card of a stranger's preset may not say it. Then
nothing is refused here: the model itself decides once it is loaded.
"""

import importlib.util

from keras_ae.presets import info


def card(name):
    """The card of a model. Raises ValueError or FileNotFoundError if there is no such model."""
    try:
        return info(name)
    except ValueError as error:
        text = str(error).replace("keras_ae.list_models() gives all", "keras-ae list shows all")
        raise ValueError(text) from error


def in_range(value, option, least, most=None):
    """Raises ValueError unless the value of an option is in a range, or None."""
    if value is not None and value < least:
        raise ValueError(f"Expected {option} to be at least {least}. Received: {value}")
    if value is not None and most is not None and value > most:
        raise ValueError(f"Expected {option} to be at most {most:,}. Received: {value}")


def one_of(value, option, known):
    """Raises ValueError unless the value of an option is one of the known ones, or None."""
    if value is not None and value not in known:
        raise ValueError(f"Expected {option} to be one of {', '.join(known)}. Received: {value!r}")


def verb(found, name, what, hint=""):
    """Raises ValueError if a card shows that its model lacks a method.

    Args:
        found: ModelCard.
        name: of the method.
        what: the kind of model that has it, for the message.
        hint: a sentence on what to do instead.
    """
    if found.verbs and name not in found.verbs:
        received = f"{found.name}, which is {article(found.family)}"
        raise ValueError(f"Expected {what}. Received: {received}.{hint}")


def images(found):
    """Raises ValueError if a card shows that its model is not one of images."""
    if found.shape and (len(found.shape) != 3 or found.shape[-1] not in (1, 3)):
        raise ValueError(
            f"Expected a model of images. Received: {found.name}, whose examples have the shape "
            f"{found.shape}"
        )


def packages(names, what, extra):
    """Raises ImportError unless the packages are installed."""
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(
            f'Expected the packages that {what}: pip install "keras-ae[{extra}]". '
            f"Received: no {' and no '.join(missing)}"
        )


def article(name):
    """ "a VAE", "an AE"."""
    return f"{'an' if name[:1] in 'AEIO' or name[:2] == 'HV' else 'a'} {name}"
