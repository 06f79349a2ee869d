"""Show explanations as coloured text in a terminal, or as a web page.

Blue tokens support the label. Orange tokens speak against it and are also underlined. Colour-blind
readers can tell the two colours apart. The intensity is relative to the strongest token of the
text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape
from typing import TYPE_CHECKING, Final

from wave_network.errors import printable
from wave_network.runtime.explanation import Explanation, TokenShare

if TYPE_CHECKING:
    from rich.text import Text

_SUPPORTS: Final = "#0072b2"  # Okabe and Ito's blue and vermilion
_OPPOSES: Final = "#d55e00"
_FAINTEST: Final = 0.05  # of the strongest token; weaker ones have no colour
_STRONG: Final = 0.5
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

TOKEN_STYLE: Final = """\
:root { --for: 0 114 178; --against: 213 94 0; }
@media (prefers-color-scheme: dark) { :root { --for: 42 148 214; --against: 226 112 24; } }
.text { white-space: pre-wrap; }
.for, .against { border-radius: .2em; padding: .1em 0; }
.for { background: rgb(var(--for) / calc(var(--share) * 55%)); }
.against { background: rgb(var(--against) / calc(var(--share) * 55%));
  text-decoration: underline; text-underline-offset: .25em; }
"""
"""The CSS that `html_text` needs."""

_HEAD: Final = (
    """<!doctype html>
<html lang="und">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Explained answers</title>
<style>
"""
    + TOKEN_STYLE
    + """\
