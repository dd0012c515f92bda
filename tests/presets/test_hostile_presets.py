"""Presets that are damaged, or made to do harm.

Each is refused with a clear error, or gives the right model. Nothing else ever happens. The
weights file is tested in test_hostile_weights.py.
"""

import copy
import json
import os
import random

import keras
import pytest
from hostile import CONFIG, METADATA, WEIGHTS, edited, flipped, paths, rehashed, written

import keras_ae

# Damage: the hashes are wrong


@pytest.mark.mutations(100)
@pytest.mark.parametrize("name", [pytest.param("vae_mnist", marks=pytest.mark.slow), "own"])
def test_truncated_and_flipped_files(name, presets, judge):
    files = presets[name]
    chance = random.Random(0)
    for file in (CONFIG, WEIGHTS, METADATA):
        content = files[file]
        for length in {
            0,
            1,
            2,
            100,
            len(content) // 3,
            len(content) // 2,
            len(content) - 3,
            *range(200, len(content), len(content) // 5),
        }:
            judge(name, f"{file} of {length} bytes", {**files, file: content[:length]}, "refused")
        judge(name, f"{file} with a byte more", {**files, file: content + b"x"}, "refused")
        judge(name, f"{file} twice", {**files, file: content * 2}, "refused")
        for _ in range(20):
            position = chance.randrange(8 * len(content))
            # The metadata have no hash. A digit of a metric may change, but the model stays right.
            allowed = "either" if file == METADATA else "refused"
            judge(
                name,
                f"{file}, bit {position}",
                {**files, file: flipped(content, position)},
                allowed,
            )


@pytest.mark.mutations(170)
def test_swapped_missing_and_renamed_files(presets, judge):
    names = list(presets)
    for name in names:
        files = presets[name]
        for file in (CONFIG, WEIGHTS, METADATA):
            judge(
                name,
                f"no {file}",
                {key: value for key, value in files.items() if key != file},
                "refused",
            )
            renamed = {
                **{key: value for key, value in files.items() if key != file},
                file.upper(): files[file],
            }
            judge(name, f"{file} renamed", renamed, "refused")
            for other in names:
                if presets[other][file] != files[file]:
                    judge(
                        name, f"{file} of {other}", {**files, file: presets[other][file]}, "refused"
                    )
            for other in (CONFIG, WEIGHTS, METADATA, "README.md"):
                if other != file:
                    judge(name, f"{other} as {file}", {**files, file: files[other]}, "refused")
        for other in names:
            if other != name:
                judge(
                    name,
                    f"weights of {other}, hashes that fit",
                    rehashed({**files, WEIGHTS: presets[other][WEIGHTS]}),
                    "refused",
                )
                judge(
                    name,
                    f"config of {other}, hashes that fit",
                    rehashed({**files, CONFIG: presets[other][CONFIG]}),
                    "refused",
                )


@pytest.mark.mutations(20)
def test_harmless_changes_are_accepted(presets, judge):
    for name in ("AE", "own"):
        files = presets[name]
        config = json.loads(files[CONFIG])
        judge(
            name,
            "no picture, no README",
            {key: files[key] for key in (CONFIG, WEIGHTS, METADATA)},
            "same",
        )
        judge(
            name,
            "another README",
            {**files, "README.md": b"\xff" * 1000, "samples.png": b"no picture"},
            "same",
        )
        judge(
            name,
            "a recipe and a pickle",
            {**files, "recipe.py": b"import os; os.system('x')", "model.pkl": b"cos\nsystem\n"},
            "same",
        )
        for style in (
            {"indent": 4},
            {"separators": (",", ":")},
            {"ensure_ascii": True, "sort_keys": True},
        ):
            judge(
                name,
                f"config as {style}",
                rehashed({**files, CONFIG: json.dumps(config, **style).encode()}),
                "same",
            )
            judge(
                name,
                f"metadata as {style}",
                {**files, METADATA: json.dumps(json.loads(files[METADATA]), **style).encode()},
                "same",
            )
        judge(name, "another day", rehashed(files, date="tomorrow", summary="Owned."), "same")


@pytest.mark.mutations(28)
def test_links_and_special_files(presets, judge, tmp_path):
    files = presets["AE"]
    outside = tmp_path / "outside"
    outside.mkdir()
    written(files, outside)
    for file in (CONFIG, WEIGHTS, METADATA):
        for label, make in {
            "a link outside": lambda path: path.symlink_to(outside / path.name),
            "a relative link outside": lambda path: path.symlink_to(f"../outside/{path.name}"),
            "a link to nothing": lambda path: path.symlink_to("nothing"),
            "a link to itself": lambda path: path.symlink_to(path.name),
            "a link to /dev/zero": lambda path: path.symlink_to("/dev/zero"),
            "a link to a folder": lambda path: path.symlink_to(outside),
            "a folder": lambda path: path.mkdir(),
            "a pipe": lambda path: os.mkfifo(path),
        }.items():
            judge("AE", f"{file} is {label}", {**files, file: make}, "refused")
        here = {
            **files,
            file: lambda path: path.symlink_to(f"real.{path.name}"),
            f"real.{file}": files[file],
        }
        judge("AE", f"{file} is a link inside", here, "same")
    judge(
        "AE",
        "README.md is a link outside",
        {**files, "README.md": lambda path: path.symlink_to("/etc/passwd")},
        "same",
    )
    folder = tmp_path / "leak"
    folder.mkdir()
    links = {
        file: lambda path: path.symlink_to(outside / CONFIG)
        for file in ("recipe.py", "samples.png")
    }
    card = keras_ae.info(written({**files, **links}, folder))
    assert card.recipe is None and card.picture is None


# Wrong JSON, with right or wrong hashes


@pytest.mark.mutations(100)
def test_wrong_json(presets, judge):
    for name in ("AE", "VAE"):
        files = presets[name]
        for file in (CONFIG, METADATA):
            text = files[file].decode()
            inside = text.rstrip()[:-1]
            for label, content in {
                "NaN": f'{inside}, "a": NaN}}',
                "Infinity": f'{inside}, "a": [-Infinity]}}',
                "1e999": f'{inside}, "a": 1e999}}',
                "a number of 5,000 digits": f'{inside}, "a": {"9" * 5000}}}',
                "a number beyond 64 bits": f'{inside}, "a": {"9" * 30}}}',
                "a name twice": f'{inside}, "class_name": "AE", "class_name": "VAE"}}',
                "a comma too many": f"{inside},}}",
                "a comment": f"{text} // comment",
                "two objects": text + text,
                "a list": f"[{text}]",
                "a string": '"AE"',
                "a number": "5",
                "null": "null",
                "an empty object": "{}",
                "100,000 lists": "[" * 100_000 + "]" * 100_000,
                "100,000 objects": '{"a":' * 100_000 + "1" + "}" * 100_000,
                "100 lists": f'{inside}, "a": {"[" * 100}{"]" * 100}}}',
                "100,000 lists inside": f'{inside}, "a": {"[" * 100_000}{"]" * 100_000}}}',
                "9 million bytes": f'{inside}, "a": "{"x" * 9_000_000}"}}',
                "a control character": f'{inside}, "a": "\\u001b[31m"}}',
                "half a character": f'{inside}, "a": "\\ud800"}}',
                "quotes of Python": text.replace('"', "'"),
                "Python": "__import__('os').system('x')",
            }.items():
                changed = {**files, file: content.encode("utf-8", "surrogatepass")}
                judge(
                    name,
                    f"{file}: {label}",
                    rehashed(changed) if file == CONFIG else changed,
                    "refused",
                )
            for encoding in ("utf-16", "utf-32", "utf-8-sig"):
                changed = {**files, file: text.encode(encoding)}
                judge(
                    name,
                    f"{file} in {encoding}",
                    rehashed(changed) if file == CONFIG else changed,
                    "refused",
                )


WRONG = [
    None,
    True,
    -1,
    0,
    10**12,
    2.5,
    1e300,
    "",
    "os.system",
    "../../etc",
    [],
    [None],
    [[1]],
    {},
    {"a": None},
]
EVIL = {"module": "os", "class_name": "system", "config": {"command": "x"}, "registered_name": None}
METRIC = {
    "name": "nll",
    "value": 1.0,
    "standard_error": 0.1,
    "unit": "nats",
    "protocol": {"dataset": "mnist", "n_samples": 5},
}


@pytest.mark.mutations(160)
def test_wrong_types_in_the_metadata(presets, judge):
    files = presets["AE"]
    described = json.loads(files[METADATA])
    for key in ("family", "parameters", "sha256", "metrics"):
        judge(
            "AE",
            f"no {key}",
            {
                **files,
                METADATA: json.dumps({k: v for k, v in described.items() if k != key}).encode(),
            },
            "refused",
        )
        for value in WRONG:
            allowed = "same" if (key, value) == ("metrics", []) else "refused"
            judge(
                "AE",
                f"{key} = {value}",
                {**files, METADATA: edited(files[METADATA], (key,), value)},
                allowed,
            )
    for file in (CONFIG, WEIGHTS):
        for value in WRONG:
            judge(
                "AE",
                f"sha256 of {file} = {value}",
                {**files, METADATA: edited(files[METADATA], ("sha256", file), value)},
                "refused",
            )
    for key in ("shape", "latent_dim", "widths"):
        for value in (value for value in WRONG if value is not None):
            judge(
                "AE",
                f"model {key} = {value}",
                {**files, METADATA: edited(files[METADATA], ("model", key), value)},
                "refused",
            )
    for key in ("training", "versions", "model", "formula", "verbs", "summary"):
        for value in (5, [{}], True):
            judge(
                "AE",
                f"{key} = {value}",
                {**files, METADATA: edited(files[METADATA], (key,), value)},
                "refused",
            )
    for metric in (
        *[
            {key: value for key, value in METRIC.items() if key != missing}
            for missing in ("name", "value", "unit", "protocol")
        ],
        {**METRIC, "value": "1"},
        {**METRIC, "standard_error": -1},
        {**METRIC, "protocol": {"dataset": ["mnist"]}},
        {**METRIC, "protocol": {"dataset": "mnist", "n_samples": 10**9}},
        {**METRIC, "quick": {}},
    ):
        judge(
            "AE",
            f"metrics = {metric}",
            {**files, METADATA: edited(files[METADATA], ("metrics",), [metric])},
            "refused",
        )
    # What passes the checks can be shown.
    assert str(keras_ae.info(written(rehashed(files, metrics=[METRIC]), judge.tmp_path)))


@pytest.mark.mutations(24)
@pytest.mark.parametrize("name", ["AE", "VAE", "own", "DAE"])
def test_wrong_types_in_the_config(name, presets, judge):
    """Any value instead of any other, with right hashes: refused, or without effect."""
    files = presets[name]
    config = json.loads(files[CONFIG])
    chance = random.Random(name)
    places = [path for path in paths(config) if path[-1] not in ("scale", "trainable")]
    for path in chance.sample(places, min(len(places), 45)):
        value = chance.choice([*WRONG, EVIL])
        judge(
            name,
            f"{path} = {value}",
            rehashed({**files, CONFIG: edited(files[CONFIG], path, value)}),
            "either",
            path,
        )


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("AE", marks=pytest.mark.mutations(60)),
        pytest.param("VAE", marks=[pytest.mark.mutations(80), pytest.mark.slow]),
        pytest.param("DAE", marks=[pytest.mark.mutations(60), pytest.mark.slow]),
    ],
)
def test_absurd_sizes(name, presets, judge):
    def absurd(path, value):
        files = presets[name]
        changed = {**files, CONFIG: edited(files[CONFIG], path, value)}
        judge(name, f"{path} = {str(value)[:60]}", rehashed(changed), "refused")
        # The same, with metadata that agree.
        model = {**json.loads(files[METADATA])["model"], path[-1]: value}
        agreed = f"{path} = {str(value)[:60]}, agreed"
        judge(name, agreed, rehashed(changed, model=model), "refused")

    for value in (
        [10**9, 10**9, 1],
        [10**6],
        [2**20, 2**20],
        [1] * 100,
        [2] * 10_000,
        [0],
        [-3],
        [3.5],
        ["3"],
        [[3]],
        [10**18],
        [],
    ):
        absurd(("config", "shape"), value)
    for value in (10**12, 2**62, 10**5, 2**14, 0, -2, 2.0, True, "2", [2]):
        absurd(("config", "latent_dim"), value)
    for value in (
        [10**9],
        [2**16, 2**16],
        [1] * 1000,
        [0],
        [-4],
        [2.5],
        ["4"],
        [True],
        "44",
        4,
        [[4]],
        {"a": 4},
    ):
        absurd(("config", "widths"), value)
    if name != "VAE":
        return
    for value in (10**9, 2**12, 0, -1, "3", 1.5):
        absurd(("config", "prior", "config", "components"), value)
    flow = {"latent_dim": 2, "flows": 3, "width": 4}
    for key, value in (
        ("flows", 10**6),
        ("flows", 60),
        ("width", 10**6),
        ("width", 2**12),
        ("latent_dim", 10**12),
        ("latent_dim", 2**14),
    ):
        prior = {
            "module": "keras_ae.distributions",
            "class_name": "AutoregressiveFlow",
            "registered_name": "keras_ae>AutoregressiveFlow",
        }
        absurd(("config", "prior"), {**prior, "config": {**flow, key: value}})


