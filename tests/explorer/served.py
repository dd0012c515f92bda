"""What the tests do with the served page: load it, choose a model, upload, wait."""

import numpy as np


def loaded(browser):
    browser.wait(lambda: browser.find(".explorer[aria-busy=false]"), "the model is there")
    browser.wait(lambda: browser.pixels("#decoded") is not None, "the first image is there")


def choose(browser, name):
    """Chooses a model in the list, and does not wait for it."""
    browser.find(".head .model")[0].click()

    def chosen():
        entries = browser.find(".models .entry")
        found = [entry for entry in entries if entry.text.split("\n")[0] == name]
        if found:
            script = "arguments[0].scrollIntoView({block: 'center'})"
            browser.driver.execute_script(script, found[0])
            found[0].click()
        return found

    browser.wait(chosen, f"{name} can be chosen")


def change(browser, name):
    """Chooses a model and waits until it is there."""
    choose(browser, name)
    browser.wait(lambda: name in browser.text(".head .model"), "the name is there")
    browser.wait(lambda: "trained on" in browser.text(".about"), f"{name} is loaded")
    loaded(browser)


def sliders(browser):
    found = browser.find(".q-slider [role=slider], .q-slider[role=slider]")
    return [float(slider.get_attribute("aria-valuenow")) for slider in found]


def upload(browser, path):
    browser.find("input[type=file]")[0].send_keys(str(path))


def told(browser, text):
    """Waits for a message."""

    def found():
        return [each for each in browser.find(".q-notification") if text in each.text]

    browser.wait(found, f"a message is there: {text}")


def differs(browser, before, by):
    """Waits until another image is decoded."""

    def found():
        now = browser.pixels("#decoded")
        return now is not None and bool(np.abs(now - before).max() > by)

    browser.wait(found, "another image is decoded")
