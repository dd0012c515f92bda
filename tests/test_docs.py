"""The reference pages: built without a warning, a page for everything public, and nothing in them that comes from elsewhere."""

import html.parser
import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import urllib.parse

import pytest

import keras_ae

ROOT = pathlib.Path(__file__).parents[1]
MODELS = sorted(path.parent.name for path in ROOT.glob("zoo/*/metadata.json"))
TUTORIALS = sorted(path.stem for path in ROOT.glob("tutorials/[0-9][0-9]_*.py"))


def of_the_site(test):
    """Slow, where the pages have yet to be built."""
    return test if os.environ.get("KERAS_AE_SITE") else pytest.mark.slow(test)


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the built pages: the one that KERAS_AE_SITE names, or a new one."""
    for package in ("sphinx", "myst_nb", "furo"):
        pytest.importorskip(package, reason='the reference pages need pip install ".[docs]"')
    if os.environ.get("KERAS_AE_SITE"):
        return pathlib.Path(os.environ["KERAS_AE_SITE"])
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "build.py", folder], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return folder


class Tags(html.parser.HTMLParser):
    """What the tags of a page load or link to, and their ids."""

    def __init__(self, path):
        super().__init__()
        self.loaded, self.linked, self.ids = [], [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids.add(attributes.get("id"))
        if "src" in attributes or (tag == "link" and attributes.get("rel") != "canonical"):
            self.loaded.append(attributes.get("src") or attributes["href"])
        elif attributes.get("href"):
            self.linked.append(attributes["href"])


def module_of_docs(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_sources_of_the_pages_are_laid_out(tmp_path):
    """A page for each public name, all tutorials and all cards, and a way from the first page to each of them."""
    module_of_docs("build").lay_out(tmp_path)
    for name in keras_ae.__all__:
        text = (tmp_path / "api" / f"{name}.md").read_text(encoding="utf-8")
        assert text.startswith(f"# keras_ae.{name}\n") and re.search(
            rf"^\.\. auto\w+:: keras_ae\.{name}\b", text, re.MULTILINE
        )
    members = re.search(
        r":members: (.*)", (tmp_path / "api" / "VAE.md").read_text(encoding="utf-8")
    )[1].split(", ")
    assert {"log_likelihood", "encode", "fit", "save_to_preset"} <= set(
        members
    ) and "add_weight" not in members
    index = (tmp_path / "index.md").read_text(encoding="utf-8").splitlines()
    pages = [f"api/{name}" for name in keras_ae.__all__] + [
        f"tutorials/{name}" for name in TUTORIALS
    ]
    assert set(pages) | {f"{name} <zoo/{name}/README>" for name in MODELS} <= set(index)
    assert all((tmp_path / f"zoo/{name}/README.md").is_file() for name in MODELS)


@of_the_site
def test_each_public_name_has_a_page(site):
    for name in keras_ae.__all__:
        tags = Tags(site / "api" / f"{name}.html")
        # the name itself, or what a module holds
        assert any((i or "").startswith(f"keras_ae.{name}") for i in tags.ids), name


@of_the_site
def test_a_page_shows_the_members_of_a_class_and_the_arguments_of_its_own_constructor(site):
    text = (site / "api" / "VAE.html").read_text(encoding="utf-8")
    assert {
        f"keras_ae.VAE.{name}" for name in ("log_likelihood", "encode", "fit", "save_to_preset")
    } <= Tags(site / "api/VAE.html").ids
    assert "latent_dim" in text.split("<p>")[0] and "keras_ae.VAE.add_weight" not in text


@of_the_site
def test_each_model_has_its_card(site):
    linked = Tags(site / "zoo" / "README.html").linked
    for name in MODELS:
        assert f"<h1>{name}<" in (site / "zoo" / name / "README.html").read_text(encoding="utf-8")
        assert f"{name}/README.html" in linked


@of_the_site
def test_each_tutorial_has_its_pictures_and_formulas(site):
    for name in TUTORIALS:
        path = site / "tutorials" / f"{name}.html"
        loaded = Tags(path).loaded
        assert sum("_images/" in source for source in loaded) >= 5, name
        if r"\(" in path.read_text(encoding="utf-8"):
            assert "../_static/mathjax/tex-chtml.js" in {
                source.split("?")[0] for source in loaded
            }, name


@of_the_site
def test_nothing_is_loaded_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > len(keras_ae.__all__) + len(MODELS) + len(TUTORIALS)
    for path in pages:
        assert not [source for source in Tags(path).loaded if re.match(r"(https?:)?//", source)], (
            path
        )
    for path in site.rglob("*.css"):
        assert not re.search(
            r"(@import|url\()\s*[\"']?(https?:)?//", path.read_text(encoding="utf-8")
        ), path


@of_the_site
def test_all_that_is_loaded_or_linked_within_the_pages_is_there(site):
    for path in site.rglob("*.html"):
        tags = Tags(path)
        for link in {*tags.loaded, *tags.linked}:
            parts = urllib.parse.urlsplit(link)
            if parts.scheme or parts.netloc or not parts.path:
                continue
            assert (path.parent / urllib.parse.unquote(parts.path)).exists(), (
                f"{path.relative_to(site)} -> {link}"
            )


def test_docstrings_keep_their_signs():
    as_rst = module_of_docs("docstrings").as_rst
    assert as_rst(["(batch, *shape) of `x*` and p(x|z), y_ too"]) == [
        r"(batch, \*shape) of ``x*`` and p(x\|z), y\_ too"
    ]
    assert as_rst(["One.", "", "loss(x) = -log p(x|z)", "", "Two."]) == [
        "One.",
        "",
        "::",
        "",
        "    loss(x) = -log p(x|z)",
        "",
        "Two.",
    ]
    assert as_rst(["One:", "", "    a = b*", "", "Args:", "    x: (n, *s)"])[2:6] == [
        "::",
        "",
        "    a = b*",
        "",
    ]
    assert as_rst(["Args:", "    x: (n, *s)"]) == ["Args:", r"    x: (n, \*s)"]
