"""A real Chromium without a window. It reaches this machine alone and tells what it asked for."""

import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from urllib.parse import urlsplit

import numpy as np
import pytest

import keras_ae
from keras_ae.explorer import page, pictures, scene
from tests.explorer import served

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1366,1000",
    "--force-device-scale-factor=1",
]


@pytest.fixture(scope="session")
def preset(tmp_path_factory):
    """Makes a small model and saves it, once for the same arguments: -> the folder."""

    @functools.cache
    def saved(kind=keras_ae.VAE, latent_dim=3, shape=(8, 8, 1), dataset="digits", **options):
        folder = tmp_path_factory.mktemp("presets") / kind.__name__
        model = kind(shape, latent_dim, widths=(16,), **options)
        model.save_to_preset(folder, dataset=dataset)
        return str(folder)

    return saved


@pytest.fixture(scope="session")
def scene_of(preset):
    """The scene of such a model, one for the same arguments."""
    return functools.cache(lambda *args, **options: scene.Scene(preset(*args, **options)))


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    """A Browser. Skips where there is no Chromium with its driver."""
    if not (CHROMIUM and DRIVER):
        pytest.skip("no chromium and chromedriver: apt-get install chromium chromium-driver")
    browser = Browser(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.driver.quit()


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """A folder for KERAS_AE_DATA: 5,000 digits from a package stand in for both MNISTs."""
    folder = tmp_path_factory.mktemp("data")
    (x, y), (x_test, y_test) = keras_ae.datasets.load("mnist_5k")
    train, test = dict(x_train=x[..., 0], y_train=y), dict(x_test=x_test[..., 0], y_test=y_test)
    for name in ("mnist", "fashion_mnist"):
        np.savez(folder / f"{name}.npz", **train, **test)
    return folder


@pytest.fixture(scope="session")
def address(data):
    """Where the command serves the page."""
    environment = {**os.environ, "KERAS_AE_DATA": str(data), "PYTHONUNBUFFERED": "1"}
    environment.pop("PYTEST_CURRENT_TEST", None)  # by which NiceGUI would think itself under test
    command = [sys.executable, "-m", "keras_ae.cli", "explore", "--no-browser", "--port"]
    command.append(str(page._free(None)))
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    server = subprocess.Popen(command, env=environment, **pipes)
    said, found = "", None
    for line in server.stdout:  # until it serves; before that it says what it loads
        said += line
        found = re.search(r"exploring vae2d_mnist at (http://127\.0\.0\.1:\d+)", line)
        if found:
            break
    assert found, said
    yield found[1]
    server.send_signal(signal.SIGINT)
    rest = server.communicate(timeout=120)[0]
    downloads = [line for line in rest.splitlines() if line.startswith("Downloading data from")]
    assert server.returncode == 0 and len(downloads) == len(rest.splitlines()), rest


@pytest.fixture
def opened(chromium, address):
    """The browser at the page. In the end it must have asked no other host for anything."""
    chromium.view()
    chromium.driver.get("about:blank")
    chromium.requests(), chromium.errors()
    chromium.driver.get(address)
    served.loaded(chromium)
    yield chromium
    asked = chromium.requests()
    assert any(url.startswith("ws:") for url in asked)
    assert any(url.endswith("canvases.js") for url in asked)
    assert {urlsplit(url).netloc for url in asked} == {urlsplit(address).netloc}
    assert chromium.errors() == []


@pytest.fixture(scope="session")
def scenes(data):
    """What the page must show, made anew: name -> Scene."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_AE_DATA", str(data))
        made = {}
        yield lambda name: made.get(name) or made.setdefault(name, scene.Scene(name))


class Browser:
    """Selenium's driver, and what the tests of both pages do with it."""

    def __init__(self, profile):
        from selenium import webdriver

        options = webdriver.ChromeOptions()
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.binary_location = CHROMIUM
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        self.driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
        self.driver.set_script_timeout(180)

    def find(self, selector):
        """The elements of a CSS selector."""
        return self.driver.find_elements("css selector", selector)

    def click(self, text):
        """Clicks the button with that text."""
        path = f"//button[normalize-space(.)='{text}' or .//*[text()='{text}']]"
        (button,) = self.driver.find_elements("xpath", path)
        button.click()

    def text(self, selector):
        """The text of an element, also of a hidden one."""
        script = "return document.querySelector(arguments[0]).textContent"
        return self.driver.execute_script(script, selector)

    def property(self, selector, name):
        """A property of an element."""
        script = "return document.querySelector(arguments[0])[arguments[1]]"
        return self.driver.execute_script(script, selector, name)

    def view(self, width=None, height=None, dark=False):
        """Shows the page in a window of a size, in light or dark mode. None: as it was."""
        if width is None:
            self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        else:
            size = dict(width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
            self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = dict(name="prefers-color-scheme", value="dark" if dark else "light")
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", dict(features=[scheme]))

    def wait(self, condition, what, seconds=180):
        """Waits until condition() gives anything but None, False or [], and returns that."""
        from selenium.common.exceptions import StaleElementReferenceException

        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                found = condition()
            except StaleElementReferenceException:  # the page drew that element anew in between
                found = None
            empty = isinstance(found, list) and not found
            if not (found is None or found is False or found is np.False_ or empty):
                return found
            time.sleep(0.05)
        raise TimeoutError(f"waited {seconds} s in vain until {what}")

    def pixels(self, selector):
        """The red channel of an image or canvas: int (height, width). None: it is not there."""
        found = self.driver.execute_async_script(PIXELS, selector)
        return None if found is None else np.array(found[2]).reshape(found[0], found[1])

    def shows(self, selector, image):
        """Waits until a picture is that of a grey image, within a byte's step."""
        expected = pictures.of_image(np.asarray(image)).astype(int)
        self.shows_pixels(selector, expected)

    def shows_pixels(self, selector, expected):
        """Waits until the red channel of a picture is the expected one, within a byte's step."""

        def same():
            found = self.pixels(selector)
            right = found is not None and found.shape == expected.shape
            return right and bool(np.abs(found - expected).max() <= 1)

        self.wait(same, f"{selector} is the picture that the model gives")

    def drag(self, selector, *places):
        """Presses the mouse on an element and moves it.

        places: shares of its width and height; (0, 0) is the upper left corner.
        """
        from selenium.webdriver.common.action_chains import ActionChains

        element = self.find(selector)[0]
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        width, height = element.size["width"], element.size["height"]
        offsets = [(int((x - 0.5) * width), int((y - 0.5) * height)) for x, y in places]
        actions = ActionChains(self.driver, duration=50)
        actions.move_to_element_with_offset(element, *offsets[0]).click_and_hold()
        for offset in offsets[1:]:
            actions.move_to_element_with_offset(element, *offset)
        actions.release().perform()

    def requests(self):
        """All addresses that the page has asked for since the last call, sockets as well."""
        found = set()
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            parameters = message["params"]
            if message["method"] == "Network.requestWillBeSent":
                found.add(parameters["request"]["url"])
            elif message["method"] == "Network.webSocketCreated":
                found.add(parameters["url"])
        own = ("data", "blob", "chrome")
        return {address for address in found if urlsplit(address).scheme not in own}

    def errors(self):
        """What the console complains of."""
        entries = self.driver.get_log("browser")
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]


PIXELS = """
const [selector, done] = arguments, shown = document.querySelector(selector);
if (!shown || (shown.tagName === "IMG" && !shown.src)) return done(null);
const read = () => {
  const canvas = document.createElement("canvas");
  canvas.width = shown.naturalWidth || shown.width;
  canvas.height = shown.naturalHeight || shown.height;
  if (!canvas.width) return done(null);
  const context = canvas.getContext("2d");
  context.drawImage(shown, 0, 0);
  const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
  done([canvas.height, canvas.width, Array.from(data).filter((value, i) => i % 4 === 0)]);
};
shown.tagName === "IMG" ? shown.decode().then(read, () => done(null)) : read();
"""
