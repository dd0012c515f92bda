"""Each notebook is the executed form of its .py, without an error and with pictures."""

import base64
import functools
import importlib.util
import os
import pathlib
import re

import pytest

jupytext = pytest.importorskip("jupytext")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")

FOLDER = pathlib.Path(__file__).parents[1] / "tutorials"
TUTORIALS = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
each_tutorial = pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
LARGEST = 1_300_000  # bytes of a notebook


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


@pytest.mark.tutorials
@pytest.mark.full_data
@each_tutorial
def test_tutorial_runs(path, monkeypatch):
    spec = importlib.util.spec_from_file_location("build_tutorials", FOLDER / "build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(FOLDER.parent), os.environ.get("PYTHONPATH", "")])
    )
    for name, value in build.QUIET.items():
        monkeypatch.setenv(name, value)
    executed = build.execute(path)
    assert not [output for output in outputs(executed) if output.output_type == "error"]
    assert len(pictures(executed)) == len(pictures(kept(path)))
