"""A folder -> a model: find, read, check, build, fill."""

from keras_ae.presets import catalogue
from keras_ae.presets.cards import CONFIG, WEIGHTS
from keras_ae.presets.checks import configs, json_files, reading, weights
from keras_ae.utils import files, imports


def load(
    name, *, load_weights=True, revision=None, cache_dir=None, local_files_only=False, **overrides
):
    """Loads a model, compiled and ready for `fit`, `evaluate` and `predict`.

    Args:
        name: a name of `list_models()`, a folder written by `save_to_preset`, or "hf://user/repo" on the Hugging Face Hub, with a
            revision as "hf://user/repo@revision".
        load_weights: False for the same model with fresh weights.
        revision: of a repository on the Hub: a branch, a tag or a commit; None for the main branch.
        cache_dir: folder that downloads are kept in; None for huggingface_hub's own.
        local_files_only: whether to take what was downloaded before, without asking the Hub.
        overrides: constructor arguments to change, for example beta=4.0.

    Returns:
        keras.Model.

    Raises:
        ValueError: an unknown name; a file that is damaged or was altered; a config that names a class outside keras and keras_ae, or
            absurd sizes; an override that the model does not know, or that the weights do not fit.
        FileNotFoundError: a file of the preset is missing; there is no such repository or revision, or it was not downloaded before.
        ConnectionError: the Hub cannot be reached, and the preset was not downloaded before.
        ImportError: the package huggingface_hub is missing.
    """
    folder = catalogue.find(name, revision, cache_dir, local_files_only)
    described, config, content = read(folder)
    known = check(folder, described, config, content)
    unknown = sorted(set(overrides) - set(config["config"]))
    if unknown:
        raise ValueError(
            f"Expected overrides among the constructor arguments of {described['family']}: {', '.join(config['config'])}. Received: "
            f"{', '.join(unknown)}"
        )
    allowed = weights.MAX_COUNT if overrides and not load_weights else known + weights.SPARE
    model = build({**config, "config": {**config["config"], **overrides}}, folder / CONFIG, allowed)
    if load_weights:
        fill(model, content, folder / WEIGHTS, overrides)
        for name in {"beta"} & set(overrides):  # a variable among the weights; the override stands
            getattr(model, name).assign(overrides[name])
    if not overrides and model.count_params() != described["parameters"]:
        raise reading.DamagedPresetError(
            folder / CONFIG, f"{model.count_params():,} weights, of {described['parameters']:,}"
        )
    model.compile()
    return model


def read(folder):
    """(metadata, config, content of the weights file) of one preset: if it is saved again meanwhile, all of the old or of the new one."""
    try:
        return read_once(folder)
    except (ValueError, FileNotFoundError):
        with files.locked(folder):  # a save may be under way
            return read_once(folder)


def read_once(folder):
    """As `read`, in one go."""
    described = catalogue.read_metadata(folder)
    contents = {}
    for file, limit in ((CONFIG, reading.MAX_JSON), (WEIGHTS, weights.MAX_SIZE)):
        contents[file] = reading.read(folder, file, limit)
        reading.check_hash(contents[file], described["sha256"].get(file), folder / file)
    config = json_files.parse(contents[CONFIG], folder / CONFIG)
    return described, config, contents[WEIGHTS]


def check(folder, described, config, content):
    """Raises ValueError unless the content of a preset can be trusted. Returns the number of its weights."""
    with imports.fast():
        configs.check_config(config, folder / CONFIG)
    configs.check_agreement(config, described, folder / CONFIG)
    return weights.count(content, folder / WEIGHTS)


def build(config, path, allowed):
    """The model of a config, of at most so many weights."""
    with imports.fast():
        import keras

        from keras_ae.models import Autoencoder
    configs.check_known(config, Autoencoder, path)
    try:
        with weights.budget(allowed):
            model = keras.saving.deserialize_keras_object(config)
    except Exception as error:  # what Keras and TensorFlow raise for arguments of a wrong type or size is of many types
        if isinstance(error, ValueError) and str(error).startswith("Expected"):
            raise
        raise ValueError(
            f"Expected {path} to describe a model that can be built. Received: {reading.short(error)}"
        ) from error
    weights.check_outputs(model, path)
    return model


def fill(model, content, path, overrides):
    """Gives a model the weights of a file. Raises ValueError unless they are exactly the model's."""
    try:
        model.load_weights(weights.InMemory(content))
        weights.check_loaded(model, content, path)
    except Exception as error:  # h5py and Keras raise many types
        changed = (
            f" with {', '.join(f'{k}={v!r}' for k, v in overrides.items())}" if overrides else ""
        )
        hint = (
            "load_weights=False gives the model with fresh weights"
            if overrides
            else "save or download the preset again"
        )
        raise ValueError(
            f"Expected weights that fit the model{changed}; {hint}. Received: {path}: {reading.short(error)}"
        ) from error
