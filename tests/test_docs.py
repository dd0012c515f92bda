"""The site: built without a warning, a page for everything, and nothing from elsewhere."""

import contextlib
import functools
import html.parser
import http.server
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time
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
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "docs")
        spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory):
    """The folder with the sources of all pages."""
    folder = tmp_path_factory.mktemp("sources") / "sources"
    module_of_docs("build").lay_out(folder)
    return folder


def entries(page):
    """The pages that the tables of contents of a page list, as paths."""
    blocks = re.findall(r"```{toctree}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line[:1] != ":"]
    targets = [re.sub(r".*<(.*)>", r"\1", line) for line in lines]
    source = page.parent
    while not (source / "index.md").exists() or source.name == "api":
        source = source.parent
    return [
        source / name.lstrip("/") if name.startswith("/") else page.parent / name
        for name in targets
    ]


def test_a_way_leads_from_the_first_page_to_each_other(laid_out):
    """By the tables of contents, which the sidebar shows. Each page is in one of them alone."""
    seen, waiting = [], [laid_out / "index"]
    while waiting:
        page = waiting.pop()
        seen.append(page.relative_to(laid_out).as_posix())
        notebook = page.with_name(page.name + ".ipynb")
        waiting += [] if notebook.exists() else entries(page.with_name(page.name + ".md"))
    assert len(seen) == len(set(seen))
    guides = [f"docs/{path.stem}" for path in ROOT.glob("docs/*.md")]
    wanted = ["README", "CONTRIBUTING", "RELEASING", "CHANGELOG", "benchmarks/results", *guides]
    wanted += [f"api/{name}" for name in keras_ae.__all__]
    wanted += [f"tutorials/{name}" for name in TUTORIALS]
    wanted += [f"zoo/{name}/README" for name in MODELS]
    assert len(guides) >= 8 and set(wanted) <= set(seen)


def test_each_public_name_is_documented_in_one_group(laid_out):
    found = []
    for path in (laid_out / "api" / "groups").glob("*.md"):
        found += re.findall(r"^\| \[`(\w+)`\]", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(found) == sorted(keras_ae.__all__)
    for name in keras_ae.__all__:
        text = (laid_out / "api" / f"{name}.md").read_text(encoding="utf-8")
        assert text.startswith(f"# keras_ae.{name}\n")
        assert re.search(rf"^\.\. auto\w+:: keras_ae\.{name}\b|automodule", text, re.MULTILINE)


def test_a_page_tells_what_users_call(laid_out):
    """What a training step calls is told of the base class, for those who write their own."""
    told = {
        name: re.findall(
            r"auto(?:method|property):: keras_ae\.[\w.]+\.(\w+)$",
            (laid_out / "api" / f"{name}.md").read_text(encoding="utf-8"),
            re.MULTILINE,
        )
        for name in ("VAE", "models")
    }
    verbs = {"fit", "encode", "decode", "reconstruct", "save_to_preset"}
    inner = {"code_of", "likelihood_of", "training_target", "check_target", "draw_seed", "log"}
    assert verbs | {"log_likelihood", "elbo", "sample"} <= set(told["VAE"])
    assert not inner & set(told["VAE"]) and "add_weight" not in told["VAE"]
    assert verbs | inner | {"objective"} <= set(told["models"])


def test_each_plot_function_has_a_picture(laid_out):
    plots = (laid_out / "api" / "plots.md").read_text(encoding="utf-8")
    group = (laid_out / "api" / "groups" / "draw.md").read_text(encoding="utf-8")
    for name in keras_ae.plots.__all__:
        shown = re.search(rf"image:: (/docs/pictures/plots/{name}\.\w+)$", plots, re.MULTILINE)[1]
        assert (laid_out / shown[1:]).stat().st_size > 2000
        assert f"]({shown})" in group and f"plots.html#keras_ae.plots.{name}" in group


def test_the_first_page_does_without_the_explorer():
    build = module_of_docs("build")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    install = re.search(r"```bash\n(.*?)```", readme, re.DOTALL)[1]
    for has_explorer in (True, False):
        page = build.landing(has_explorer)
        assert ('src="explorer/index.html"' in page) == has_explorer
        assert install in page and f"{len(MODELS)} pretrained models" in page
        assert "{{" not in page and "<!--" not in page


@pytest.mark.parametrize("error", [FileNotFoundError("no npm"), ImportError("no onnx")])
def test_the_build_says_why_there_is_no_explorer(error, monkeypatch, capsys, tmp_path):
    from keras_ae.explorer import static

    def fail(name, folder):
        raise error

    monkeypatch.setattr(static, "write", fail)
    assert module_of_docs("build").make_explorer(tmp_path / "explorer") is False
    assert str(error) in capsys.readouterr().err


@of_the_site
def test_each_public_name_has_a_page(site):
    for name in keras_ae.__all__:
        tags = Tags(site / "api" / f"{name}.html")
        # the name itself, or what a module holds, or where that is told
        told = [*tags.linked, *(f"#{i}" for i in tags.ids if i and name in i)]
        assert any("#keras_ae." in link for link in told), name


@of_the_site
def test_a_page_shows_the_members_of_a_class_and_the_arguments_of_its_own_constructor(site):
    text = (site / "api" / "VAE.html").read_text(encoding="utf-8")
    assert {
        f"keras_ae.VAE.{name}" for name in ("log_likelihood", "encode", "fit", "save_to_preset")
    } <= Tags(site / "api/VAE.html").ids
    assert "latent_dim" in text.split("<p>")[0] and "keras_ae.VAE.add_weight" not in text


@of_the_site
def test_formulas_of_docstrings_are_typeset(site):
    for name, class_name in (("VAE", "VAE"), ("objectives", "objectives.IWAE")):
        text = (site / "api" / f"{name}.html").read_text(encoding="utf-8")
        section = text.split(f'id="keras_ae.{class_name}"')[1]
        assert r"\text{objective}(x) = -\log" in section.split("math notranslate")[1]
        assert "objective(x) = -log" not in text


@of_the_site
def test_the_first_page_has_four_doors_and_the_explorer(site):
    tags = Tags(site / "index.html")
    doors = ("tutorials/README", "zoo/README", "api/index", "docs/distributed")
    assert {f"{door}.html" for door in doors} <= set(tags.linked)
    assert any(source.startswith("_images/strip") for source in tags.loaded)
    shown = "explorer/index.html" in tags.loaded
    assert shown == (site / "explorer" / "decoder.onnx").exists()


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


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and tells nobody."""

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def chromium(site):
    """Opens a page of the site in a real browser, of a width and a colour scheme."""
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if not all(programs):
        pytest.skip("no chromium and chromedriver: apt-get install chromium chromium-driver")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for flag in ("--headless=new", "--no-sandbox", "--hide-scrollbars"):
        options.add_argument(flag)
    options.binary_location = programs[0]
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        driver = webdriver.Chrome(options, webdriver.ChromeService(programs[1]))

        def opens(page, width, scheme="light"):
            size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
            wish = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", wish)
            driver.get(f"http://127.0.0.1:{server.server_port}/{page}")
            return driver

        yield opens
        driver.quit()
        server.shutdown()


def until(condition, what, seconds=60):
    """Waits until condition() is true, and returns what it gave."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    raise TimeoutError(f"waited {seconds} s in vain until {what}")


TOO_WIDE = """
const width = document.documentElement.clientWidth, page = document.documentElement.scrollWidth;
const blocks = [...document.querySelectorAll("article pre, article .table-wrapper")];
const cut = width < 1000 ? [] : blocks.filter((block) => block.scrollWidth > block.clientWidth + 1);
const pre = document.querySelector("article pre");
return [page - width, cut.length, pre && getComputedStyle(pre).fontSize];
"""


@of_the_site
@pytest.mark.browser
@pytest.mark.parametrize("width, scheme", [(1366, "light"), (1400, "dark"), (390, "dark")])
def test_nothing_is_cut_off(chromium, width, scheme):
    """On a phone code and wide tables scroll in their own place."""
    pages = ("index", "README", "zoo/README", "docs/parts", "docs/distributed", "api/VAE")
    for page in (*pages, "api/objectives", "api/plots", "tutorials/05_variational_autoencoder"):
        driver = chromium(f"{page}.html", width, scheme)
        beyond, cut, size = driver.execute_script(TOO_WIDE)
        assert (beyond, cut) == (0, 0), page
        assert size in (None, "14px"), page


@of_the_site
@pytest.mark.browser
def test_a_visitor_drags_through_a_latent_space(chromium, site):
    if not (site / "explorer").exists():
        pytest.skip("the site was built without the explorer, which takes npm and onnx")
    from selenium.common.exceptions import MoveTargetOutOfBoundsException
    from selenium.webdriver.common.action_chains import ActionChains

    driver = chromium("index.html", 1366)
    frame = driver.find_element("css selector", "iframe.explorer")
    driver.execute_script("arguments[0].scrollIntoView()", frame)
    driver.switch_to.frame(frame)
    until(lambda: driver.find_elements("css selector", "body[data-ready]"), "the model is there")
    picture = "return document.querySelector('#decoded').toDataURL()"
    before = driver.execute_script(picture)
    pad = driver.find_element("css selector", "latent-pad")

    def dragged():  # again where the page has moved below the mouse: its pictures come late
        driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", pad)
        with contextlib.suppress(MoveTargetOutOfBoundsException):
            ActionChains(driver).click_and_hold(pad).move_by_offset(60, 40).release().perform()
        return driver.execute_script(picture) != before

    until(dragged, "another image is decoded")
    height = driver.execute_script("return document.querySelector('main').scrollHeight")
    driver.switch_to.default_content()
    assert abs(frame.size["height"] - height) < 5  # all of it is seen, and it does not scroll
