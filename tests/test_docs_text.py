"""Docstrings on the site: their signs, their examples, their formulas."""

import importlib.util
import inspect
import pathlib
import re

import pytest

import keras_ae

ROOT = pathlib.Path(__file__).parents[1]


def module_of_docs(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "docs")
        spec.loader.exec_module(module)
    return module


def test_docstrings_keep_their_signs():
    as_rst = module_of_docs("docstrings").as_rst
    assert as_rst(["(batch, *shape) of `x*` and p(x|z), y_ too"]) == [
        r"(batch, \*shape) of ``x*`` and p(x\|z), y\_ too"
    ]
    assert as_rst(["As `VAE.encode`."]) == ["As :py:obj:`VAE.encode`."]
    assert as_rst(["Two `Model`s."]) == [r"Two :py:obj:`Model`\ s."]
    assert as_rst(["One:", "", "    a = b*", "", "Args:", "    x: (n, *s)"])[2:6] == [
        "::",
        "",
        "    a = b*",
        "",
    ]
    assert as_rst(["Args:", "    x: (n, *s)"]) == ["Args:", r"    x: (n, \*s)"]
    assert as_rst(["One.", "", "Example:", "    f(*x)"])[2:] == [
        ".. rubric:: Example",
        "",
        "::",
        "",
        "    f(*x)",
    ]


def test_a_formula_of_a_docstring_becomes_mathematics():
    as_rst = module_of_docs("docstrings").as_rst
    assert as_rst(["One.", "", "loss(x) = -log p(x|z)", "", "Two."]) == [
        "One.",
        "",
        ".. math::",
        "",
        r"    \text{loss}(x) = -\log p(x \mid z)",
        "",
        "Two.",
    ]
    prose = ["One.", "", "z = 3 is the mean of all", "codes that were seen."]
    assert as_rst(prose) == prose


@pytest.mark.parametrize(
    "text, latex",
    [
        ("J = ||a||^2 + |b|^2", r"J = \lVert a\rVert ^{2} + \lvert b\rvert ^{2}"),
        ("d = KL(q(z|x) || p(z))", r"d = \mathrm{KL}(q(z \mid x) \,\Vert\, p(z))"),
        ("p(s) = prod_i p(s_i | s_1, s_i-1)", r"p(s) = \prod_{i} p(s_{i} \mid s_{1}, s_{i-1})"),
        ("L = log 1/S sum_s w_s <= 0", r"L = \log \tfrac{1}{S} \sum_{s} w_{s} \le 0"),
        ("z_0 ~ p_B(.|b_t)", r"z_{0} \sim p_{B}(\,\cdot\, \mid b_{t})"),
        ("z = the k largest of g(x)", r"z = \text{the}\ k\ \text{largest}\ \text{of}\ g(x)"),
    ],
)
def test_formulas_as_latex(text, latex):
    formulas = module_of_docs("formulas")
    assert formulas.lines_of_formula([text]) == 1
    assert formulas.as_latex([text]) == [latex]


def test_a_long_formula_takes_several_rows():
    line = "objective(x) = -log p(x|z) + beta * KL(q(z|x) || p(z)),  z ~ q(z|x), nats per example"
    assert module_of_docs("formulas").as_latex([line]) == [
        r"& \text{objective}(x) = -\log p(x \mid z) \\",
        r"& \qquad {}+ \beta \, \mathrm{KL}(q(z \mid x) \,\Vert\, p(z)), \\",
        r"& z \sim q(z \mid x) \\",
        r"& [\text{nats per example}]",
    ]


def test_the_objective_of_each_model_is_a_formula():
    """And its braces are balanced, so that MathJax can read it."""
    formulas = module_of_docs("formulas")
    classes = [getattr(keras_ae, name) for name in keras_ae.__all__]
    models = [obj for obj in classes if inspect.isclass(obj) and hasattr(obj, "objective")]
    assert len(models) >= 15
    for cls in models:
        paragraphs = re.split(r"\n\s*\n", inspect.getdoc(cls))
        blocks = [text.splitlines() for text in paragraphs]
        found = [lines[: formulas.lines_of_formula(lines)] for lines in blocks]
        latex = "".join(row for lines in found if lines for row in formulas.as_latex(lines))
        assert r"\text{objective}(x" in latex, cls
        bare = re.sub(r"\\[{}]", "", latex)
        assert bare.count("{") == bare.count("}"), cls
