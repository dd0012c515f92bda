"""The pages of the API, from the docstrings: one for each public name, in groups."""

import inspect
import re

GROUPS = {  # title: (what one does with it, the packages of keras_ae that it is made of)
    "Models": ("Classes. Each is a `keras.Model`: compile it, fit it, save it.", ("models",)),
    "Parts": (
        "What a model is made of. A part is chosen by name, or made by hand.",
        ("networks", "distributions", "objectives", "corruption", "sparsity", "schedules"),
    ),
    "Train": (
        "Data, tables, several devices, and what to give to `fit`.",
        ("datasets", "tables", "distribute", "training"),
    ),
    "Measure": ("Numbers about a model and its codes.", ("evaluation", "estimators")),
    "Draw": ("Pictures, and new examples from models without a prior.", ("plots", "samplers")),
    "Share": ("Pretrained models, presets, files for other programs.", ("presets", "exports")),
}
REST = ("More", "What else there is.")
PICTURES = "docs/pictures/plots"

# Methods that a training step calls, and what a subclass may define: of interest to those who
# write a class of their own. They are told of the classes below, and hidden elsewhere.
BASES = ("Autoencoder", "Distribution", "Likelihood", "Posterior", "Prior")
BASES += ("Objective", "Sparsity", "Corruption")
INNER = re.compile(
    r"check.*|.*_of(_frame)?|training_(input|target)|takes_as_target|seen_by_metrics|weights_of_a_loss"
    r"|draw_seed|end_step|keep|log|kinds_of_samples|posterior_params|log_(assignments|target)"
    r"|split|build|centre|independent|join|start|inverse|evidence|logits|penalty"
    r"|loss|objective|params_size|follow|straight_through"
)


def write(source):
    """Writes the pages into the folder api, and api/index.md, which leads to all of them."""
    import keras_ae

    folder = source / "api"
    (folder / "groups").mkdir(parents=True)
    objects = {name: getattr(keras_ae, name) for name in sorted(keras_ae.__all__, key=str.lower)}
    # What has a page of its own, or is told already: id -> path.
    told = {id(obj): f"keras_ae.{name}" for name, obj in objects.items()}
    for name, obj in objects.items():
        lines = directives(f"keras_ae.{name}", obj, told, source)
        page = [f"# keras_ae.{name}", "", "```{eval-rst}", *lines, "```", ""]
        (folder / f"{name}.md").write_text("\n".join(page), encoding="utf-8")
    groups = grouped(objects)
    index = ["# API", "", "All of it comes with `import keras_ae`.", ""]
    for title, (text, names) in groups.items():
        index += [f"## {title}", "", text, "", *table({n: objects[n] for n in names}, ""), ""]
        page = [f"# {title}", "", text, "", *table({n: objects[n] for n in names}, "../"), ""]
        page += gallery(source) if title == "Draw" else []
        page += contents(f"{name} </api/{name}>" for name in names)
        (folder / "groups" / f"{title.lower()}.md").write_text("\n".join(page), encoding="utf-8")
    index += contents(f"groups/{title.lower()}" for title in groups)
    (folder / "index.md").write_text("\n".join(index), encoding="utf-8")


def grouped(objects):
    """Name -> object, as title -> (text, names), without empty groups."""
    found = {title: (text, []) for title, (text, _) in GROUPS.items()}
    found[REST[0]] = (REST[1], [])
    for name, obj in objects.items():
        home = obj.__name__ if inspect.ismodule(obj) else obj.__module__
        package = home.split(".")[1]
        titles = [title for title, (_, packages) in GROUPS.items() if package in packages]
        found[titles[0] if titles else REST[0]][1].append(name)
    return {title: (text, names) for title, (text, names) in found.items() if names}


def contents(entries):
    """The lines of a hidden table of contents, which the sidebar shows."""
    return ["```{toctree}", ":hidden:", *entries, "```", ""]


