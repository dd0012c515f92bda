"""The served page, as far as it can be tested without a browser."""

import socket
import sys
import threading

import pytest

from keras_ae import cli
from keras_ae.explorer import page

NO_SERVER = "the page was served"


class Unserved:
    """Stands in for NiceGUI, whose import takes seconds."""

    __spec__ = "there"
    app = property(lambda self: pytest.fail(NO_SERVER))


@pytest.fixture
def unserved(monkeypatch):
    """Lets no server start."""
    monkeypatch.setitem(sys.modules, "nicegui", Unserved())


def test_a_taken_port_is_named(capsys, unserved):
    with socket.socket() as other:
        other.bind((page.HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        assert cli.main(["explore", "vae_digits", "--port", str(port)]) == 2
    error = capsys.readouterr().err
    assert f"Received: --port {port}" in error and error.count("\n") == 1
    assert page._free(port) == port  # once it is left


def test_a_free_port_is_taken_where_none_is_given(monkeypatch):
    with socket.socket() as other:
        other.bind((page.HOST, 0))
        other.listen()
        monkeypatch.setattr(page, "PORT", other.getsockname()[1])
        assert page._free(None) not in (0, page.PORT)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["vae2d_minst"], "Did you mean 'vae2d_mnist'"),
        (["vae_digits", "--port", "99999"], "Received: --port 99999"),
    ],
)
def test_a_mistake_gives_one_line_and_no_traceback(arguments, message, capsys, unserved):
    assert cli.main(["explore", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and error.startswith("keras-ae: ") and error.count("\n") == 1


def test_without_nicegui_the_extra_is_named(monkeypatch, capsys):
    monkeypatch.setattr(page.importlib.util, "find_spec", lambda name: None)
    assert cli.main(["explore", "vae_digits"]) == 2
    assert 'pip install "keras-ae[explore]"' in capsys.readouterr().err


def test_a_model_that_two_tabs_want_is_loaded_once(monkeypatch):
    loaded, started = [], threading.Barrier(2)

    def load(name):
        loaded.append(name)
        return object()

    monkeypatch.setattr(page.scene, "Scene", load)
    scenes, found = page.Scenes(), []

    def want():
        started.wait()
        found.append(scenes("a"))

    tabs = [threading.Thread(target=want) for _ in range(2)]
    for each in tabs:
        each.start()
    for each in tabs:
        each.join()
    assert loaded == ["a"] and found[0] is found[1]
    assert scenes("b") is not found[0]
