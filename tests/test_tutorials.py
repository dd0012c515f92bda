"""The tutorials: each notebook is its .py, executed without an error, and agrees with the zoo."""

import base64
import functools
import importlib.util
import io
import os
import pathlib
import re
import shutil

import matplotlib.image
import numpy as np
import pytest

import keras_ae

jupytext = pytest.importorskip("jupytext")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")

ROOT = pathlib.Path(__file__).parents[1]
FOLDER = ROOT / "tutorials"
TUTORIALS = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
each_tutorial = pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
LARGEST = 1_300_000  # bytes of a notebook
CARDS = {name: keras_ae.info(name) for name in keras_ae.list_models()}
METRICS = sorted({metric["name"] for card in CARDS.values() for metric in card.metrics})
# A model's name, a metric with its value, or a number of weights, as the notebooks print them.
MENTION = re.compile(
    r"(?P<model>(?<!\w)\w+_(?:mnist|digits|omniglot|emoji)(?!\w))"
    rf"|(?<!\w)(?P<metric>{'|'.join(METRICS)})'?:? (?P<value>\d[\d.]*\d)"
    r"|(?P<weights>\d[\d,]*) weights"
)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook):
    return [output for cell in code_cells(notebook) for output in cell.outputs]


@functools.cache
def source_of(path):
    """The cells of a tutorial's .py."""
    return jupytext.read(path).cells


@functools.cache
def kept(path):
    """The notebook that stands beside a tutorial's .py."""
    return nbformat.read(path.with_suffix(".ipynb"), as_version=4)


def pictures(notebook):
    """The PNG and GIF pictures of a notebook, bytes."""
    found = [output.get("data", {}) for output in outputs(notebook)]
    return [
        base64.b64decode(data[kind])
        for data in found
        for kind in ("image/png", "image/gif")
        if kind in data
    ]


def claims(notebook):
    """What the outputs print of the cards: a list of (model, metric, number as it is printed)."""
    found = []
    for cell in code_cells(notebook):
        loaded = re.findall(r'info\("(\w+)"\)', cell.source)
        model = loaded[0] if loaded else None
        text = "".join(output.get("text", "") for output in cell.outputs)
        for mention in MENTION.finditer(text):
            if mention["model"]:
                model = mention["model"]
            elif model in CARDS and mention["metric"]:
                found.append((model, mention["metric"], mention["value"]))
            elif model in CARDS:
                found.append((model, "weights", mention["weights"].replace(",", "")))
    return found


def is_on_the_card(model, metric, printed):
    """Whether a card has this number, rounded to the digits that are printed."""
    card = CARDS[model]
    values = {one["name"]: one["value"] for one in card.metrics} | {"weights": card.parameters}
    digits = len(printed.partition(".")[2])
    return metric in values and abs(values[metric] - float(printed)) <= 0.5001 * 10**-digits


