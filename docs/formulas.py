r"""Formulas of docstrings, plain text that reads well in a terminal, as LaTeX.

objective(x) = -log p(x|z) + beta * KL(q(z|x) || p(z)),  z ~ q(z|x)

becomes rows: `\text{objective}(x) = -\log p(x \mid z)`, `+ \beta \, ...`, `z \sim q(z \mid x)`.
"""

import re

FORMULA = re.compile(r"[A-Za-z][\w.]*(\([^=~`]*?\))? (=|~|<-) \S")
SENTENCE = re.compile(r"`|[.] \w|; [A-Z]|[.:;]$|\b(by|in|of|the|is|are)$")
UNIT = re.compile(r",\s+(?:in )?(nats (?:\w+ ?){1,5})$")
MORE = re.compile(r"\s+[+\-]|[+\-] |\s+\S")  # a line that goes on with the formula before it
INDENT = r"\qquad {}"  # of a row that goes on with the one before
WIDTH = 46  # characters: a longer formula takes several rows, where it has several terms
WORDS = 12  # of English, at most, in a line that is still a formula

GREEK = ("alpha", "beta", "gamma", "theta", "lambda", "phi", "psi", "sigma", "tau")
FUNCTIONS = ("log", "exp", "min", "max", "cos", "sin", "tanh", "sqrt")
UPRIGHT = ("KL", "TC", "ELBO", "MMD", "LSTM")
NAMES = {
    **{name: rf"\{name}" for name in (*GREEK, *FUNCTIONS)},
    **{name: rf"\mathrm{{{name}}}" for name in UPRIGHT},
    "mod": r"\bmod ",
    "E": r"\mathbb{E}",
    "N": r"\mathcal{N}",
}
CALLED = {"E": "[(", "N": "("}  # names that mean an expectation or a normal only before a bracket
BIG = {"sum": r"\sum", "prod": r"\prod", "integral": r"\int"}
SIGNS = {
    "~": r"\sim ",
    "*": r"\, ",
    "<=": r"\le ",
    ">=": r"\ge ",
    "<-": r"\leftarrow ",
    "->": r"\to ",
    "...": r"\ldots ",
    "..": r"\ldots ",
    "{": r"\{",
    "}": r"\}",
    **{sign: rf"\{sign}" for sign in "_%#&$"},
    "^": r"\wedge ",
    "\\": r"\backslash ",
}
OPERATORS = {"=", "+", "-", "*", "/", "~", "<", ">", "<=", ">=", "<-", "->", "(", ")", "[", "]"}
TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<fraction>(?:[A-Za-z]+|\d+)/(?:[A-Za-z]+|\d+)(?![\w(]))"
    r"|(?P<name>[A-Za-z]+\d*(?:_(?:[A-Za-z]+\d*|\d+)(?:[+-]\d+)?)*)"
    r"|(?P<number>\d[\d,]*\d(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"|(?P<power>\^(?:-?\w+|\(-?\w+\)))"
    r"|(?P<bars>\|\|?)"
    r"|(?P<sign>\.\.\.|\.\.|<=|>=|<-|->|.)"
)


def is_formula(line):
    """True for a line such as "z = g(x),    objective(x) = -log p(x|z)", False for prose."""
    words = re.findall(r"(?<![\w(])[a-z]{2,}(?![\w(])", line)
    return bool(FORMULA.match(line)) and not SENTENCE.search(line) and len(words) <= WORDS


def lines_of_formula(lines):
    """How many lines, from the first one on, are a formula; 0 if the paragraph is prose."""
    if not is_formula(lines[0]):
        return 0
    n = 1
    while n < len(lines) and (MORE.match(lines[n]) or is_formula(lines[n])):
        n += 1
    rest = lines[n] if n < len(lines) else ""
    return 0 if rest[:1].islower() else n  # the formula is the start of a sentence


def as_latex(lines):
    """Lines of a formula as rows of LaTeX; its unit, "nats per example", stands in the last one."""
    unit = UNIT.search(lines[-1])
    if unit:
        lines = [*lines[:-1], lines[-1][: unit.start()]]
    found = []
    for line in lines:
        goes_on = bool(MORE.match(line))
        for i, part in enumerate(re.split(r"(?<=,)\s{2,}", line.strip())):
            first, *others = rows(part)
            found.append((INDENT if goes_on and i == 0 and part[0] in "+-" else "") + first)
            found += [INDENT + other for other in others]
    found += [rf"[\text{{{unit[1].strip()}}}]"] if unit else []
    if len(found) == 1:
        return found
    return [*(f"& {text} \\\\" for text in found[:-1]), f"& {found[-1]}"]


