"""The parts of the served page. Each draws itself and knows neither the model nor the others."""

from nicegui import ui

LARGE, SMALL = "padding='4px 12px'", "padding='2px 10px'"


def card(step, title, text):
    """A numbered card, to be filled: the element, and the label of its text."""
    element = ui.element("section").classes("card")
    with element:
        ui.html(title, tag="h2", sanitize=False).props(f"data-step={step}")
        label = ui.label(text).classes("text")
    return element, label


def line(centred=False):
    """A row of controls: the element, to be filled."""
    return ui.element("div").classes("line centred" if centred else "line")


def button(text, icon=None, do=None):
    """A button with an outline where it has an icon, else a flat one."""
    kind = "outline" if icon else "flat"
    return ui.button(text, icon=icon, on_click=do).props(f"no-caps dense {kind} {LARGE}")


class Picture:
    """A picture that shimmers while the model loads. `id` is that of the image."""

    def __init__(self, id):
        with ui.element("div").classes("frame"):
            self.image = ui.element("img").classes("pixels").props(f'id={id} alt="{id}"')

    def show(self, url):
        """Shows the picture of a data URL."""
        self.image.props["src"] = url


class Figures:
    """Pictures with captions beside each other, each hidden where it is not needed."""

    def __init__(self, *names):
        self.element, self.parts = ui.element("div").classes("results"), {}
        with self.element:
            for name in names:
                with ui.element("figure") as figure:
                    picture = Picture(name)
                    with ui.element("figcaption"):
                        self.parts[name] = figure, picture, ui.label()

    def show(self, name, url, caption):
        """Shows a picture, or hides it: url None."""
        figure, picture, label = self.parts[name]
        figure.visible, label.text = url is not None, caption
        if url is not None:
            picture.show(url)


class Numbers:
    """Names and values, one a row. A row without a name is hidden."""

    def __init__(self, *parts):
        self.element, self.rows = ui.element("dl"), {}
        with self.element:
            for part in parts:
                with ui.element("dt") as left:
                    name = ui.label()
                with ui.element("dd") as right:
                    value = ui.label().props(f"id={part}")
                self.rows[part] = left, name, right, value

    def name(self, part):
        """The name that a row has."""
        return self.rows[part][1].text

    def say(self, part, name, value):
        """Writes a row."""
        left, label, right, number = self.rows[part]
        label.text, number.text = name, value
        left.visible = right.visible = bool(name)


class Sliders:
    """A slider for each axis. `moved(i, value)` is called when a hand moves one."""

    def __init__(self, moved):
        self.element, self.moved = ui.element("div").classes("axes"), moved
        self.sliders, self.syncing = [], False

    def build(self, axes):
        """Makes the sliders of some axes instead of those that are there."""
        self.element.clear()
        self.sliders = []
        with self.element:
            ends = zip(axes.names, axes.low, axes.high, strict=True)
            for i, (name, low, high) in enumerate(ends):
                self.sliders.append(self._slider(i, name, low, high))

    def show(self, coordinates):
        """Moves all sliders."""
        self.syncing = True
        for (slider, value), coordinate in zip(self.sliders, coordinates, strict=True):
            slider.value, value.text = coordinate, f"{coordinate:.2f}"
        self.syncing = False

    def _slider(self, i, name, low, high):
        with ui.element("div"):
            with ui.element("div").classes("axis"):
                ui.label(name)
                value = ui.label().classes("value")
            slider = ui.slider(min=low, max=high, step=(high - low) / 200)
            slider.props(f'dense aria-label="{name}"')
            slider.on_value_change(lambda event: self.syncing or self.moved(i, event.value))
        return slider, value


class Choices:
    """A picture to click for each label or cluster. `chosen(i)` is called at a click."""

    def __init__(self, chosen):
        self.element, self.chosen, self.buttons = ui.element("div").classes("choices"), chosen, []

    def build(self, kind, choices):
        """Makes the buttons. choices: list of {"name", "picture"}."""
        self.element.clear()
        self.element.visible, self.buttons = bool(choices), []
        with self.element:
            for i, choice in enumerate(choices):
                button = ui.element("button").classes("choice")
                button.props(f'type=button aria-label="{kind} {choice["name"]}"')
                button.on("click", lambda i=i: self.chosen(i))
                with button:
                    ui.element("img").classes("pixels").props["src"] = choice["picture"]
                    ui.label(choice["name"])
                self.buttons.append(button)

    def mark(self, choice):
        """Marks one choice; None for none."""
        for i, button in enumerate(self.buttons):
            button.classes(**{"add" if i == choice else "remove": "marked"})


class ModelMenu:
    """The list of models by job, a line on each, and a link to its card.

    Args:
        entries: list of catalogue.Entry.
        chosen: called with a name.
    """

    def __init__(self, entries, chosen):
        self.chosen = chosen
        self.button = ui.button().classes("model")
        self.button.props("no-caps outline align=between icon-right=expand_more aria-haspopup=menu")
        with self.button, ui.menu().props("fit max-height=75vh").classes("models") as self.menu:
            for job in dict.fromkeys(entry.job for entry in entries):
                ui.item_label(job).props("header").classes("job")
                for entry in entries:
                    if entry.job == job:
                        self._item(entry)

    def show(self, name):
        """Writes the name of the model that is shown."""
        self.button.text = name

    def _item(self, entry):
        with ui.item().props("clickable dense").classes("entry") as item:
            item.on("click", lambda: self._choose(entry.name))
            with ui.item_section():
                ui.item_label(entry.name)
                ui.item_label(entry.line).props("caption")
            with ui.item_section().props("side"):
                link = ui.link("card", card_address(entry.name), new_tab=True)
                link.on("click", js_handler="(event) => event.stopPropagation()")

    def _choose(self, name):
        self.menu.close()
        return self.chosen(name)


def card_address(name):
    """The address of a model's card."""
    from urllib.parse import urlencode

    return f"/card?{urlencode({'model': name})}"
