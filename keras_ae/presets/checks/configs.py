"""What the config of a preset may name: classes of keras and keras_ae alone, of bounded sizes."""

import importlib
import math
import re

from keras_ae.presets.checks import reading

MAX_DEPTH = 64  # of JSON, and of groups of weights
MAX_OBJECTS = 2000  # classes named by a config, and groups and arrays of weights
MAX_SIZES = {  # by the name of the argument
    "latent_dim": 2**14,
    "components": 2**12,
    "flows": 2**6,
    "width": 2**12,
    "size": 2**16,
}
MAX_EXAMPLE = 2**26  # values of one example
MAX_AXES = 8
MAX_WIDTHS = 2**6  # hidden layers
MAX_WIDTH = 2**16  # units of one

SAFE_MODULES = {  # module: the classes that a config may name, or the parts of keras.layers that may define them
    "keras": {"DTypePolicy", "Model", "Sequential"},
    "keras.models": {"Model", "Sequential"},
    "keras.src.models.functional": {"Functional"},
    "keras.initializers": None,
    "keras.regularizers": None,
    "keras.constraints": None,
    "keras.optimizers.schedules": None,
    "keras.layers": None,
}
SAFE_LAYERS = re.compile(
    r"keras\.src\.layers\.((activations|attention|convolutional|core|merging|normalization|pooling|regularization|reshaping|rnn)\.\w+"
    r"|layer|preprocessing\.(rescaling|normalization|image_preprocessing\.\w+))"
)
UNSAFE_LAYERS = {
    "Lambda"
}  # runs code; lookup layers, left out above, read files of their config's choice
PLAIN_VALUES = {
    "__keras_tensor__",
    "__tuple__",
    "__ellipsis__",
    "__slice__",
}  # how Keras writes arguments of layers


def check_config(config, source):
    """Raises ValueError if a serialised model names anything but layers and the like of keras, and classes of keras_ae, or absurd sizes.

    Deserialising a Keras config imports the module that it names; a preset from a stranger must not choose one.

    Args:
        config: dict.
        source: str or path, for messages.
    """
    if not isinstance(config.get("config"), dict):
        raise reading.DamagedPresetError(source, "no constructor arguments")
    _check_classes(config, source, [0])
    _check_sizes(config["config"], source)


def check_known(config, base, source):
    """Raises ValueError if a config names a class of keras_ae that there is not, or is itself no `base`. Needs all of them imported."""
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
    """Raises ValueError if what the metadata says of the model is not what its config says."""
    said = {
        "family": metadata["family"],
        **{key: metadata.get("model", {}).get(key) for key in ("shape", "latent_dim", "widths")},
    }
    arguments = config["config"]
    built = {
        "family": config.get("class_name"),
        **{key: arguments.get(key) for key in ("shape", "latent_dim", "widths")},
    }
    for key, value in said.items():
        if value is not None and value != built[key]:
            raise reading.DamagedPresetError(
                source, f"{key} {built[key]}, where the metadata says {value}"
            )


# Inside


def _check_classes(config, source, count):
    if isinstance(config, dict):
        if "class_name" in config:
            count[0] += 1
            if count[0] > MAX_OBJECTS:
                raise ValueError(
                    f"Expected at most {MAX_OBJECTS} layers and other objects in {source}. Received: more"
                )
            _check_class(config, source)
        for value in config.values():
            _check_classes(value, source, count)
    elif isinstance(config, (list, tuple)):
        for value in config:
            _check_classes(value, source, count)


def _check_class(config, source):
    name, module, registered = (
        config["class_name"],
        config.get("module"),
        config.get("registered_name"),
    )
    if not isinstance(name, str) or not isinstance(module, (str, type(None))):
        raise ValueError(
            f"Expected a class name and a module in {source}. Received: {name!r}, {module!r}"
        )
    if module is None and name in PLAIN_VALUES:
        return
    if (
        module in SAFE_MODULES
        and registered in (None, name)
        and name in (SAFE_MODULES[module] or _classes_of(module))
    ):
        return
    if (
        (module or "").split(".")[0] == "keras_ae"
        and name.isidentifier()
        and registered == f"keras_ae>{name}"
    ):
        return
    raise ValueError(_refused(config, source))


def _refused(config, source):
    return (
        f"Expected only classes of keras and keras_ae in {source}, as presets run no other code. Received: "
        f"class_name={config['class_name']!r}, module={config.get('module')!r}, registered_name={config.get('registered_name')!r}"
    )


def _classes_of(module):
    classes = {
        name: value
        for name, value in vars(importlib.import_module(module)).items()
        if isinstance(value, type)
    }
    if module == "keras.layers":
        return {
            name for name, value in classes.items() if SAFE_LAYERS.fullmatch(value.__module__)
        } - UNSAFE_LAYERS
    return set(classes)


def _check_sizes(value, source, limits=MAX_SIZES):
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, (list, tuple))
        else ()
    )
    for key, item in items:
        if key in limits and _largest([item]) > limits[key]:
            raise ValueError(
                f"Expected `{key}` of at most {limits[key]:,} in {source}. Received: {item}"
            )
        if key == "shape" and isinstance(item, (list, tuple)):
            if (
                len(item) > MAX_AXES
                or math.prod(n for n in item if isinstance(n, (int, float))) > MAX_EXAMPLE
            ):
                raise ValueError(
                    f"Expected a shape of at most {MAX_EXAMPLE:,} values in {source}. Received: {item[:MAX_AXES]}"
                )
        if (
            key == "widths"
            and isinstance(item, (list, tuple))
            and (len(item) > MAX_WIDTHS or _largest(item) > MAX_WIDTH)
        ):
            received = f"{len(item)} of them, up to {_largest(item)}"
            raise ValueError(
                f"Expected at most {MAX_WIDTHS} `widths` of at most {MAX_WIDTH:,} in {source}. Received: {received}"
            )
        _check_sizes(item, source, limits)


def _largest(values):
    return max((value for value in values if isinstance(value, (int, float))), default=0)
