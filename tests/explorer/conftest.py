"""A real Chromium, without a window, that reaches this machine alone and tells what it asked for."""

import json
import pathlib
import shutil
from urllib.parse import urlsplit

import pytest

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


@pytest.fixture
def chromium(tmp_path):
    """A Browser. Skips where there is no Chromium with its driver."""
    if not (CHROMIUM and DRIVER):
        pytest.skip("no chromium and chromedriver: apt-get install chromium chromium-driver")
    browser = Browser(tmp_path / "chromium")
    yield browser
    browser.driver.quit()


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
        self.driver.set_script_timeout(60)

    def find(self, selector):
        """The elements of a CSS selector."""
        return self.driver.find_elements("css selector", selector)

    def click(self, text):
        """Clicks the button with that text."""
        (button,) = self.driver.find_elements("xpath", f"//button[normalize-space(.)='{text}' or .//*[text()='{text}']]")
        button.click()

    def wait(self, condition, what, seconds=60):
        """Waits until condition() is true, and returns what it gave."""
        from selenium.webdriver.support.ui import WebDriverWait

        return WebDriverWait(self.driver, seconds, 0.05).until(lambda driver: condition(), f"waited in vain until {what}")

    def pixels(self, selector):
        """The red channel of an image or canvas, (height, width) integers; None while it is not there."""
        import numpy as np

        found = self.driver.execute_async_script(PIXELS, selector)
        return None if found is None else np.array(found[2]).reshape(found[0], found[1])

    def drag(self, selector, *places):
        """Presses the mouse on an element and moves it: places in shares of width and height, (0, 0) the upper left corner."""
        from selenium.webdriver.common.action_chains import ActionChains

        (element,) = self.find(selector)
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        offsets = [((x - 0.5) * element.size["width"], (y - 0.5) * element.size["height"]) for x, y in places]
        actions = (
            ActionChains(self.driver, duration=50).move_to_element_with_offset(element, *map(int, offsets[0])).click_and_hold()
        )
        for offset in offsets[1:]:
            actions.move_to_element_with_offset(element, *map(int, offset))
        actions.release().perform()

    def requests(self):
        """All addresses that the page has asked for, sockets as well, since the last call."""
        found = set()
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            parameters = message["params"]
            if message["method"] == "Network.requestWillBeSent":
                found.add(parameters["request"]["url"])
            elif message["method"] == "Network.webSocketCreated":
                found.add(parameters["url"])
        return found

    def errors(self):
        """What the console complains of."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]

    def screenshot(self, path):
        """Saves a picture of the whole page."""
        pathlib.Path(path).write_bytes(self.driver.get_screenshot_as_png())


def hosts(addresses):
    """The hosts of addresses; what is inside the page or the browser has none."""
    return {urlsplit(address).netloc for address in addresses if urlsplit(address).scheme not in ("data", "blob", "chrome")}


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