def table(objects, to):
    """A table of names with links, and the first line of each docstring. to: path of the pages."""
    rows = ["| name | |", "|---|---|"]
    for name, obj in objects.items():
        summary = re.sub(r"([|*])", r"\\\1", inspect.getdoc(obj).splitlines()[0])
        rows.append(f"| [`{name}`]({to}{name}.md) | {summary} |")
    return rows


def gallery(source):
    """The pictures of the plot functions, each a link to what it shows."""
    from keras_ae import plots

    lines = ["## Pictures", "", '<div class="gallery">', ""]
    for name in plots.__all__:
        shown = picture(name, source)
        if shown:
            link = f'<a href="../plots.html#keras_ae.plots.{name}">'
            lines += [f"{link}![{name}](/{PICTURES}/{shown.name})<br>`{name}`</a>", ""]
    return [*lines, "</div>", ""]


def picture(name, source):
    """The file with the picture of a plot function, or None."""
    found = sorted((source / PICTURES).glob(f"{name}.*"))
    return found[0] if found else None


def directives(path, obj, told, source):
    """The lines of reStructuredText that document a class, a function or a module.

    Of a module all is told that it defines and that is not told elsewhere.
    """
    if inspect.ismodule(obj):
        index = [] if obj.__name__ == path else ["   :no-index:"]  # it is known by another name
        found = [f".. automodule:: {obj.__name__}", *index, ""]
        members = {name: getattr(obj, name) for name in public(obj)}
        elsewhere = [told[id(member)] for member in members.values() if id(member) in told]
        if elsewhere:
            links = ", ".join(f":py:obj:`{other}`" for other in elsewhere)
            found += [f"Told on other pages: {links}.", ""]
        for name, member in members.items():
            if id(member) not in told:
                told[id(member)] = f"{path}.{name}"
                found += directives(f"{path}.{name}", member, told, source)
        return found
    if inspect.isclass(obj):
        return [f".. autoclass:: {path}", "", *methods(path, obj)]
    shown = picture(obj.__name__, source) if obj.__module__.startswith("keras_ae.plots") else None
    image = [f"   .. image:: /{PICTURES}/{shown.name}"] if shown else []
    image += [f"      :alt: what {obj.__name__} draws", "      :class: plot"] if shown else []
    return [f".. autofunction:: {path}", "", *image, ""]


def methods(path, cls):
    """The lines that document what users call, the class's own methods before inherited ones."""
    names = [name for name, member in inspect.getmembers(cls) if is_ours(name, member)]
    order = list(dict.fromkeys(name for base in cls.__mro__ for name in vars(base)))
    names.sort(key=order.index)
    inner = [name for name in names if INNER.fullmatch(name)]
    lines = [line for name in names if name not in inner for line in method(path, cls, name)]
    if cls.__name__ in BASES and inner:
        lines += ["   .. rubric:: For a class of your own", ""]
        lines += [line for name in inner for line in method(path, cls, name)]
    return lines


def method(path, cls, name):
    """The lines that document one method or property."""
    is_property = isinstance(inspect.getattr_static(cls, name), property)
    return [f"   .. auto{'property' if is_property else 'method'}:: {path}.{name}", ""]


def public(module):
    """The names that a module lists in __all__, or else defines, in the order of its source."""
    if module.__name__ == "keras_ae.models":
        return ["Autoencoder"]  # the other classes have pages of their own
    own = [
        name
        for name, obj in vars(module).items()
        if getattr(obj, "__module__", None) == module.__name__ and callable(obj)
    ]
    names = [name for name in getattr(module, "__all__", own) if not name.startswith("_")]
    return [
        name
        for name in names
        if callable(getattr(module, name)) and inspect.getdoc(getattr(module, name))
    ]


def is_ours(name, member):
    """True for a public method or property with a docstring that this library wrote.

    Keras has hundreds of its own.
    """
    member = (
        member.fget
        if isinstance(member, property)
        else inspect.unwrap(getattr(member, "__func__", member))
    )
    ours = getattr(member, "__module__", None) or ""
    return (
        not name.startswith("_")
        and ours.startswith("keras_ae")
        and inspect.isroutine(member)
        and bool(member.__doc__)
    )
