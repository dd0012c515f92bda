"""The house rules that a machine can hold."""

import ast
import functools
import pathlib

PACKAGE = pathlib.Path(__file__).parent.parent / "keras_ae"
# A package, or a module beside them, imports only those that stand further down.
ORDER = [
    "cli",
    "explorer",
    "exports",
    "estimators",
    "tables",
    "presets",
    "plots",
    "samplers",
    "models",
    "evaluation",
    "datasets",
    "training",
    "objectives",
    "corruption",
    "sparsity",
    "schedules",
    "distributions",
    "networks",
    "distribute",
    "utils",
]
# Methods of the base that reach up when they are called.
EXEMPT = {"from_preset", "save_to_preset", "presets", "export"}
# Only these know TensorFlow Probability.
PROBABILITY = {
    *("registry", "columns", "likelihoods", "posteriors", "priors", "densities", "draws", "shifted")
}
FILES = sorted(PACKAGE.rglob("*.py"))


def name_of(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def place(module):
    """The package or module of keras_ae that a dotted name belongs to."""
    return module.removeprefix("keras_ae.").split(".")[0]


@functools.cache
def imports(path):
    """The modules that a file imports, as dotted names, except in the exempt methods."""
    found, nodes = [], [ast.parse(path.read_text())]
    while nodes:
        node = nodes.pop()
        if name_of(path) == "models.autoencoder" and getattr(node, "name", None) in EXEMPT:
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            from_package = (
                [f"keras_ae.{alias.name}" for alias in node.names]
                if node.module == "keras_ae"
                else [node.module]
            )
            found += from_package
        nodes += ast.iter_child_nodes(node)
    return found


def test_the_top_is_small():
    modules = [path.stem for path in PACKAGE.glob("*.py")]
    packages = [path.parent.name for path in PACKAGE.glob("*/__init__.py")]
    assert len(modules) <= 9 and len(packages) <= 15
    assert {*modules, *packages} - {"__init__"} == set(ORDER)


def test_imports_point_down():
    for path in FILES:
        if path.parent == PACKAGE and path.name == "__init__.py":
            continue  # it loads everything on first use
        own = place(name_of(path))
        for module in imports(path):
            if module.startswith("keras_ae."):
                assert place(module) == own or ORDER.index(place(module)) > ORDER.index(own), (
                    f"{name_of(path)} imports {module}"
                )


def test_no_files_import_each_other():
    names = {
        f"keras_ae.{name_of(path)}".removesuffix(".__init__"): path
        for path in FILES
        if path.name != "__init__.py"
    }
    edges = {}
    for name, path in names.items():
        tree = ast.parse(path.read_text())
        found = [
            node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module
        ]
        targets = {f"{node.module}.{alias.name}" for node in found for alias in node.names} | {
            node.module for node in found
        }
        exempt = {"keras_ae.exports"} if name == "keras_ae.models.autoencoder" else set()
        edges[name] = targets & set(names) - exempt
    done = set()
    while len(done) < len(edges):
        ready = {name for name in edges if name not in done and edges[name] <= done}
        assert ready, f"a circle among {sorted(set(edges) - done)}"
        done |= ready


def test_every_package_says_what_belongs_in_it():
    for path in FILES:
        if path.name == "__init__.py" and path.parent != PACKAGE:
            assert "What belongs here:" in ast.get_docstring(ast.parse(path.read_text())), name_of(
                path
            )


def test_only_distributions_know_tensorflow_probability():
    for path in FILES:
        if not (path.parent.name == "distributions" and path.stem in PROBABILITY):
            assert not any(
                module.startswith("tensorflow_probability") for module in imports(path)
            ), name_of(path)


def test_private_names_of_keras_stand_in_one_file():
    for path in FILES:
        if name_of(path) not in ("training.keras_internals", "presets.checks.configs"):
            assert not any(module.startswith("keras.src") for module in imports(path)), name_of(
                path
            )


def test_no_file_is_too_long():
    for path in FILES:
        assert len(path.read_text().splitlines()) <= 400, name_of(path)
