import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from wave_network.data import from_memory, read_splits
from wave_network.persistence.folder import write_model
from wave_network.report.content import measure
from wave_network.report.page import html_page

EVIL = "<script>alert(1)</script>"
BIDI = "\u202efdp.exe\u202c \u2067abc"


class Page(HTMLParser):
    """What a browser would make of a page: its elements, links, ids and text."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.ids, self.attributes, self.text = [], [], [], [], []
        self.feed(page)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes.extend(attributes)
        self.ids.extend(value for name, value in attributes if name == "id")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes.extend(attributes)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    @property
    def words(self):
        return " ".join("".join(self.text).split())


@pytest.fixture(scope="module")
def test_rows():
    return read_splits("sample").test


@pytest.fixture(scope="module")
def content(sample_model, test_rows):
    training = from_memory([test_rows[0]["text"].upper(), "other"], ["World", "Sports"])
    return measure(sample_model, test_rows, training)


@pytest.fixture(scope="module")
def page(content):
    return html_page(content, model="my-model", data="test.csv", training="train.csv")


def test_every_section_is_there_and_every_link_leads_somewhere(page):
    parsed = Page(page)
    links = [value for name, value in parsed.attributes if name == "href"]
    inner = [link for link in links if link.startswith("#")]
    assert len(inner) == 9
    assert {link[1:] for link in inner} == set(parsed.ids)
    assert len(parsed.ids) == len(set(parsed.ids))
    assert parsed.tags.count("svg") == 3
    assert parsed.tags.count("h1") == 1


def test_it_needs_nothing_but_itself(page):
    parsed = Page(page)
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(parsed.tags)
    assert not {"src", "srcset", "action"} & {name for name, _ in parsed.attributes}
    assert not [name for name, _ in parsed.attributes if name.startswith("on")]
    assert not re.search(r"@import|url\(", page)
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in parsed.attributes


def test_it_is_for_light_dark_paper_and_phones(page):
    assert "@media (prefers-color-scheme: dark)" in page
    assert "@media print" in page
    assert 'content="width=device-width, initial-scale=1"' in page
    # A wide table scrolls in its box, which the keyboard reaches.
    assert page.count("<table") == page.count('<div class="scroll" tabindex="0"><table')


def test_the_metrics_stand_in_it(page, content):
    words = Page(page).words
    assert f"macro F1{content.metrics['macro_f1']:.4f}" in words
    assert f"{content.parameters['total']:,}" in words
    matrix = content.metrics["confusion"]["matrix"]
    section = page.partition('id="confusion"')[2].partition("</table>")[0]
    numbers = [int(number) for number in re.findall(r">(\d+)</td>", section)]
    assert numbers == [count for row in matrix for count in row]
    assert "Of 400 texts, 1 is also among the 2 training texts, apart from case" in words


def test_without_a_confusion_matrix_the_most_frequent_confusions_stay(content):
    metrics = {name: value for name, value in content.metrics.items() if name != "confusion"}
    page = html_page(replace(content, metrics=metrics), model="m", data="d", training=None)
    section = page.partition('id="confusion"')[2].partition("</section>")[0]
    assert section.count("<table>") == 1
    assert "Most frequent" in section


def test_each_error_shows_its_text_in_colours(page, content):
    words = Page(page).words
    for answer in content.mistakes.errors:
        assert " ".join(answer.text.split()) in words
    section = page.partition('id="errors"')[2].partition("</section>")[0]
    assert section.count('class="for"') > len(content.mistakes.errors)


def test_markup_and_control_characters_of_texts_labels_and_names_are_shown(make_files, tmp_path):
    labels = (f"A{EVIL}", f"B & {BIDI}", "C")
    write_model(tmp_path / "model", make_files(labels=labels), card="", history=[])
    texts = [EVIL, BIDI, "a\x00b\x1b[31m\x9b", "plain words", "&amp; <b>bold</b>", ""] * 3
    rows = from_memory(texts, [labels[number % 3] for number in range(len(texts))])
    content = measure(tmp_path / "model", rows, rows)
    page = html_page(content, model=f"m{EVIL}", data=f"d{EVIL}", training=f"t{EVIL}")
    parsed = Page(page)
    assert "script" not in parsed.tags
    assert "b" not in parsed.tags
    assert EVIL in parsed.words
    assert "&amp; <b>bold</b>" in parsed.words
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", page)
    assert "(empty)" in parsed.words
    # Whatever turns the direction stays inside an element that isolates it.
    isolated = r"(?s)<bdi>.*?</bdi>|<p class=.text. dir=.auto.>.*?</p>|<title>.*?</title>"
    outside = re.sub(isolated, "", page)
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", outside)


def test_of_many_classes_the_largest_are_shown(make_files, tmp_path):
    labels = tuple(f"class {number:02}" for number in range(30))
    write_model(tmp_path / "model", make_files(labels=labels), card="", history=[])
    chosen = [labels[number % 30] for number in range(60)] + [labels[29]] * 5
    rows = from_memory([f"text {number}" for number in range(65)], chosen)
    content = measure(tmp_path / "model", rows)
    page = html_page(content, model="m", data="d")
    section = page.partition('id="confusion"')[2].partition("</table>")[0]
    assert section.count("<tr>") == 21
    assert "class 29" in section
    assert "20 classes with the most texts and leaves out 10 others" in page
    numbers = [int(number) for number in re.findall(r">(\d+)</td>", section)]
    assert sum(numbers) == 19 * 2 + 7


def test_what_is_missing_is_said(content):
    mistakes = replace(
        content.mistakes,
        errors=[replace(content.mistakes.errors[0], explanation=None)],
        not_explained="it has several layers",
        label_errors=[],
        label_error_pairs=[],
        label_error_count=0,
    )
    bare = replace(content, history=[], mistakes=mistakes, overlap=None, training_sizes=None)
    words = Page(html_page(bare, model="m", data="d")).words
    assert "The model folder has no training history." in words
    assert "No explanations: it has several layers." in words
    assert "the data that the model was trained on with --training DATA" in words
    right = replace(bare, mistakes=replace(mistakes, errors=[]))
    assert "There are none" in Page(html_page(right, model="m", data="d")).words


def test_a_page_on_label_lists(sets_model, sets_rows):
    content = measure(sets_model, sets_rows, sets_rows)
    page = html_page(content, model="films", data="test.jsonl", training="train.jsonl")
    parsed = Page(page)
    links = [value for name, value in parsed.attributes if name == "href"]
    assert {link[1:] for link in links if link.startswith("#")} == set(parsed.ids)
    assert len(parsed.ids) == 9
    assert page.count("<table") == page.count('<div class="scroll" tabindex="0"><table')
    words, metrics = parsed.words, content.metrics
    assert f"micro F1{metrics['micro_f1']:.4f}" in words
    assert f"macro F1{metrics['macro_f1']:.4f}" in words
    assert "subset accuracy" in words
    cardinality = content.cardinality
    said = f"labels per text{cardinality.answers:.2f}predicted; {cardinality.data:.2f} in the"
    assert said in words
    section = page.partition('id="classes"')[2].partition("</section>")[0]
    assert [float(one) for one in re.findall(r"<td>(0\.\d{3})</td>", section)] == [0.5, 0.3, 0.6]
    table = page.partition('id="confusion"')[2].partition("</table>")[0]
    numbers = [int(number) for number in re.findall(r">(\d+)</td>", table)]
    rows = content.mistakes.missed_and_added.rows
    assert numbers == [number for row in rows for number in (*row.together, row.texts)]
    for error in content.mistakes.errors:
        named = ", ".join(error.labels) or "none"
        kind = "added" if error.added else "missed"
        assert f"text {error.row}: labelled {named}; {kind} {error.label} (" in words
    errors = page.partition('id="errors"')[2].partition("</section>")[0]
    assert errors.count('class="for"') > len(content.mistakes.errors)
    assert "suggested with comedy (" in words
    assert "Of 60 texts, 60 are also among the 60 training texts, apart from case" in words


def test_of_label_lists_too_markup_is_shown(make_files, tmp_path):
    labels = (f"A{EVIL}", f"B {BIDI}")
    files = make_files(labels=labels, problem_type="multi_label_classification")
    write_model(tmp_path / "model", files, card="", history=[])
    rows = from_memory([EVIL, BIDI, "plain"] * 4, [list(labels), [labels[1]], []] * 4)
    content = measure(tmp_path / "model", rows, rows)
    parsed = Page(html_page(content, model="m", data="d", training="t"))
    assert "script" not in parsed.tags
    assert f"A{EVIL}" in parsed.words
