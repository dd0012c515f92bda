"""From a folder to a model: find, read, check, build, load the weights."""

from keras_ae.presets import catalogue
from keras_ae.presets.cards import CONFIG, WEIGHTS
from keras_ae.presets.checks import configs, json_files, reading, weights
from keras_ae.utils import files, imports


def load(
    name, *, load_weights=True, revision=None, cache_dir=None, local_files_only=False, **overrides
):
    """Loads a model, compiled and ready for `fit`, `evaluate` and `predict`.

    Args:
        name: a name from `list_models()`, a folder that `save_to_preset` wrote, or a repository
            on the Hugging Face Hub: "hf://user/repo" or "hf://user/repo@revision".
        load_weights: False for the same model with untrained weights.
        revision: a branch, a tag or a commit of a repository on the Hub; None for the main
            branch.
        cache_dir: folder for downloads; None for the cache of huggingface_hub.
        local_files_only: True to use only earlier downloads, without asking the Hub.
        overrides: constructor arguments to change, for example beta=4.0.

    Returns:
        keras.Model.

    Raises:
        ValueError: an unknown name; a damaged or altered file; a config with a class outside
            keras and keras_ae, or with absurd sizes; an override that the model does not know,
            or that does not fit the weights.
        FileNotFoundError: a file of the preset is missing; there is no such repository or
            revision; with local_files_only, it was not downloaded before.
        ConnectionError: the Hub cannot be reached, and the preset was not downloaded before.
        ImportError: the package huggingface_hub is missing.

    Example:

        vae = keras_ae.load("vae_digits")
        vae.sample(4)  # (4, 8, 8, 1)
    """
    folder = catalogue.find(name, revision, cache_dir, local_files_only)
    described, config, content = read(folder)
    known = check(folder, described, config, content)
    unknown = sorted(set(overrides) - set(config["config"]))
    if unknown:
        raise ValueError(
            f"Expected overrides among the constructor arguments of {described['family']}: "
            f"{', '.join(config['config'])}. Received: {', '.join(unknown)}"
        )
    allowed = weights.MAX_COUNT if overrides and not load_weights else known + weights.SPARE
    model = build({**config, "config": {**config["config"], **overrides}}, folder / CONFIG, allowed)
    if load_weights:
        fill(model, content, folder / WEIGHTS, overrides)
        # beta is a variable among the weights. The override replaces the stored value.
        for name in {"beta"} & set(overrides):
            getattr(model, name).assign(overrides[name])
    if not overrides and model.count_params() != described["parameters"]:
        raise reading.DamagedPresetError(
            folder / CONFIG, f"{model.count_params():,} weights, of {described['parameters']:,}"
        )
    model.compile()
    return model


def read(folder):
    """Reads a preset: (metadata, config, content of the weights file).

    If the preset is saved again at the same time, all three are old, or all three are new.
    """
    try:
        return read_once(folder)
    except (ValueError, FileNotFoundError):
        with files.locked(folder):  # a save may be under way
            return read_once(folder)


def read_once(folder):
    """As `read`, but fails if the preset is saved at the same time."""
    described = catalogue.read_metadata(folder)
    contents = {}
    for file, limit in ((CONFIG, reading.MAX_JSON), (WEIGHTS, weights.MAX_SIZE)):
        contents[file] = reading.read(folder, file, limit)
        reading.check_hash(contents[file], described["sha256"].get(file), folder / file)
    config = json_files.parse(contents[CONFIG], folder / CONFIG)
    return described, config, contents[WEIGHTS]


def check(folder, described, config, content):
    """The number of weights of a preset. Raises ValueError unless its content can be trusted."""
    with imports.fast():
        configs.check_config(config, folder / CONFIG)
    configs.check_agreement(config, described, folder / CONFIG)
    return weights.count(content, folder / WEIGHTS)


def build(config, path, allowed):
    """Builds the model of a config. Raises ValueError for more than `allowed` weights."""
    with imports.fast():
        import keras

        from keras_ae.models import Autoencoder
    configs.check_known(config, Autoencoder, path)
    try:
        with weights.budget(allowed):
            model = keras.saving.deserialize_keras_object(config)
    except Exception as error:  # Keras and TensorFlow raise many types for wrong arguments
        if isinstance(error, ValueError) and str(error).startswith("Expected"):
            raise
        raise ValueError(
            f"Expected {path} to describe a model that can be built. "
            f"Received: {reading.short(error)}"
        ) from error
    weights.check_outputs(model, path)
    return model


def fill(model, content, path, overrides):
    """Loads the weights of a file. Raises ValueError unless the model has exactly these weights."""
    try:
        model.load_weights(weights.InMemory(content))
        weights.check_loaded(model, content, path)
    except Exception as error:  # h5py and Keras raise many types
        changed, hint = "", "save or download the preset again"
        if overrides:
            changed = f" with {', '.join(f'{key}={value!r}' for key, value in overrides.items())}"
            hint = "load_weights=False gives the model with untrained weights"
        raise ValueError(
            f"Expected weights that fit the model{changed}; {hint}. "
            f"Received: {path}: {reading.short(error)}"
        ) from error
