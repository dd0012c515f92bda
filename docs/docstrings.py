"""From our docstrings, plain text that reads well in a terminal, to reStructuredText.

In them `name` is code, an indented block is code, a line of its own with " = " is a formula, and *, | and _ mean themselves.
"""

import re

SECTION = re.compile(r"(Args|Returns|Raises|Attributes):$")
CODE = re.compile(r"(`[^`]+`)")
FORMULA = re.compile(r"[^.:`]*[\w)] (=|~|<=) [^`]*[^.`]$")


def as_rst(lines):
    """The lines of a docstring without its indentation -> lines for Sphinx and napoleon."""
    done, kind = [], "text"
    for i, line in enumerate(lines):
        starts = i == 0 or not lines[i - 1].strip()
        ends = i + 1 == len(lines) or not lines[i + 1].strip()
        if not line.strip():
            done.append("")
        elif SECTION.match(line):
            kind = "section"
            done.append(line)
        elif line.startswith("|"):  # a table, which ends where its rows end
            done += (
                [] if kind == "table" else [".. list-table::", "   :header-rows: 1", ""]
            ) + _row(line)
            kind = "table"
        elif line.startswith("    ") and kind in ("text", "code"):
            done += [] if kind == "code" else ["::", ""]
            kind = "code"
            done.append(line)
        elif starts and ends and i and not line.startswith(" ") and FORMULA.match(line):
            kind = "text"
            done += ["::", "", f"    {line}"]
        else:
            kind = kind if line.startswith(" ") else "text"
            done.append(_escaped(line))
    return done


def _row(line):
    """A row of a table in Markdown, as one of reStructuredText's list-table."""
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    if set(line) <= set("|-: "):
        return []
    return [f"   {'* -' if i == 0 else '  -'} {_escaped(cell)}" for i, cell in enumerate(cells)]


def _escaped(line):
    parts = CODE.split(line)  # text, code, text, ...
    text = [re.sub(r"([*|\\]|_(?=\W|$))", r"\\\1", part) for part in parts[::2]]
    code = [f"`{part}`" for part in parts[1::2]] + [""]
    return "".join(a + b for a, b in zip(text, code, strict=True))