@pytest.mark.mutations(24)
def test_absurd_layers(presets, judge):
    files = presets["own"]
    config = json.loads(files[CONFIG])
    layers = config["config"]["network"][1]["config"]["layers"]  # input, dense, reshape

    def with_layers(label, *between):
        changed = copy.deepcopy(config)
        changed["config"]["network"][1]["config"]["layers"] = [layers[0], *between, *layers[1:]]
        judge("own", label, rehashed({**files, CONFIG: json.dumps(changed).encode()}), "refused")

    def layer(name, **arguments):
        return {
            "module": "keras.layers",
            "class_name": name,
            "config": arguments,
            "registered_name": None,
        }

    plain = copy.deepcopy(config)
    plain["config"]["network"][1]["config"]["layers"].insert(1, layer("Identity"))
    judge(
        "own",
        "a layer that does nothing",
        rehashed({**files, CONFIG: json.dumps(plain).encode()}),
        "same",
    )
    with_layers("Dense(10**9)", layer("Dense", units=10**9))
    with_layers("Dense(10**18)", layer("Dense", units=10**18))
    with_layers("wide layers", layer("Dense", units=60_000), layer("Dense", units=60_000))
    with_layers("RepeatVector", layer("RepeatVector", n=10**9), layer("Flatten"))
    with_layers(
        "many numbers",
        layer("Dense", units=1),
        layer("RepeatVector", n=2**27),
        layer("GlobalAveragePooling1D"),
        layer("Dense", units=2),
    )
    with_layers("many layers", *[layer("ReLU")] * 2500)
    with_layers("a layer in a layer in a layer", _nested(layer, 40))
    with_layers("Embedding", layer("Embedding", input_dim=10**9, output_dim=10**9))
    with_layers("Reshape", layer("Reshape", target_shape=[10**9, 10**9]))
    with_layers(
        "Orthogonal",
        layer("Dense", units=20_000, kernel_initializer=_of("keras.initializers", "Orthogonal")),
    )
    for name in (
        "Lambda",
        "TFSMLayer",
        "StringLookup",
        "IntegerLookup",
        "TextVectorization",
        "Hashing",
        "FlaxLayer",
        "JaxLayer",
    ):
        with_layers(name, layer(name))
    with_layers("a vocabulary file", layer("StringLookup", vocabulary="/etc/passwd"))
    with_layers("an activation", layer("Dense", units=2, activation="os.system"))
    code = {"class_name": "function", "config": "eval", "module": "builtins"}
    with_layers("an activation of Python", layer("Dense", units=2, activation=code))
    with_layers("a file", layer("TFSMLayer", filepath="/tmp/evil"))
    with_layers(
        "no class", {"class_name": None, "config": {}, "module": None, "registered_name": None}
    )


