"""The table of results: what must be, what is."""

from dataclasses import dataclass


@dataclass
class Row:
    """One line. `passed` is None where nothing is demanded or nothing could be measured."""

    what: str
    measured: str
    must: str = ""
    aim: str = ""
    spread: str = ""
    passed: bool | None = None

    @property
    def verdict(self):
        return {True: "pass", False: "MISS", None: ""}[self.passed]


def at_least(what, ratio, must=None, aim=None):
    """A ratio that is good when it is high."""
    return Row(
        what,
        f"{ratio.median:.3f}",
        "" if must is None else f">= {must}",
        "" if aim is None else f"{aim}",
        f"{ratio.low:.3f} to {ratio.high:.3f}",
        None if must is None else ratio.median >= must,
    )


def at_most(what, value, must=None, aim=None, form="{:,.0f}", spread=""):
    """A number that is good when it is low."""
    return Row(
        what,
        form.format(value),
        "" if must is None else "<= " + form.format(must),
        "" if aim is None else form.format(aim),
        spread,
        None if must is None else value <= must,
    )


def no_less(what, value, must, form="{:,.0f}"):
    """A number that is good when it is high."""
    return Row(what, form.format(value), ">= " + form.format(must), passed=value >= must)


def told(what, measured, spread=""):
    """A number that nothing is demanded of."""
    return Row(what, measured, spread=spread)


def not_measured(what, why):
    """A line that says why it is empty."""
    return Row(what, f"not measured: {why}")


def failed(what, error):
    """A line for what went wrong; it counts as missed."""
    first = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
    return Row(what, f"failed: {first}", passed=False)


COLUMNS = ["what", "must", "aim", "measured", "spread (q25 to q75)", ""]


def markdown(rows):
    """The rows as a Markdown table, padded so that it reads well as plain text too."""
    cells = [COLUMNS] + [[r.what, r.must, r.aim, r.measured, r.spread, r.verdict] for r in rows]
    widths = [max(3, *(len(line[i]) for line in cells)) for i in range(len(COLUMNS))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(line, widths)) + " |" for line in cells]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(lines)
