"""Builds the reference pages: README, tutorials, model cards and the API, from files that exist for other reasons too.

python docs/build.py              # into build/docs/html
python docs/build.py some/folder  # into some/folder
"""

import importlib
import inspect
import os
import pathlib
import re
import shutil
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\(([\w./-]+)\)")
CONTENTS = """
```{{toctree}}
:hidden:
:caption: {caption}
{entries}
```
"""


def build(target):
    """Builds the pages into a folder. Returns Sphinx's exit code, which is not 0 if there was a warning."""
    from sphinx.cmd.build import main

    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder)
        lay_out(source)
        # A page of an earlier build that is no more would stay.
        shutil.rmtree(target, ignore_errors=True)
        options = [
            "-W",
            "--keep-going",
            "-q",
            "-b",
            "html",
            "-d",
            str(source / ".doctrees"),
            "-c",
            str(ROOT / "docs"),
        ]
        return main([*options, folder, str(target)])


def lay_out(source):
    """Writes the sources of all pages into a folder: those of the repository as they are, in the same places, and the API's."""
    for pattern in (
        "*.md",
        "tutorials/*.md",
        "tutorials/*.ipynb",
        "zoo/**/*.md",
        "zoo/*/*.png",
        "benchmarks/*.md",
    ):
        for path in sorted(ROOT.glob(pattern)):
            copy(path, source)
    readme = (source / "README.md").read_text(encoding="utf-8")
    (source / "README.md").unlink()
    names = [f"tutorials/{path.stem}" for path in sorted((source / "tutorials").glob("*.ipynb"))]
    cards = sorted(path.parent.name for path in source.glob("zoo/*/README.md"))
    parts = {
        "Learn": ["tutorials/README", *names],
        "Zoo": ["zoo/README", *(f"{name} <zoo/{name}/README>" for name in cards)],
        "Reference": [f"api/{name}" for name in ("index", *api(source / "api"))],
        "More": [
            "Benchmarks <benchmarks/results>",
            "What a part is worth <benchmarks/family>",
            "How they are run <benchmarks/README>",
            "CHANGELOG",
        ],
    }
    readme += "".join(
        CONTENTS.format(caption=caption, entries="\n".join(entries))
        for caption, entries in parts.items()
    )
    (source / "index.md").write_text(readme, encoding="utf-8")


def copy(path, source):
    """Copies a file of the repository, and the files that it links to, if it is Markdown."""
    target = source / path.relative_to(ROOT)
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, target)
    for link in LINK.findall(path.read_text(encoding="utf-8")) if path.suffix == ".md" else []:
        if (path.parent / link).is_file():
            copy((path.parent / link).resolve(), source)


def api(folder):
    """Writes a page for each public name into a folder, and index.md with all of them. Returns the names."""
    import keras_ae

    folder.mkdir()
    rows = ["# API", "", "All of it comes with `import keras_ae`.", "", "| name | |", "|---|---|"]
    names = sorted(keras_ae.__all__, key=str.lower)
    objects = {name: getattr(keras_ae, name) for name in names}
    told = {
        id(obj) for obj in objects.values()
    }  # what has a page of its own, or stands on an earlier one
    for name, obj in objects.items():
        lines = directives(f"keras_ae.{name}", obj, told)
        page = [f"# keras_ae.{name}", "", "```{eval-rst}", *lines, "```", ""]
        (folder / f"{name}.md").write_text("\n".join(page), encoding="utf-8")
        summary = re.sub(r"([|*])", r"\\\1", inspect.getdoc(obj).splitlines()[0])
        rows.append(f"| [`{name}`]({name}.md) | {summary} |")
    (folder / "index.md").write_text("\n".join([*rows, ""]), encoding="utf-8")
    return names


def directives(path, obj, told):
    """The lines of reStructuredText that document a class, a function, or a module and what it defines that is not told elsewhere."""
    if inspect.ismodule(obj):
        found = [f".. automodule:: {obj.__name__}", "   :no-index:", ""]
        for name in public(obj):
            member = getattr(obj, name)
            if id(member) not in told:
                told.add(id(member))
                found += directives(f"{path}.{name}", member, told)
        return found
    if inspect.isclass(obj):
        members = ", ".join(
            name for name, member in inspect.getmembers(obj) if is_ours(name, member)
        )
        return [
            f".. autoclass:: {path}",
            *([f"   :members: {members}", "   :member-order: bysource"] if members else []),
            "",
        ]
    return [f".. autofunction:: {path}", ""]


def public(module):
    """The names that a module lists in __all__, or else defines, in the order of its source."""
    if module.__name__ == "keras_ae.models":
        return ["Autoencoder"]  # the other classes have pages of their own
    own = [
        name
        for name, obj in vars(module).items()
        if getattr(obj, "__module__", None) == module.__name__ and callable(obj)
    ]
    names = getattr(module, "__all__", own)
    return [
        name
        for name in names
        if callable(getattr(module, name)) and inspect.getdoc(getattr(module, name))
    ]


def is_ours(name, member):
    """True for a public method or property with a docstring that this library wrote: Keras has hundreds of its own."""
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


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.path.insert(0, str(ROOT))
    target = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "docs" / "html")
    importlib.import_module(
        "keras_ae.models"
    )  # so that the verbs of presets are tied to the classes
    code = build(target)
    print(
        f"{'built' if code == 0 else 'warnings or errors in'} {target}",
        file=sys.stderr if code else sys.stdout,
    )
    sys.exit(code)