:root { color-scheme: light dark; --page: #fff; --ink: #1a1a1a; --quiet: #595959; --line: #d0d0d0; }
@media (prefers-color-scheme: dark) {
  :root { --page: #16181c; --ink: #ececec; --quiet: #a8a8a8; --line: #3c4048; }
}
body { margin: 0 auto; max-width: 46rem; padding: 1rem; background: var(--page); color: var(--ink);
  font: 1rem/1.9 system-ui, sans-serif; }
article { border-bottom: 1px solid var(--line); padding-bottom: 1rem; margin-bottom: 1.5rem; }
h1 { font-size: 1.4rem; line-height: 1.4; margin: 1rem 0 0; }
h2 { font-size: 1.1rem; line-height: 1.4; margin: 0; overflow-wrap: anywhere; }
p { margin: .5rem 0; overflow-wrap: anywhere; }
header { border-bottom: 1px solid var(--line); padding-bottom: 1rem; margin-bottom: 1.5rem; }
.quiet, summary, table { color: var(--quiet); font-size: .875rem; line-height: 1.5; }
.quiet > .for, .quiet > .against { color: var(--ink); padding: .1em .3em; }
table { border-collapse: collapse; }
td, th { padding: .1rem .75rem .1rem 0; text-align: end; font-variant-numeric: tabular-nums; }
td:first-child, th:first-child { text-align: start; overflow-wrap: anywhere; }
</style>
</head>
<body>
<main>
"""
)
_LEGEND: Final = (
    '<span class="for" style="--share: 1">supports</span> the label, '
    '<span class="against" style="--share: 1">opposes</span> it'
)
PAGE_END: Final = "</main>\n</body>\n</html>\n"


def html_page(explanations: Iterable[Explanation], *, model: str | None = None) -> str:
    """Render explanations as one self-contained web page, for light and dark screens.

    For many explanations, write `page_start(model)`, the `html_article` of each and `PAGE_END` one
    after the other.

    Args:
        explanations: One article each, in this order.
        model: The model's name, for the page's heading.
    """
    return "".join([page_start(model), *map(html_article, explanations), PAGE_END])


def page_start(model: str | None = None) -> str:
    """Render the beginning of a page: its heading, with the model's name, and how to read it."""
    named = "" if model is None else f"Model <bdi>{_safe(model)}</bdi>. "
    return f"""{_HEAD}<header>
<h1>Explained answers</h1>
<p class="quiet">{named}{_LEGEND}. The stronger the colour, the more a token
counts, compared with the strongest token of its text.</p>
</header>
"""


def html_article(explanation: Explanation) -> str:
    """Render one explanation as a part of a page."""
    label = _safe(str(explanation.label))
    has_energy = any(token.energy for token in explanation.tokens)  # a model of fastText has none
    rows = "".join(
        f'<tr><td dir="auto">{_safe(token.token)}</td><td>{token.attribution:+.3f}</td>'
        f"{f'<td>{token.energy:.1%}</td>' if has_energy else ''}</tr>\n"
        for token in sorted(explanation.tokens, key=lambda token: -abs(token.attribution))
    )
    return f"""<article>
<h2><bdi>{label}</bdi> <span class="quiet">{explanation.score:.1%}</span></h2>
<p class="text" dir="auto">{html_text(explanation)}</p>
<p class="quiet">{_sum(explanation)}</p>
<details><summary>Every token</summary>
<table><tr><th>token</th><th>log-odds</th>{"<th>energy</th>" if has_energy else ""}</tr>
{rows}</table></details>
</article>
"""


def html_text(explanation: Explanation) -> str:
    """Render only the text, with coloured tokens; the page needs `TOKEN_STYLE`."""
    strongest = _strongest(explanation)
    return "".join(
        _marked(characters, token, strongest) for characters, token in _parts(explanation)
    )


def visible(text: str) -> str:
    """Replace what a page may not contain: control characters, and halves of surrogate pairs.

    What turns the direction of writing stays: elements such as `<bdi>` isolate each text.
    """
    return _CONTROL.sub("\ufffd", text.encode("utf-8", "replace").decode("utf-8"))


def terminal_text(explanation: Explanation) -> Text:
    """Render an explanation as coloured text: the label, the text, and a legend."""
    from rich.text import Text

    strongest = _strongest(explanation)
    label = printable(str(explanation.label))
    result = Text.assemble((label, "bold"), f" ({explanation.score:.1%})\n")
    for characters, token in _parts(explanation):
        style = _style(token.attribution / strongest) if token else ""
        result.append(printable(characters, lines=True), style=style)
    supports, opposes = (" supports ", _style(1)), (" opposes ", _style(-1))
    return result + Text.assemble("\n", supports, " ", opposes, f" {_sum(explanation)}\n")


def _marked(characters: str, token: TokenShare | None, strongest: float) -> str:
    if token is None or abs(token.attribution) < _FAINTEST * strongest:
        return _safe(characters)
    side = "for" if token.attribution > 0 else "against"
    share = abs(token.attribution) / strongest
    return (
        f'<span class="{side}" style="--share: {share:.2f}" title="{token.attribution:+.3f}">'
        f"{_safe(characters)}</span>"
    )


def _parts(explanation: Explanation) -> Iterator[tuple[str, TokenShare | None]]:
    """Yield the whole text in order: tokens, and the parts between them."""
    place = 0
    for token in explanation.tokens:
        if place < token.start:
            yield explanation.text[place : token.start], None
        yield token.token, token
        place = token.end
    yield explanation.text[place:], None


def _strongest(explanation: Explanation) -> float:
    return max((abs(token.attribution) for token in explanation.tokens), default=0.0) or 1.0


def _sum(explanation: Explanation) -> str:
    change = round(explanation.log_odds - explanation.baseline, 2) + 0.0  # never -0.0
    return (
        f"log-odds {explanation.log_odds:+.2f}: {explanation.baseline:+.2f} for an empty text, "
        f"{change:+.2f} from the tokens"
    )


def _style(weight: float) -> str:
    """Colour the background of strong tokens, and the letters of others."""
    if abs(weight) < _FAINTEST:
        return ""
    colour = _SUPPORTS if weight > 0 else _OPPOSES
    mark = "" if weight > 0 else "underline "
    return f"{mark}bold #ffffff on {colour}" if abs(weight) >= _STRONG else f"{mark}{colour}"


def _safe(text: str) -> str:
    return escape(visible(text))
