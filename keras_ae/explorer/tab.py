"""What one browser tab shows. Every tab has its own; only the models are shared."""

import asyncio
import random

import numpy as np
from nicegui import run, ui

from keras_ae.explorer import parts, pictures, safety, scene
from keras_ae.plots import drawing
from keras_ae.utils import image_files

PAUSE = 0.3  # seconds without a new stroke before a log-likelihood is computed
VIEWS = {"manifold": "decoded images", "codes": "codes", "clusters": "codes by cluster"}
MINUS = str.maketrans("-", "−")


class Tab:
    """A scene, the code that is decoded, and the user's image.

    Args:
        scenes: function, name -> Scene.
        entries: list of catalogue.Entry, the models to choose from.
    """

    def __init__(self, scenes, entries):
        self.scenes, self.scene, self.z, self.choice = scenes, None, None, None
        self.image, self.noise, self.looks = None, 0, 0
        ui.colors(primary=drawing.BLUE)
        with ui.element("main").classes("explorer") as self.main:
            self._head(entries)
            with ui.element("div").classes("cards"):
                with parts.card(1, "Latent space", "Every point is an image. Drag the ring."):
                    self._latent_space()
                with parts.card(2, "Decoded image", "What the point decodes to."):
                    self._decoded()
                with parts.card(3, "Your image", "Draw, upload, or take a test image."):
                    self._yours()

    # What is on the page

    def _head(self, entries):
        with ui.element("div").classes("head"):
            ui.html("keras_ae explorer", tag="h1", sanitize=False)
            self.menu = parts.ModelMenu(entries, self.switch)
            self.about = ui.label().classes("about").props("role=status")

    def _latent_space(self):
        self.pad = ui.element("latent-pad")
        self.pad.on("move", self._dragged, args=["detail"], throttle=0.03)
        with ui.element("div").classes("key"):
            ui.label("what you see decoded").classes("dot")
            self.diamond = ui.label("your image").classes("diamond")
        with parts.line():
            self.view = ui.toggle(VIEWS, on_change=self._viewed)
            self.view.props(f"no-caps dense {parts.SMALL}")
        self.plane = ui.label().classes("key")

    def _decoded(self):
        self.decoded = parts.Picture("decoded")
        with parts.line(centred=True):
            parts.button("Surprise me", "casino", self._surprise)
            parts.button("Middle", do=lambda: self._start())
        self.choices = parts.Choices(self._chose)
        self.sliders = parts.Sliders(self._slid)

    def _yours(self):
        self.sketch = ui.element("sketch-pad")
        self.sketch.on("sketch", self._sketched, args=["detail"], throttle=0.05)
        with parts.line(centred=True):
            self.upload = self._upload()
            self.pick = parts.button("Upload", "upload")
            picks = f"() => getElement({self.upload.id}).pickFiles()"
            self.pick.on("click", js_handler=picks)
            parts.button("Test image", "image", self._tested)
            parts.button("Clear", do=self._clear)
        with parts.line(centred=True) as self.options:
            self.noisy = ui.switch("add noise", on_change=lambda: self._look())
            parts.button("Invert", "invert_colors", self._inverted).props("flat", remove="outline")
        self.hint = ui.label().classes("hint")
        self.figures = parts.Figures("image", "noisy", "reconstruction")
        self.numbers = parts.Numbers("error", "place", "choice", "likelihood", "typical")
        self._hide_results()

    def _upload(self):
        upload = ui.upload(on_upload=self._uploaded, on_rejected=self._rejected, auto_upload=True)
        upload.props(f'accept=".png,.jpg,.jpeg" max-file-size={safety.LARGEST}')
        return upload.style("display: none")

    # The model

    async def switch(self, name):
        """Shows another model. On an error the one that is shown stays."""
        if self._left or self._waits or (self.scene is not None and name == self.scene.name):
            return
        self._wait(name)
        try:
            found, failure = await run.io_bound(self._loaded, name), None
        except (ValueError, OSError, ImportError) as error:
            found, failure = None, str(error)
        if self._left:
            return
        self._wait(None)
        if failure:
            ui.notify(failure, type="negative", multi_line=True)
            self._say_model()
        else:
            self._show(*found)

    def _loaded(self, name):
        found = self.scenes(name)
        return found, found.map, found.choices_as_dicts()

    def _wait(self, name):
        """Shows that a model loads, or that it is there: name None."""
        self._waits = name is not None
        self.main.props(f"aria-busy={str(self._waits).lower()}")
        if name is not None:
            self.pad.props["data-wait"] = f"loading {name}"
            self.about.text = f"loading {name} …"
            self.menu.show(name)

    def _say_model(self):
        if self.scene is not None:
            self.menu.show(self.scene.name)
            self.about.text = self.scene.about

    def _show(self, found, plane, choices):
        fits = self.scene is not None and self.scene.model.shape == found.model.shape
        self.scene, self.choice = found, None
        self._say_model()
        self.plane.text = found.plane
        views = {key: VIEWS[key] for key in VIEWS if key == "manifold" or key in plane["groups"]}
        self.view.set_options(views, value=found.view)
        _set(self.pad, map=plane, view=found.view, mark=None)
        self.sliders.build(found.axes)
        self.choices.build(found.choices and found.choices[0], choices)
        self.options.visible = self.pick.visible = not found.strokes
        with self.noisy.disabled():
            self.noisy.value = found.denoises
        size = [28, 28] if found.strokes else list(found.model.shape[:2])
        _set(self.sketch, size=size, fit=found.fit, strokes=found.strokes)
        self._start()
        if fits and self.image is not None:
            self._look()
        else:
            self._take(found.examples[0])

    @property
    def _left(self):
        """Whether the tab has been closed, which may happen at any wait."""
        return self.main.is_deleted
