"""Sphinx's settings for the site. `python docs/build.py` lays out the sources that it reads."""

import inspect
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import docstrings

version_file = pathlib.Path(__file__).parents[1] / "keras_ae" / "__init__.py"
project, author = "keras_ae", "the authors of keras_ae"
release = re.search(r'__version__ = "(.+)"', version_file.read_text(encoding="utf-8"))[1]

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",
]
exclude_patterns = ["keras_ae", "tests"]  # sources that pages link to, no pages
myst_enable_extensions = ["amsmath", "dollarmath", "html_image"]
myst_heading_anchors = 3
# MathJax, which comes with the pages, would otherwise look at MyST's own marks alone.
myst_update_mathjax = False
nb_execution_mode = "off"  # the notebooks hold the output that tutorials/build.py has put there
nb_mime_priority_overrides = [("html", "image/gif", 5)]

napoleon_use_ivar = True  # attributes as a list; as directives they would be documented twice
napoleon_use_param = False  # arguments as a list, "a, b: ..." included
napoleon_use_rtype = False
add_module_names = False
toc_object_entries_show_parents = "hide"
python_maximum_signature_line_length = 88

pygments_dark_style = "github-dark"

html_theme = "furo"
html_title = f"keras_ae {release}"
html_show_sphinx = html_show_copyright = False
html_copy_source = False
html_static_path, html_css_files = ["static"], ["site.css"]
html_js_files = [("explorer.js", {"defer": "defer"})]
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0067a3", "color-brand-content": "#0067a3"},
    "dark_css_variables": {"color-brand-primary": "#5cb8f0", "color-brand-content": "#5cb8f0"},
}


def signature(app, what, name, obj, options, text, returns):
    """That of __init__ for a class.

    Keras gives its layers and models a __new__(*args, **kwargs), which autodoc would show.
    """
    if what != "class" or obj.__init__ is object.__init__ or hasattr(obj, "__dataclass_fields__"):
        return None
    found = inspect.signature(obj.__init__)
    return str(found.replace(parameters=list(found.parameters.values())[1:])), ""


def docstring(app, what, name, obj, options, lines):
    """Our docstrings, as reStructuredText."""
    if what == "property":  # napoleon would take what stands before the colon for a type
        lines[0] = lines[0].replace(": ", " -- ", 1)
    lines[:] = docstrings.as_rst(lines)


def setup(app):
    """Called by Sphinx."""
    app.connect("autodoc-process-signature", signature)
    # Before napoleon, which makes a list of "Args:".
    app.connect("autodoc-process-docstring", docstring, priority=400)
