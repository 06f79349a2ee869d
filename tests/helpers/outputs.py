"""Comparing what a page says that a command prints with what it prints."""

import re

_PART = re.compile(
    r"(?P<more>\.\.\.|…)|(?P<number>(?<![\w-])[-+]?\d[\d,]*(?:\.\d+)?(?!\w))"
    r"|(?P<word>\w+)|(?P<other>[^\w\s\u2500-\u257f])"
)


def differs(shown, printed, within=0.0):
    """How an output differs from the one that a page shows; an empty string if it does not.

    White space and the lines of tables do not count, and `...` stands for anything. A number may
    differ by `within`, and by half of its last decimal that is shown.
    """
    pieces, there = [[]], []
    for match in _PART.finditer(shown):
        if match.lastgroup == "more":
            pieces.append([])
        else:
            pieces[-1].append((match.lastgroup, match[0]))
    there = [(match.lastgroup, match[0]) for match in _PART.finditer(printed)]
    if _matches(pieces, there, within):
        return ""
    return f"the page shows\n{shown}\nbut this is printed:\n{printed}"


def _matches(pieces, there, within):
    """Whether the pieces follow each other, the first at the beginning and the last at the end."""
    first, last = pieces[0], pieces[-1]
    if len(pieces) == 1:
        return _same(first, there, within)
    if not _same(first, there[: len(first)], within):
        return False
    place = len(first)
    for piece in pieces[1:-1]:
        found = [
            start
            for start in range(place, len(there) - len(piece) + 1)
            if _same(piece, there[start : start + len(piece)], within)
        ]
        if not found:
            return False
        place = found[0] + len(piece)
    end = len(there) - len(last)
    return end >= place and _same(last, there[end:], within)


def _same(wanted, there, within):
    return len(wanted) == len(there) and all(
        _equal(one, other, within) for one, other in zip(wanted, there, strict=True)
    )


def _equal(one, other, within):
    (kind, shown), (other_kind, printed) = one, other
    if kind != other_kind or kind != "number":
        return one == other
    decimals = shown.partition(".")[2]
    rounding = 0.5 * 10.0 ** -len(decimals) if decimals else 0.0
    far = abs(float(shown.replace(",", "")) - float(printed.replace(",", "")))
    return far <= within + rounding + 1e-9