def in_markdown(text):
    """Markdown whose blocks of text that are formulas are typeset."""

    def typeset(block):
        lines = block[1].splitlines()
        if lines_of_formula(lines) < len(lines):
            return block[0]
        return "\n".join(["```{math}", *as_latex(lines), "```", ""])

    return re.sub(r"```text\n(.+?)```\n", typeset, text, flags=re.DOTALL)


def rows(text):
    """A formula of one line as LaTeX: in one row, or in several that each begin with a sign."""
    tokens = [(match.lastgroup, match[0]) for match in TOKEN.finditer(text)]
    ends = [None, *tokens, None]
    bars = _Bars()
    terms = [["", ""]]  # [as text, as LaTeX]
    for before, token, after in zip(ends, tokens, ends[2:], strict=False):
        if token[1] in ("+", "-") and _is_spaced(before, after) and bars.is_outside():
            terms.append(["", ""])
        terms[-1][0] += token[1]
        terms[-1][1] += _latex(token, before, after, bars)
    packed = [terms[0]]
    for term in terms[1:]:
        if len(packed[-1][0]) + len(term[0]) <= WIDTH:
            packed[-1] = [packed[-1][0] + term[0], packed[-1][1] + term[1]]
        else:
            packed.append(term)
    return [re.sub(r" {2,}", " ", latex).strip() for _, latex in packed]


def _is_spaced(before, after):
    return bool(before and after) and before[0] == after[0] == "space"


def _latex(token, before, after, bars):
    """One token, between two others or None, as LaTeX."""
    kind, text = token
    if kind == "space":
        beside = [t for t in (before, after) if t]
        is_gap = any(map(_is_text, beside)) and not any(t[1] in OPERATORS for t in beside)
        return r"\qquad " if len(text) > 1 else r"\ " if is_gap else " "
    if kind == "name":
        if text in CALLED and not (after and after[1] in CALLED[text]):
            return text
        return name(text)
    if kind == "bars":
        return bars.read(text, before, after)
    if kind == "fraction":
        over, under = (NAMES.get(part, part) for part in text.split("/"))
        return rf"\tfrac{{{over}}}{{{under}}}"
    if kind == "power":
        return "^{" + text[1:].strip("()") + "}"
    bars.pass_by(text)
    if text == "." and after and after[1] == "|":  # p(.|z)
        return r"\,\cdot\,"
    return SIGNS.get(text, text)


def name(token):
    """A name with its subscripts, "z_t2" as z_{t_{2}}; a word of English as text."""
    head, *subscripts = token.split("_")
    if re.fullmatch(r"d[a-np-z]", head):  # as in dg(x)/dx
        return head
    if head in BIG and subscripts:
        return BIG[head] + "_{" + ", ".join(map(name, subscripts)) + "} "
    numbered = re.fullmatch(r"([A-Za-z]+)(\d+)", head)
    if numbered:
        head, subscripts = numbered[1], [numbered[2], *subscripts]
    shown = NAMES.get(head) or (head if len(head) == 1 else rf"\text{{{head}}}")
    if head == "N" and subscripts:
        shown = "N"
    if subscripts:
        return shown + "_{" + ", ".join(map(_subscript, subscripts)) + "}"
    return shown + " " if shown.startswith("\\") and shown[-1].isalpha() else shown


def _subscript(text):
    found = re.fullmatch(r"([A-Za-z]+\d*|\d+)([+-]\d+)?", text)
    base = found[1] if found[1].isdigit() else name(found[1]).strip()
    return base + (found[2] or "")


def _is_text(token):
    return token[0] == "name" and name(token[1]).startswith(r"\text")


class _Bars:
    """What a bar means: "given" as in p(x|z), "beside" as in KL(q || p), or one end of |x|."""

    def __init__(self):
        self.open = [False]  # at each depth of brackets: whether |x| is open

    def is_outside(self):
        return self.open == [False]

    def pass_by(self, sign):
        if sign in ("(", "["):
            self.open.append(False)
        elif sign in (")", "]") and len(self.open) > 1:
            self.open.pop()

    def read(self, bars, before, after):
        spaced = _is_spaced(before, after)
        if bars == "||" and spaced:
            return r"\,\Vert\, "
        if self.open[-1]:
            self.open[-1] = False
            return r"\rVert " if bars == "||" else r"\rvert "
        starts = before is None or (before[0] in ("space", "sign") and before[1] not in ")].")
        if starts and not spaced:
            self.open[-1] = True
            return r"\lVert " if bars == "||" else r"\lvert "
        return r" \mid "
