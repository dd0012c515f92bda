"""From our docstrings, plain text that reads well in a terminal, to reStructuredText.

In them `name` is code, an indented block is code, a line such as "loss(x) = -log p(x|z)" is a
formula, and *, | and _ mean themselves.
"""

import re

import formulas

SECTION = re.compile(r"(Args|Returns|Raises|Attributes|Yields):$")
EXAMPLE = re.compile(r"Examples?::?$")
NOTE = re.compile(r"What belongs here:")  # of a module, for those who write it
CODE = re.compile(r"(`[^`]+`)")
NAME = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)*")
LITERAL = re.compile(r"[^.:`]*[\w)] (=|~|<=) [^`]*[^.`]$")


def as_rst(lines):
    """The lines of a docstring without its indentation -> lines for Sphinx and napoleon."""
    done, kind, i = [], "text", 0
    while i < len(lines):
        line, paragraph = lines[i], _paragraph(lines, i)
        starts = i == 0 or not lines[i - 1].strip()
        n = formulas.lines_of_formula(paragraph) if starts and paragraph else 0
        read = 1
        if not line.strip():
            done.append("")
        elif SECTION.match(line):
            kind = "section"
            done.append(line)
        elif EXAMPLE.match(line):
            kind = "text"
            done += [".. rubric:: Example", ""]
        elif starts and NOTE.match(line):
            read = len(paragraph)
        elif n:
            kind, read = "text", n
            done += [".. math::", "", *(f"    {row}" for row in formulas.as_latex(paragraph[:n]))]
            done += [""] if n < len(paragraph) else []
        elif line.startswith("|"):  # a table, which ends where its rows end
            head = [] if kind == "table" else [".. list-table::", "   :header-rows: 1", ""]
            done += head + _row(line)
            kind = "table"
        elif line.startswith("    ") and kind in ("text", "code"):
            done += [] if kind == "code" else ["::", ""]
            kind = "code"
            done.append(line)
        elif starts and len(paragraph) == 1 and i and LITERAL.match(line):
            kind = "text"
            done += ["::", "", f"    {line}"]
        else:
            kind = kind if line.startswith(" ") else "text"
            done.append(_escaped(line))
        i += read
    return done


def _paragraph(lines, start):
    """The lines from one on until the next blank one; none if it is blank or indented."""
    if lines[start].startswith(" "):
        return []
    end = start
    while end < len(lines) and lines[end].strip():
        end += 1
    return lines[start:end]


def _row(line):
    """A row of a table in Markdown, as one of reStructuredText's list-table."""
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    if set(line) <= set("|-: "):
        return []
    return [f"   {'* -' if i == 0 else '  -'} {_escaped(cell)}" for i, cell in enumerate(cells)]


def _escaped(line):
    parts = CODE.split(line)  # text, code, text, ...
    text = [re.sub(r"([*|\\]|_(?=\W|$))", r"\\\1", part) for part in parts[::2]]
    code = [_code(part.strip("`")) for part in parts[1::2]] + [""]
    joined = "".join(a + b for a, b in zip(text, code, strict=True))
    # Markup ends at a space or a sign; "\\ " stands for none, as in `Model`s.
    return re.sub(r"(:py:obj:`[^`]+`|``[^`]+``)(?=\w)", r"\1\\ ", joined)


def _code(text):
    """Code; a name is a link, where there is a page that tells of it."""
    return f":py:obj:`{text}`" if NAME.fullmatch(text) else f"``{text}``"
