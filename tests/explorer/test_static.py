"""The folder for any web host: how it is written, and what a real browser makes of it."""

import base64
import functools
import hashlib
import http.server
import io
import json
import shutil
import subprocess
import tarfile
import threading
import time

import numpy as np
import pytest

import keras_ae
from keras_ae import cli
from keras_ae.explorer import scene, static

MODELS = ("vae2d_mnist", "conv_vae_mnist", "cvae_mnist")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The folder of a small model."""
    folder = tmp_path_factory.mktemp("presets") / "mine & yours"
    keras_ae.AE((8, 8, 1), 2, widths=(16,)).save_to_preset(folder, dataset="digits")
    return str(folder)


@pytest.fixture(scope="module")
def shown(small):
    return scene.Scene(small)


@pytest.fixture
def ready(shown, monkeypatch):
    """Takes a scene that is there already."""
    monkeypatch.setattr(static.scene, "Scene", lambda name: shown)


@pytest.fixture
def npm(monkeypatch):
    """Stands in for npm: packs what onnxruntime-web would hold. -> what it was asked to pack."""
    asked, content = [], io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as package:
        for name in static.TAKEN:
            member = tarfile.TarInfo(name)
            member.size = len(name)
            package.addfile(member, io.BytesIO(name.encode()))
    digest = hashlib.sha512(content.getvalue()).digest()

    def pack(command, cwd, **options):
        asked.append(command[3])
        (cwd / "onnxruntime-web.tgz").write_bytes(content.getvalue())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(static, "INTEGRITY", "sha512-" + base64.b64encode(digest).decode())
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(subprocess, "run", pack)
    return asked


def test_a_folder_holds_page_networks_and_runtime(small, npm, tmp_path, capsys):
    out = tmp_path / "some" / "site"
    assert cli.main(["explore", small, "--static", str(out)]) == 0
    assert capsys.readouterr().out.startswith(f"saved {out}; ")
    assert npm == [static.RUNTIME]
    assert {path.name for path in out.iterdir()} == static.WRITTEN
    assert (out / "onnxruntime.js").read_text() == "package/dist/ort.wasm.bundle.min.mjs"
    found = json.loads((out / "scene.json").read_text())
    assert found["name"] == "mine & yours" and found["shape"] == [8, 8, 1]
    assert len(found["map"]["points"]) == 360
    page = (out / "index.html").read_text()
    assert 'data-wait="loading mine &amp; yours"' in page
    assert [path.name for path in out.parent.iterdir()] == ["site"]  # nothing is left of the work
    (out / "scene.json").write_text("old")
    assert cli.main(["explore", small, "--static", str(out)]) == 0  # such a folder is replaced
    assert json.loads((out / "scene.json").read_text()) == found


def refused(name, out, message, capsys):
    assert cli.main(["explore", name, "--static", str(out)]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_a_folder_of_something_else_is_left_alone(small, npm, tmp_path, capsys):
    site = tmp_path / "site"
    site.mkdir()
    for name in ("scene.json", "thesis.tex"):
        (site / name).write_text("mine")
    refused(small, site, "which holds something else", capsys)
    refused(small, site / "thesis.tex", "which holds something else", capsys)
    assert {(site / name).read_text() for name in ("scene.json", "thesis.tex")} == {"mine"}


def test_pen_strokes_are_refused_before_anything_is_fetched(npm, tmp_path, capsys):
    refused("sequence_ae_omniglot", tmp_path / "site", "of shape (48, 3)", capsys)
    assert npm == [] and not (tmp_path / "site").exists()


def test_without_npm_its_home_is_named(small, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    refused(small, tmp_path / "site", "https://nodejs.org", capsys)
    assert not (tmp_path / "site").exists()


def test_a_runtime_with_another_hash_is_refused(small, npm, ready, tmp_path, monkeypatch, capsys):
    pack = subprocess.run

    def changed(command, cwd, **options):
        result = pack(command, cwd, **options)
        with (cwd / "onnxruntime-web.tgz").open("ab") as package:
            package.write(b"\0")
        return result

    monkeypatch.setattr(subprocess, "run", changed)
    refused(small, tmp_path / "site", "with the integrity sha512-", capsys)
    assert not (tmp_path / "site").exists()


def test_what_npm_complains_of_is_told(small, npm, ready, tmp_path, monkeypatch, capsys):
    failed = subprocess.CompletedProcess([], 1, "", "npm error code ENOTFOUND\nnpm error network")
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: failed)
    refused(small, tmp_path / "site", "npm error code ENOTFOUND npm error network", capsys)
    assert not (tmp_path / "site").exists() and not list(tmp_path.iterdir())


# In a browser


@pytest.fixture(scope="module")
def scenes(data):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_AE_DATA", str(data))
        yield {name: scene.Scene(name) for name in MODELS}


@pytest.fixture(scope="module")
def site(chromium, data, tmp_path_factory):
    """A plain web host with the pages of some models in folders: -> its address."""
    if shutil.which("npm") is None:
        pytest.skip("no npm, which fetches onnxruntime-web")
    root = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_AE_DATA", str(data))
        for name in MODELS:
            assert cli.main(["explore", name, "--static", str(root / "some where" / name)]) == 0
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet.at(root)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/some%20where/"
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and tells nobody."""

    def log_message(self, *args):
        pass

    @classmethod
    def at(cls, folder):
        return functools.partial(cls, directory=str(folder))


