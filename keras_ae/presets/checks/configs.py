"""What a config may name: only classes of keras and keras_ae, with limited sizes."""

import importlib
import math
import re

from keras_ae.presets.checks import reading

MAX_DEPTH = 64  # of JSON, and of groups of weights
MAX_OBJECTS = 2000  # classes in a config; groups and arrays in a weights file
# {argument: the largest value}
MAX_SIZES = {
    "latent_dim": 2**14,
    "components": 2**12,
    "flows": 2**6,
    "width": 2**12,
    "size": 2**16,
    "blocks": 2**6,
}
MAX_EXAMPLE = 2**26  # values of one example
MAX_AXES = 8
MAX_WIDTHS = 2**6  # hidden layers, or layers of latent variables
MAX_WIDTH = 2**16  # units of a hidden layer

# {module: the classes that a config may name}. None: all of the module, but see SAFE_LAYERS.
SAFE_MODULES = {
    "keras": {"DTypePolicy", "Model", "Sequential"},
    "keras.models": {"Model", "Sequential"},
    "keras.src.models.functional": {"Functional"},
    "keras.initializers": None,
    "keras.regularizers": None,
    "keras.constraints": None,
    "keras.optimizers.schedules": None,
    "keras.layers": None,
}
# The modules that define the layers which a config may name. Lookup layers are missing: they read
# files that the config chooses.
SAFE_LAYERS = re.compile(
    r"keras\.src\.layers\.("
    r"(activations|attention|convolutional|core|merging|normalization|pooling|regularization"
    r"|reshaping|rnn)\.\w+"
    r"|layer|preprocessing\.(rescaling|normalization|image_preprocessing\.\w+))"
)
UNSAFE_LAYERS = {"Lambda"}  # it runs code
# Keras writes arguments of layers with these names.
PLAIN_VALUES = {"__keras_tensor__", "__tuple__", "__ellipsis__", "__slice__"}


def check_config(config, source):
    """Raises ValueError if a serialised model names an unsafe class or an absurd size.

    Safe are the classes of keras_ae, and the layers, initializers and so on of keras. Keras
    imports the module that a config names. A stranger must not choose that module.

    Args:
        config: dict.
        source: str or path, the config's name in messages.
    """
    if not isinstance(config.get("config"), dict):
        raise reading.DamagedPresetError(source, "no constructor arguments")
    _check_classes(config, source, [0])
    _check_sizes(config["config"], source)


def check_known(config, base, source):
    """Raises ValueError if a config names an unknown class of keras_ae, or is not a `base`.

    All classes of keras_ae must be imported already.

    Args:
        config: dict.
        base: the class that the model must inherit from.
        source: str or path, the config's name in messages.
    """
    import keras

    def check(value):
        if isinstance(value, dict):
            if str(value.get("registered_name")).startswith("keras_ae>") and "class_name" in value:
                if keras.saving.get_registered_object(value["registered_name"]) is None:
                    raise ValueError(_refused(value, source))
            value = list(value.values())
        for item in value if isinstance(value, list) else ():
            check(item)

    check(config)
    cls = keras.saving.get_registered_object(config.get("registered_name"))
    if not (isinstance(cls, type) and issubclass(cls, base)):
        raise reading.DamagedPresetError(
            source, f"the class {config.get('class_name')}, which is no model of keras_ae"
        )
    _check_sizes(config["config"], source, cls.size_limits)


def check_agreement(config, metadata, source):
    """Raises ValueError if the metadata and the config disagree about the model."""
    arguments, described = config["config"], metadata.get("model", {})
    pairs = {"family": (config.get("class_name"), metadata["family"])}
    for key in ("shape", "latent_dim", "widths"):
        pairs[key] = (arguments.get(key), described.get(key))
    for key, (built, said) in pairs.items():
        if said is not None and said != built:
            raise reading.DamagedPresetError(
                source, f"{key} {built}, where the metadata says {said}"
            )


# Inside


def _check_classes(config, source, count):
    """Checks all classes in a config, at any depth. `count`: a list of one int, how many so far."""
    if isinstance(config, dict):
        if "class_name" in config:
            count[0] += 1
            if count[0] > MAX_OBJECTS:
                raise ValueError(
                    f"Expected at most {MAX_OBJECTS} layers and other objects in {source}. "
                    "Received: more"
                )
            _check_class(config, source)
        for value in config.values():
            _check_classes(value, source, count)
    elif isinstance(config, (list, tuple)):
        for value in config:
            _check_classes(value, source, count)


def _check_class(config, source):
    """Raises ValueError unless a config may name its class."""
    name, module = config["class_name"], config.get("module")
    registered = config.get("registered_name")
    if not isinstance(name, str) or not isinstance(module, (str, type(None))):
        raise ValueError(
            f"Expected a class name and a module in {source}. Received: {name!r}, {module!r}"
        )
    if module is None and name in PLAIN_VALUES:
        return
    if module in SAFE_MODULES and registered in (None, name):
        if name in (SAFE_MODULES[module] or _classes_of(module)):
            return
    is_ours = (module or "").split(".")[0] == "keras_ae" and name.isidentifier()
    if is_ours and registered == f"keras_ae>{name}":
        return
    raise ValueError(_refused(config, source))


def _refused(config, source):
    return (
        f"Expected only classes of keras and keras_ae in {source}, because presets run no other "
        f"code. Received: class_name={config['class_name']!r}, module={config.get('module')!r}, "
        f"registered_name={config.get('registered_name')!r}"
    )


def _classes_of(module):
    """The names of the classes of a module that a config may name: a set."""
    contents = vars(importlib.import_module(module)).items()
    classes = {name: value for name, value in contents if isinstance(value, type)}
    if module != "keras.layers":
        return set(classes)
    safe = {name for name, value in classes.items() if SAFE_LAYERS.fullmatch(value.__module__)}
    return safe - UNSAFE_LAYERS


def _check_sizes(value, source, limits=MAX_SIZES):
    """Raises ValueError for an absurd size in a config, at any depth. limits: as `MAX_SIZES`."""
    items = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, (list, tuple)):
        items = enumerate(value)
    for key, item in items:
        if key in limits and _largest([item]) > limits[key]:
            raise ValueError(
                f"Expected `{key}` of at most {limits[key]:,} in {source}. Received: {item}"
            )
        if key == "latent_dim" and isinstance(item, (list, tuple)) and len(item) > MAX_WIDTHS:
            raise ValueError(
                f"Expected at most {MAX_WIDTHS} layers of latent variables in {source}. "
                f"Received: {len(item)}"
            )
        if key == "shape" and isinstance(item, (list, tuple)):
            values = math.prod(n for n in item if isinstance(n, (int, float)))
            if len(item) > MAX_AXES or values > MAX_EXAMPLE:
                raise ValueError(
                    f"Expected a shape of at most {MAX_EXAMPLE:,} values in {source}. "
                    f"Received: {item[:MAX_AXES]}"
                )
        if key == "widths" and isinstance(item, (list, tuple)):
            if len(item) > MAX_WIDTHS or _largest(item) > MAX_WIDTH:
                raise ValueError(
                    f"Expected at most {MAX_WIDTHS} `widths` of at most {MAX_WIDTH:,} in {source}. "
                    f"Received: {len(item)} of them, up to {_largest(item)}"
                )
        _check_sizes(item, source, limits)


def _largest(values):
    """The largest number in a list, at any depth."""
    numbers = [_largest(v) if isinstance(v, (list, tuple)) else v for v in values]
    return max((number for number in numbers if isinstance(number, (int, float))), default=0)
