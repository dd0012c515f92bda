"""A real Chromium, without a window, that reaches this machine alone and tells what it asked for."""

import json
import shutil
import time
from urllib.parse import urlsplit

import numpy as np
import pytest

import keras_ae

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
    "--window-size=1280,1000",
    "--force-device-scale-factor=1",
]


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    """A Browser. Skips where there is no Chromium with its driver."""
    if not (CHROMIUM and DRIVER):
        pytest.skip("no chromium and chromedriver: apt-get install chromium chromium-driver")
    browser = Browser(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.driver.quit()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder for KERAS_AE_DATA, in which 5,000 digits that come with a package stand in for both MNISTs."""
    folder = tmp_path_factory.mktemp("data")
    (x, y), (x_test, y_test) = keras_ae.datasets.load("mnist_5k")
    for name in ("mnist", "fashion_mnist"):
        np.savez(
            folder / f"{name}.npz",
            x_train=x[..., 0],
            y_train=y,
            x_test=x_test[..., 0],
            y_test=y_test,
        )
    return folder


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
        (button,) = self.driver.find_elements(
            "xpath", f"//button[normalize-space(.)='{text}' or .//*[text()='{text}']]"
        )
        button.click()

    def wait(self, condition, what, seconds=180):
        """Waits until condition() gives anything but None, False or an empty list, and returns that."""
        from selenium.common.exceptions import StaleElementReferenceException

        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                found = condition()
            except StaleElementReferenceException:  # the page drew that element anew in between
                found = None
            if (
                found is not None
                and found is not False
                and not (isinstance(found, list) and not found)
            ):
                return found
            time.sleep(0.05)
        raise TimeoutError(f"waited {seconds} s in vain until {what}")

    def pixels(self, selector):
        """The red channel of an image or canvas, (height, width) integers; None while it is not there."""
        found = self.driver.execute_async_script(PIXELS, selector)
        return None if found is None else np.array(found[2]).reshape(found[0], found[1])

    def drag(self, selector, *places):
        """Presses the mouse on an element and moves it: places in shares of width and height, (0, 0) the upper left corner."""
        from selenium.webdriver.common.action_chains import ActionChains

        element = self.find(selector)[0]
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        offsets = [
            ((x - 0.5) * element.size["width"], (y - 0.5) * element.size["height"])
            for x, y in places
        ]
        actions = (
            ActionChains(self.driver, duration=50)
            .move_to_element_with_offset(element, *map(int, offsets[0]))
            .click_and_hold()
        )
        for offset in offsets[1:]:
            actions.move_to_element_with_offset(element, *map(int, offset))
        actions.release().perform()

    def requests(self):
        """All addresses that the page has asked a network for, sockets as well, since the last call."""
        found = set()
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            parameters = message["params"]
            if message["method"] == "Network.requestWillBeSent":
                found.add(parameters["request"]["url"])
            elif message["method"] == "Network.webSocketCreated":
                found.add(parameters["url"])
        return {
            address
            for address in found
            if urlsplit(address).scheme not in ("data", "blob", "chrome")
        }

    def errors(self):
        """What the console complains of."""
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")
            if entry["level"] == "SEVERE"
        ]


PIXELS = """
const [selector, done] = arguments, shown = document.querySelector(selector);
if (!shown || (shown.tagName === "IMG" && !shown.src)) return done(null);
const read = () => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [shown.naturalWidth || shown.width, shown.naturalHeight || shown.height];
  if (!canvas.width) return done(null);
  const context = canvas.getContext("2d");
  context.drawImage(shown, 0, 0);
  const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
  done([canvas.height, canvas.width, Array.from(data).filter((value, i) => i % 4 === 0)]);
};
shown.tagName === "IMG" ? shown.decode().then(read, () => done(null)) : read();
"""
