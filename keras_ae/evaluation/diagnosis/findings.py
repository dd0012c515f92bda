"""What a diagnosis returns: a list of findings that prints as text."""

import dataclasses
import textwrap


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something that is wrong.

    Attributes:
        name: str, two or three words.
        value: float, what was measured.
        unit: str, of the value.
        limit: float, the value where the finding begins.
        measured: str, what the value is.
        meaning: str, what it means.
        advice: str, what to try.
    """

    name: str
    value: float
    unit: str
    limit: float
    measured: str
    meaning: str
    advice: str

    def __post_init__(self):
        object.__setattr__(self, "value", float(self.value))  # not a number of numpy
        object.__setattr__(self, "limit", float(self.limit))

    def __str__(self):
        value = f"{self.value:.3g} {self.unit} (limit: {self.limit:.3g})"
        lines = [f"{self.name}: {value}"]
        for heading, text in (
            ("measured", self.measured),
            ("meaning", self.meaning),
            ("try", self.advice),
        ):
            lead = f"  {heading}: ".ljust(13)
            lines += textwrap.wrap(
                text, 100, initial_indent=lead, subsequent_indent=" " * 13, break_long_words=False
            )
        return "\n".join(lines)


class Diagnosis(list):
    """A list of `Finding`s. Empty: nothing was found. It prints as text.

    Attributes:
        looked_at: list of str, the names of the findings that were looked for.
        left_out: dict of str to str, the names of the others, and why they were left out.
    """

    def __init__(self, findings, looked_at, left_out):
        super().__init__(findings)
        self.looked_at, self.left_out = looked_at, left_out

    def __str__(self):
        blocks = [str(finding) for finding in self] or ["nothing found"]
        rest = ["looked for: " + (", ".join(self.looked_at) or "nothing")]
        if self.left_out:
            reasons = (f"{name}, {reason}" for name, reason in self.left_out.items())
            rest.append(f"left out: {'; '.join(reasons)}")
        return "\n\n".join([*blocks, "\n".join(rest)])

    def to_dict(self):
        """All of it as a dict of JSON values: findings, looked_at and left_out."""
        return {
            "findings": [dataclasses.asdict(finding) for finding in self],
            "looked_at": self.looked_at,
            "left_out": self.left_out,
        }