@pytest.fixture
def opened(chromium, site):
    """Opens the page of a model. In the end it must have asked for files of its folder alone."""
    folders = []

    def opens(name):
        chromium.view()
        chromium.driver.get("about:blank")
        chromium.requests(), chromium.errors()
        folders.append(f"{site}{name}/")
        chromium.driver.get(folders[0])
        chromium.wait(lambda: chromium.find("body[data-ready]"), "the page is ready")
        return chromium

    yield opens
    asked = chromium.requests()
    names = {url.rpartition("/")[2] for url in asked}
    assert names == {"", *static.WRITTEN} - {"index.html"}
    assert all(url.startswith(folders[0]) for url in asked), asked
    assert chromium.errors() == []


def values(browser):
    return [float(slider.get_attribute("value")) for slider in browser.find("#axes input")]


def position(browser):
    return browser.property("latent-pad", "position")


@pytest.mark.browser
def test_a_test_image_is_there_from_the_start(opened, scenes):
    browser, shown = opened("vae2d_mnist"), scenes["vae2d_mnist"]
    look = shown.look(shown.examples[0])
    browser.shows("#image", look.image)
    browser.shows("#reconstruction", look.reconstruction)
    assert browser.pixels("sketch-pad canvas").min() < 60  # ink on the sheet
    assert browser.find("main")[0].get_attribute("aria-busy") == "false"


@pytest.mark.browser
def test_a_drag_over_the_manifold_decodes_the_point_under_the_mouse(opened, scenes):
    browser, shown = opened("vae2d_mnist"), scenes["vae2d_mnist"]
    browser.shows("#decoded", shown.look(shown.examples[0]).reconstruction)
    before = browser.pixels("#decoded")
    browser.drag("latent-pad", (0.5, 0.5), (0.3, 0.6), (0.85, 0.25))
    place = shown.axes.low + (shown.axes.high - shown.axes.low) * [0.85, 0.75]
    np.testing.assert_allclose(position(browser), place, atol=0.05)
    browser.shows("#decoded", shown.model.decode([position(browser)])[0])
    np.testing.assert_allclose(values(browser), position(browser), atol=0.05)
    assert np.abs(browser.pixels("#decoded") - before).max() > 50


@pytest.mark.browser
@pytest.mark.parametrize("name", ["vae2d_mnist", "conv_vae_mnist"])
def test_a_slider_changes_the_picture_to_what_the_model_decodes(name, opened, scenes):
    browser, shown = opened(name), scenes[name]
    start = shown.look(shown.examples[0]).code
    slider = browser.find("#axes input")[0]
    before = values(browser)
    slider.send_keys("\ue014" * 40)  # to the right
    assert len(values(browser)) == (2 if name == "vae2d_mnist" else 8)
    assert values(browser)[0] > before[0]
    z = shown.axes.moved(start, values(browser)[:1])
    browser.shows("#decoded", shown.model.decode([z])[0])
    np.testing.assert_allclose(position(browser), shown.axes.coordinates(z)[:2], atol=1e-3)


@pytest.mark.browser
def test_a_drawing_is_encoded_and_reconstructed(opened, scenes):
    browser, model = opened("vae2d_mnist"), scenes["vae2d_mnist"].model
    browser.find("#clear")[0].click()
    assert not browser.find("#results")[0].is_displayed()
    browser.drag("sketch-pad", (0.3, 0.3), (0.6, 0.3), (0.45, 0.8))
    browser.wait(lambda: browser.find("#results")[0].is_displayed(), "the results are there")
    time.sleep(1)  # for the last stroke
    ink = 255 - browser.pixels("#image")
    assert ink.max() == 255 and np.median(ink) == 0
    x = ink[None, ..., None] / 255
    made = model.reconstruct(x)
    browser.shows("#reconstruction", made[0])
    browser.shows("#decoded", made[0])
    mark = browser.property("latent-pad", "mark")
    np.testing.assert_allclose(mark, model.encode(x)[0], atol=1e-3)
    error = float(browser.find("#error")[0].text)
    assert error == pytest.approx(float(np.mean((made - x) ** 2)), abs=1e-4)


@pytest.mark.browser
def test_the_label_that_is_asked_for_is_decoded(opened, scenes):
    browser, shown = opened("cvae_mnist"), scenes["cvae_mnist"]
    z = np.asarray(shown.look(shown.examples[0]).code)
    other = (int(z[:10].argmax()) + 4) % 10
    button = browser.find(".choice")[other]
    button.click()
    browser.shows("#decoded", shown.model.decode(shown.chosen(z, other)[None])[0])
    assert "marked" in button.get_attribute("class") and button.text == str(other)


@pytest.mark.browser
def test_the_picture_follows_the_hand_at_once(opened):
    """From a move of a slider to the new pixels, in milliseconds, by the browser's own clock."""
    browser = opened("conv_vae_mnist")
    times = browser.driver.execute_async_script(
        """const done = arguments[0], slider = document.querySelector("#axes input"), times = [];
        const canvas = document.querySelector("#decoded");
        const paint = CanvasRenderingContext2D.prototype.putImageData;
        let moved;
        const move = () => {
          slider.stepUp(3);
          moved = performance.now();
          slider.dispatchEvent(new Event("input"));
        };
        CanvasRenderingContext2D.prototype.putImageData = function (...all) {
          paint.apply(this, all);
          if (this.canvas !== canvas) return;
          times.push(performance.now() - moved);
          times.length < 12 ? setTimeout(move, 20) : done(times);
        };
        move();"""
    )
    print("ms from move to pixels:", [round(each) for each in times])
    assert np.median(times) < 200
