"""Builds the site: landing page, tutorials, guides, model cards and the API.

python docs/build.py              # into build/docs/html
python docs/build.py some/folder  # into some/folder

Nearly all of it comes from files that exist for other reasons too. The landing page holds the
explorer of a model, which takes npm and pip install "keras-ae[onnx]"; without them it is left out.
"""

import importlib
import os
import pathlib
import re
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import formulas
import reference

DOCS = pathlib.Path(__file__).resolve().parent
ROOT = DOCS.parent
SHOWN = "vae2d_mnist"  # the model of the landing page
LINK = re.compile(r"\]\(([\w./-]+)(?:#[\w-]*)?\)")
EXPLORER = re.compile(r"<!-- explorer -->\n(.*)<!-- /explorer -->\n", re.DOTALL)
PAGES = (
    "*.md",
    "docs/*.md",
    "tutorials/*.md",
    "tutorials/*.ipynb",
    "zoo/**/*.md",
    "zoo/*/*.png",
    "benchmarks/*.md",
    "docs/pictures/*.png",
    "docs/pictures/plots/*",
)
GUIDES = (  # in the order in which one meets them; others follow
    "training",
    "parts",
    "recipes",
    "distributed",
    "sharing",
    "metrics",
    "comparison",
    "design",
)
PROJECT = (
    "CONTRIBUTING",
    "RELEASING",
    "Changes <CHANGELOG>",
    "Benchmarks <benchmarks/results>",
    "What a part is worth <benchmarks/family>",
    "Learning per second <benchmarks/learning>",
    "A step of two workers <benchmarks/trace>",
    "Finding odd rows <benchmarks/anomalies>",
    "One digit is normal <benchmarks/one_digit>",
    "Drawing rows of a table <benchmarks/synthetic_rows>",
    "Filling missing values <benchmarks/imputation>",
    "How they are run <benchmarks/README>",
)
CONTENTS = """
```{{toctree}}
:hidden:
:caption: {caption}
{entries}
```
"""


def build(target):
    """Builds the site into a folder. Returns Sphinx's exit code, not 0 if there was a warning."""
    from sphinx.cmd.build import main

    with tempfile.TemporaryDirectory() as folder:
        source, explorer = pathlib.Path(folder) / "source", pathlib.Path(folder) / "explorer"
        has_explorer = make_explorer(explorer)
        lay_out(source, has_explorer)
        # A page of an earlier build that is no more would stay.
        shutil.rmtree(target, ignore_errors=True)
        places = ["-d", str(pathlib.Path(folder) / "doctrees"), "-c", str(DOCS)]
        options = ["-W", "--keep-going", "-q", "-b", "html", *places]
        code = main([*options, str(source), str(target)])
        if has_explorer:
            shutil.copytree(explorer, target / "explorer")
    return code


def make_explorer(folder):
    """Writes the explorer of a model into a folder. If it cannot: False, and says why."""
    try:
        from keras_ae.explorer import static

        static.write(SHOWN, folder)
    except (ImportError, OSError) as error:
        print(f"the landing page has no explorer: {error}", file=sys.stderr)
        return False
    return True


def lay_out(source, has_explorer=False):
    """Writes the sources of all pages into a folder.

    Those of the repository are copied as they are, into the same places.
    """
    for pattern in PAGES:
        for path in sorted(ROOT.glob(pattern)):
            copy(path, source)
    for card in source.glob("zoo/*/README.md"):
        text = card.read_text(encoding="utf-8")
        card.write_text(formulas.in_markdown(text), encoding="utf-8")
    reference.write(source)
    for folder, pages in (("tutorials", "*.ipynb"), ("zoo", "*/README.md")):
        names = sorted(
            path.relative_to(source / folder) for path in source.glob(f"{folder}/{pages}")
        )
        entries = [entry(name.with_suffix("").as_posix()) for name in sorted(names)]
        append(source / folder / "README.md", "\n".join(["", *reference.contents(entries)]))
    guides = [f"docs/{name}" for name in GUIDES]
    others = [f"docs/{path.stem}" for path in sorted((source / "docs").glob("*.md"))]
    parts = {
        "Learn": ["In two minutes <README>", "tutorials/README"],
        "Guides": list(dict.fromkeys([*guides, *others])),
        "Reference": ["Pretrained models <zoo/README>", "api/index"],
        "Project": PROJECT,
    }
    (source / "index.md").write_text(landing(has_explorer), encoding="utf-8")
    for caption, entries in parts.items():
        append(source / "index.md", CONTENTS.format(caption=caption, entries="\n".join(entries)))


def landing(has_explorer):
    """The text of the first page, with the README's first lines to type in it."""
    text = (DOCS / "landing" / "index.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    quickstart = re.search(r"^## Quickstart\n.*?(?=^## )", readme, re.MULTILINE | re.DOTALL)[0]
    models = len(list(ROOT.glob("zoo/*/metadata.json")))
    text = EXPLORER.sub(r"\1" if has_explorer else "", text)
    return text.replace("{{quickstart}}", quickstart).replace("{{models}}", str(models))


def entry(page):
    """A page as a line of a table of contents: that of a model goes by the model's name."""
    name, _, file = page.partition("/")
    return f"{name} <{page}>" if file else page


def append(path, text):
    """Adds text to the end of a file."""
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


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


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.path.insert(0, str(ROOT))
    target = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "docs" / "html")
    importlib.import_module("keras_ae.models")  # so that the verbs of presets know the classes
    code = build(target)
    if code:
        print(f"warnings or errors in {target}", file=sys.stderr)
    else:
        print(f"built {target}")
    sys.exit(code)