def _nested(layer, depth):
    return (
        layer("Dense", units=2)
        if depth == 0
        else layer("TimeDistributed", layer=_nested(layer, depth - 1))
    )


def _of(module, name, **config):
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


CLASSES = [
    *[("os", name) for name in ("system", "popen", "remove", "execv")],
    *[("subprocess", name) for name in ("Popen", "run", "check_output")],
    *[("builtins", name) for name in ("eval", "exec", "open", "__import__", "function")],
    *[
        ("pickle", "loads"),
        ("marshal", "loads"),
        ("shutil", "rmtree"),
        ("importlib", "import_module"),
        ("ctypes", "CDLL"),
    ],
    *[
        ("keras.utils", "get_file"),
        ("keras.models", "load_model"),
        ("keras.saving", "load_model"),
        ("keras.config", "enable_unsafe_deserialization"),
    ],
    *[
        ("keras.layers", "Lambda"),
        ("keras.layers", "TFSMLayer"),
        ("keras.src.layers.core.lambda_layer", "Lambda"),
        ("keras", "utils"),
    ],
    *[
        ("tensorflow", "py_function"),
        ("tensorflow.io.gfile", "remove"),
        ("tensorflow_probability.layers", "DistributionLambda"),
    ],
    *[
        ("keras_ae.cli", "main"),
        ("keras_ae.files", "os"),
        ("keras_ae", "load"),
        ("keras_ae.models.vae", "np"),
        ("keras_ae.x.y", "Evil"),
    ],
    *[
        (None, "__lambda__"),
        (None, "Lambda"),
        (None, "__typespec__"),
        (None, "__tensor__"),
        (None, "__bytes__"),
        ("", ""),
        (".", "."),
    ],
    *[
        ("../evil", "Evil"),
        ("evil\n", "Evil"),
        ("keras_ae.evil", "../Evil"),
        (5, 5),
        ([], {}),
        ("os", None),
    ],
]


