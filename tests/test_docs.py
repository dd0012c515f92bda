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


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the built pages: the one that KERAS_AE_SITE names, or a new one."""
    for package in ("sphinx", "myst_nb", "furo"):
        pytest.importorskip(package, reason='the reference pages need pip install ".[docs]"')
    if os.environ.get("KERAS_AE_SITE"):
        return pathlib.Path(os.environ["KERAS_AE_SITE"])
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run([sys.executable, ROOT / "docs" / "build.py", folder], capture_output=True, text=True)
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


def docstrings():
    spec = importlib.util.spec_from_file_location("docstrings", ROOT / "docs" / "docstrings.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", keras_ae.__all__)
def test_each_public_name_has_a_page(site, name):
    tags = Tags(site / "api" / f"{name}.html")
    assert any((i or "").startswith(f"keras_ae.{name}") for i in tags.ids)  # the name itself, or what a module holds


def test_a_page_shows_the_members_of_a_class_and_the_arguments_of_its_own_constructor(site):
    text = (site / "api" / "VAE.html").read_text(encoding="utf-8")
    assert {f"keras_ae.VAE.{name}" for name in ("log_likelihood", "encode", "fit", "save_to_preset")} <= Tags(
        site / "api/VAE.html"
    ).ids
    assert "latent_dim" in text.split("<p>")[0] and "keras_ae.VAE.add_weight" not in text


@pytest.mark.parametrize("name", MODELS)
def test_each_model_has_its_card(site, name):
    assert f"<h1>{name}<" in (site / "zoo" / name / "README.html").read_text(encoding="utf-8")
    assert f"{name}/README.html" in Tags(site / "zoo" / "README.html").linked


@pytest.mark.parametrize("name", TUTORIALS)
def test_each_tutorial_has_its_pictures_and_formulas(site, name):
    path = site / "tutorials" / f"{name}.html"
    assert sum("_images/" in source for source in Tags(path).loaded) >= 5
    if r"\(" in path.read_text(encoding="utf-8"):
        assert "../_static/mathjax/tex-chtml.js" in {source.split("?")[0] for source in Tags(path).loaded}


def test_nothing_is_loaded_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > len(keras_ae.__all__) + len(MODELS) + len(TUTORIALS)
    for path in pages:
        assert not [source for source in Tags(path).loaded if re.match(r"(https?:)?//", source)], path
    for path in site.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*[\"']?(https?:)?//", path.read_text(encoding="utf-8")), path


def test_all_that_is_loaded_or_linked_within_the_pages_is_there(site):
    for path in site.rglob("*.html"):
        for link in {*Tags(path).loaded, *Tags(path).linked}:
            parts = urllib.parse.urlsplit(link)
            if parts.scheme or parts.netloc or not parts.path:
                continue
            assert (path.parent / urllib.parse.unquote(parts.path)).exists(), f"{path.relative_to(site)} -> {link}"


def test_docstrings_keep_their_signs():
    as_rst = docstrings().as_rst
    assert as_rst(["(batch, *shape) of `x*` and p(x|z), y_ too"]) == [r"(batch, \*shape) of ``x*`` and p(x\|z), y\_ too"]
    assert as_rst(["One.", "", "loss(x) = -log p(x|z)", "", "Two."]) == [
        "One.",
        "",
        "::",
        "",
        "    loss(x) = -log p(x|z)",
        "",
        "Two.",
    ]
    assert as_rst(["One:", "", "    a = b*", "", "Args:", "    x: (n, *s)"])[2:6] == ["::", "", "    a = b*", ""]
    assert as_rst(["Args:", "    x: (n, *s)"]) == ["Args:", r"    x: (n, \*s)"]