def module(name):
    """A module of the folder of the tutorials."""
    spec = importlib.util.spec_from_file_location(f"tutorials_{name}", FOLDER / f"{name}.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.fixture
def notebook(path):
    return kept(path)


def test_there_are_tutorials():
    assert TUTORIALS


def test_every_notebook_has_its_source():
    assert [path.stem for path in sorted(FOLDER.glob("*.ipynb"))] == [
        path.stem for path in TUTORIALS
    ]


@each_tutorial
def test_notebook_is_made_of_its_source(path, notebook):
    of_source = [(cell.cell_type, cell.source) for cell in source_of(path)]
    assert [(cell.cell_type, cell.source) for cell in notebook.cells] == of_source


@each_tutorial
def test_notebook_is_executed_in_order_and_without_an_error(path, notebook):
    nbformat.validate(notebook)
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    assert not [
        output
        for output in outputs(notebook)
        if output.output_type == "error" or output.get("name") == "stderr"
    ]


@each_tutorial
def test_notebook_has_pictures_and_numbers_and_is_small(path, notebook):
    assert len(pictures(notebook)) >= 5
    assert all(
        picture[:4] in (b"\x89PNG", b"GIF8") and len(picture) > 1000
        for picture in pictures(notebook)
    )
    assert sum(output.output_type == "stream" for output in outputs(notebook)) >= 3
    assert path.with_suffix(".ipynb").stat().st_size < LARGEST


@each_tutorial
def test_tutorial_reads_as_a_lecture(path):
    cells = source_of(path)
    text = cells[0].source
    assert text.startswith("# ") and "**What you will learn**" in text
    headings = [
        line for cell in cells for line in cell.source.splitlines() if line.startswith("## ")
    ]
    assert headings[-2:] == ["## Exercises", "## References"]


@each_tutorial
def test_tutorial_names_no_folder_of_a_machine(path):
    for file in (path, path.with_suffix(".ipynb")):
        assert not re.findall(
            r"(?<![\w.:/])/(?:home|root|work|tmp|usr|var|Users)/", file.read_text(encoding="utf-8")
        )


def test_readme_lists_the_tutorials_in_order():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\((\d\d_\w+)\.ipynb\)", text) == [path.stem for path in TUTORIALS]


@each_tutorial
def test_printed_numbers_are_those_of_the_cards(path, notebook):
    assert [claim for claim in claims(notebook) if not is_on_the_card(*claim)] == []


def test_the_tutorials_print_numbers_of_the_cards():
    of = {path.stem[:2]: len(claims(kept(path))) for path in TUTORIALS}
    assert of["01"] >= 3 and of["06"] >= 1 and of["07"] >= 8 and of["08"] >= 1 and of["10"] >= 6


@each_tutorial
def test_a_notebook_that_reads_metrics_of_a_card_is_compared(path, notebook):
    reads = any(re.search(r"(?<!sklearn)\.metrics\b", cell.source) for cell in code_cells(notebook))
    assert claims(notebook) or not reads


@each_tutorial
def test_a_stale_number_in_a_notebook_is_found(path, notebook):
    for model, metric, printed in claims(notebook):
        digits = len(printed.partition(".")[2])
        stale = f"{float(printed) + 2 * 10**-digits:.{digits}f}"  # two units of its last digit
        assert not is_on_the_card(model, metric, stale)


def test_a_number_that_is_not_on_the_card_is_found():
    card = CARDS["vae_mnist"]
    value = next(metric["value"] for metric in card.metrics if metric["name"] == "nll")
    assert is_on_the_card("vae_mnist", "nll", f"{value:.2f}")
    assert not is_on_the_card("vae_mnist", "nll", f"{value + 0.02:.2f}")
    assert not is_on_the_card("vae_mnist", "mse", f"{value:.2f}")
    assert not is_on_the_card("vae_mnist", "weights", str(card.parameters + 1))


def test_the_quickstart_lists_all_models():
    text = "".join(output.get("text", "") for output in outputs(kept(TUTORIALS[0])))
    listed = re.findall(r"\b\w+_(?:mnist|digits|omniglot|emoji)\b", text)
    assert set(listed) == set(keras_ae.list_models())


@pytest.mark.parametrize("name", ["ae", "dae", "vae", "reparameterisation"])
def test_the_drawings_of_the_documentation_are_made_by_the_code(name):
    stored = matplotlib.image.imread(ROOT / "docs" / "pictures" / f"{name}.png")
    buffer = io.BytesIO()
    module("drawings").DRAWINGS[name]().savefig(buffer, dpi=130)
    buffer.seek(0)
    drawn = matplotlib.image.imread(buffer)
    assert drawn.shape == stored.shape
    assert np.abs(drawn - stored).mean() < 0.02  # other fonts move a few pixels


def test_changed_text_goes_into_the_notebook_and_its_output_stays(tmp_path):
    for suffix in (".py", ".ipynb"):
        shutil.copy(TUTORIALS[0].with_suffix(suffix), tmp_path / f"tutorial{suffix}")
    path = tmp_path / "tutorial.py"
    path.write_text(path.read_text(encoding="utf-8").replace("# # ", "# # New: "), encoding="utf-8")
    notebook, before = module("build").with_new_text(path), kept(TUTORIALS[0])
    assert notebook.cells[0].source == before.cells[0].source.replace("# ", "# New: ", 1)
    assert notebook.cells[1:] == before.cells[1:]
    path.write_text(path.read_text(encoding="utf-8") + "\n# %%\n1 + 1\n", encoding="utf-8")
    with pytest.raises(ValueError, match="tutorial.py with the code of its notebook"):
        module("build").with_new_text(path)


@pytest.mark.tutorials
@pytest.mark.full_data
@each_tutorial
def test_tutorial_runs(path, monkeypatch):
    build = module("build")
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(FOLDER.parent), os.environ.get("PYTHONPATH", "")])
    )
    for name, value in build.QUIET.items():
        monkeypatch.setenv(name, value)
    executed = build.execute(path)
    assert not [output for output in outputs(executed) if output.output_type == "error"]
    assert len(pictures(executed)) == len(pictures(kept(path)))