@pytest.mark.mutations(320)
def test_classes_from_elsewhere(presets, judge, monkeypatch):
    monkeypatch.setattr(
        keras.saving,
        "deserialize_keras_object",
        lambda *args, **kwargs: pytest.fail("the config was deserialised"),
    )
    files = presets["VAE"]
    for module, name in CLASSES:
        for path in (
            ("config", "likelihood"),
            ("config", "prior"),
            ("config", "name"),
            ("config", "posterior", "config", "dtype"),
        ):
            evil = {
                "module": module,
                "class_name": name,
                "config": {"value": "gASV"},
                "registered_name": None,
            }
            judge(
                "VAE",
                f"{path} is {module}.{name}",
                rehashed({**files, CONFIG: edited(files[CONFIG], path, evil)}),
                "refused",
            )
        for registered in (f"keras_ae>{name}", f"os>{name}", None):
            config = {
                **json.loads(files[CONFIG]),
                "module": module,
                "class_name": name,
                "registered_name": registered,
            }
            family = {"family": name} if isinstance(name, str) else {}
            changed = rehashed({**files, CONFIG: json.dumps(config).encode()}, **family)
            judge(
                "VAE",
                f"the model is {module}.{name}, registered as {registered}",
                changed,
                "refused",
            )


def test_there_are_at_least_500_ways_of_harm(request):
    items = [item for item in request.session.items if item.path == request.path]
    marks = [item.get_closest_marker("mutations") for item in items]
    assert len(request.session.items) < 12 or sum(mark.args[0] for mark in marks if mark) >= 500


@pytest.mark.mutations(5)
def test_an_unharmed_preset_passes(presets, originals, judge):
    for name, files in presets.items():
        judge(name, "unharmed", files, "same")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"latent_dim": [2, *[[4, 4, 1]] * 100]}, "at most 64 layers.*Received: 101"),
        ({"latent_dim": [2, [4, 4, 10**6]]}, "`latent_dim` of at most 16,384"),
        ({"blocks": 10**4}, "`blocks` of at most 64"),
    ],
)
def test_absurd_latent_maps(change, message, tmp_path):
    folder = tmp_path / "mine"
    model = keras_ae.HVAE((8, 8, 1), (2, (4, 4, 1)), widths=(3,), blocks=0)
    model.save_to_preset(folder)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    config = json.loads(files[CONFIG])
    config["config"] |= change
    changed = rehashed({**files, CONFIG: json.dumps(config).encode()})
    with pytest.raises(ValueError, match=message):
        keras_ae.load(written(changed, folder))
