"""The house rules that a machine can hold."""

import ast
import functools
import pathlib

PACKAGE = pathlib.Path(__file__).parent.parent / "keras_ae"
# A file imports only files above it. The two __init__ files tie the house together and are free.
ORDER = [
    "imports",
    "files",
    "safety",
    "schema",
    "weights",
    "random",
    "inputs",
    "distribute",
    "saving",
    "feed",
    "steps",
    "parts",
    "recurrent",
    "layers",
    "networks",
    "densities",
    "flows",
    "likelihoods",
    "posteriors",
    "flow_posteriors",
    "priors",
    "distributions",
    "hierarchical",
    "labelled",
    "schedules",
    "objectives",
    "corruption",
    "sparsity",
    "quantization",
    "representation",
    "models.autoencoder",
    "models.ae",
    "models.dae",
    "models.sparse",
    "models.contractive",
    "models.regularized",
    "models.sequence",
    "models.vae",
    "models.hierarchical",
    "models.conditional",
    "models.vqvae",
    "models.vqvae2",
    "models.clustering",
    "models.tdvae",
]
ORDER += ["omniglot", "datasets", "training", "maximum_likelihood", "pixelcnn", "samplers", "scores", "evaluation"]
ORDER += ["image_files", "plots.drawing", "plots.grids", "plots.codes", "plots.curves", "plots.motion", "plots.strokes"]
ORDER += ["published", "cards", "metadata", "hub", "presets", "exports"]
ORDER += ["explorer.scene", "explorer.page", "explorer.static", "cluster", "console", "cli_models", "cli"]
FILES = [path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"]


def name_of(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


@functools.cache
def imports(path):
    """The modules that a file imports, anywhere in it, as dotted names."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [node.module, *[f"{node.module}.{alias.name}" for alias in node.names]]
    return found


def test_every_file_has_its_place_in_the_order():
    assert {name_of(path) for path in FILES} == set(ORDER)


def test_a_file_imports_only_files_above_it():
    for path in FILES:
        above = ORDER[: ORDER.index(name_of(path))]
        for module in imports(path):
            own = module.removeprefix("keras_ae.")
            if module.startswith("keras_ae.") and own in ORDER:
                assert own in above, f"{name_of(path)} imports {own}"


def test_only_distributions_import_tensorflow_probability():
    allowed = ("densities", "likelihoods", "posteriors", "priors", "distributions")
    for path in FILES:
        if name_of(path) not in allowed:
            own = [module for module in imports(path) if module.startswith("tensorflow_probability")]
            assert not own, f"{name_of(path)} imports {own}"


def test_no_file_is_too_long():
    for path in FILES:
        assert len(path.read_text().splitlines()) <= 400, name_of(path)
