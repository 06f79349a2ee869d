"""How explanations look: nothing of the text is lost, and nothing in it is obeyed."""

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from wave_network.errors import printable
from wave_network.explain.render import html_page, page_start, terminal_text, visible
from wave_network.runtime.explanation import Explanation, TokenShare

ATTACK = "<script>alert('1')</script> & \"quoted\" <img src=x onerror=alert(2)>"


def explain(text, *tokens, label="World"):
    shares = tuple(TokenShare(text[a:b], a, b, value, 0.25) for a, b, value in tokens)
    return Explanation(text, label, 0.875, 1.9459, -0.5, shares)


class Tags(HTMLParser):
    """The elements of a page, and the text of those of class `text`."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.names, self.attributes, self.classes = set(), set(), []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.classes += [dict(attrs).get("class")]


def shown(page):
    (marked,) = re.findall(r'<p class="text" dir="auto">(.*?)</p>', page, re.DOTALL)
    return unescape(re.sub(r"</?span[^>]*>", "", marked))


def test_the_page_shows_the_text_and_who_speaks_for_what():
    text = "Oil prices jump"
    page = html_page([explain(text, (0, 3, 2.0), (4, 10, -1.0), (11, 15, 0.01))])
    assert shown(page) == text
    assert '<span class="for" style="--share: 1.00" title="+2.000">Oil</span>' in page
    assert '<span class="against" style="--share: 0.50" title="-1.000">prices</span> jump' in page
    assert "World" in page
    assert "87.5%" in page
    assert "log-odds +1.95: -0.50 for an empty text, +2.45 from the tokens" in page
    assert page.index("<td>+2.000</td>") < page.index("<td>-1.000</td>")  # the strongest first


def test_the_page_is_for_phones_and_dark_screens_and_needs_nothing_else():
    page = html_page([explain("a", (0, 1, 1.0))])
    assert page.startswith("<!doctype html>")
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page
    assert "prefers-color-scheme: dark" in page
    assert not {"script", "link", "img", "iframe"} & Tags(page).names
    assert "http" not in page.replace("http-equiv", "")


def test_the_heading_names_the_model():
    page = html_page([explain("a", (0, 1, 1.0))], model="news")
    assert page.count("<h1>") == 1
    assert "Model <bdi>news</bdi>. " in page
    assert "<bdi>" not in page_start()


def luminance(colour):
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in colour)
    ]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_of_the_page_has_a_contrast_of_four_and_a_half(dark):
    style = html_page([])
    values = {}
    for name, value in re.findall(r"--([a-z]+): ([^;]+);", style):
        values.setdefault(name, []).append(value)
    page, ink, quiet = (rgb(values[name][dark]) for name in ("page", "ink", "quiet"))
    for side in ("for", "against"):
        colour = [int(part) for part in values[side][dark].split()]
        behind = [0.55 * one + 0.45 * other for one, other in zip(colour, page, strict=True)]
        assert contrast(ink, behind) >= 4.5
    assert contrast(quiet, page) >= 4.5
    assert ".quiet > .for, .quiet > .against { color: var(--ink);" in style


def rgb(text):
    digits = text.removeprefix("#")
    digits = digits if len(digits) == 6 else "".join(2 * digit for digit in digits)
    return tuple(bytes.fromhex(digits))


@pytest.mark.parametrize("label", ["World", ATTACK, 3])
def test_nothing_in_a_text_or_label_becomes_markup(label):
    harmless = Tags(html_page([explain("a b", (0, 1, 1.0))]))
    page = html_page([explain(ATTACK, (0, 8, 1.0), (9, 40, -1.0), label=label)], model=ATTACK)
    found = Tags(page)
    assert found.names <= harmless.names
    assert found.attributes <= harmless.attributes
    assert shown(page) == ATTACK


@given(text=st.text(st.characters(codec="utf-8"), max_size=40))
def test_every_text_is_shown_as_it_is_but_for_control_characters(text):
    middle = len(text) // 2
    page = html_page([explain(text, (0, middle, 1.0), label=text)])
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", page)
    assert shown(page) == visible(text)
    if not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", text):
        assert shown(page) == text


def test_the_page_runs_nothing_and_asks_no_one():
    page = html_page([explain("a", (0, 1, 1.0))])
    assert page.count("default-src 'none'; style-src 'unsafe-inline'") == 1


def test_half_a_surrogate_pair_can_still_be_written():
    html_page([explain("a\ud83d b", (0, 2, 1.0))]).encode()


def test_several_texts_and_an_empty_one_are_one_page():
    page = html_page([explain(""), explain("b", (0, 1, 0.0))])
    assert page.count("<article>") == page.count("</article>") == 2
    assert page.count("<!doctype html>") == 1


def printed(explanation, **options):
    console = Console(file=StringIO(), width=200, **options)
    console.print(terminal_text(explanation))
    return console.file.getvalue()


def test_on_a_terminal_the_text_is_in_colours():
    explanation = explain("Oil prices jump", (0, 3, 2.0), (4, 10, -1.0), (11, 15, 0.01))
    plain = printed(explanation)
    assert plain.splitlines()[:2] == ["World (87.5%)", "Oil prices jump"]
    assert "supports" in plain
    assert "opposes" in plain
    coloured = printed(explanation, force_terminal=True, color_system="truecolor")
    blue, orange = "48;2;0;114;178", "48;2;213;94;0"
    assert re.search(rf"\x1b\[[0-9;]*{blue}mOil\x1b\[0m", coloured)
    assert re.search(rf"\x1b\[[0-9;]*{orange}mprices\x1b\[0m", coloured)
    assert re.search(r"prices\x1b\[0m jump", coloured)


def test_few_colours_tell_them_apart_too():
    explanation = explain("Oil prices cuts", (0, 3, 2.0), (4, 10, -1.9), (11, 15, -0.2))
    coloured = printed(explanation, force_terminal=True, color_system="standard")
    styles = dict(re.findall(r"\x1b\[([0-9;]*)m(\w+)\x1b", coloured)[1:4])
    assert len(styles) == 3
    without = printed(explanation, force_terminal=True, color_system="standard", no_color=True)
    assert re.search(r"\x1b\[1mOil", without)
    assert re.search(r"\x1b\[1;4mprices", without)


@pytest.mark.parametrize(
    "text", ["[bold]a[/bold]", "a\x1b[2Jb", "a\rb\x07", ":smile:", "\u202ea\x9b"]
)
def test_a_text_does_nothing_to_the_terminal(text):
    label, shown = printed(explain(text, (0, len(text), 1.0), label=text)).splitlines()[:2]
    assert label == f"{printable(text)} (87.5%)"
    assert shown == printable(text)
    assert shown.isprintable()


def test_a_model_without_waves_has_no_column_of_energies():
    with_waves = explain("one two", (0, 3, 1.0))
    tokens = tuple(token._replace(energy=0.0) for token in with_waves.tokens)
    assert "energy" in html_page([with_waves])
    assert "energy" not in html_page([replace(with_waves, tokens=tokens)])
