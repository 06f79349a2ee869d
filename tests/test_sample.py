"""The bundled sample: real variety, nothing twice, and files that any program can read."""

import csv
import re
import statistics
from collections import Counter, defaultdict
from importlib import resources
from itertools import combinations, pairwise

import pytest

FOLDER = resources.files("wave_network.data") / "sample"
LABELS = {"World", "Sports", "Business", "Sci/Tech"}


def read(part):
    with (FOLDER / f"{part}.csv").open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["label"]) for row in csv.DictReader(file, strict=True)]


PARTS = {part: read(part) for part in ("train", "test")}
TEXTS = [text for rows in PARTS.values() for text, _ in rows]


def words_of(text):
    return re.findall(r"\w+(?:['’-]\w+)*", text.lower())


WORDS = [words_of(text) for text in TEXTS]


def four_grams(words):
    return {tuple(words[start : start + 4]) for start in range(len(words) - 3)}


def test_there_are_enough_items_in_both_parts():
    assert len(TEXTS) >= 1_200
    assert len(PARTS["test"]) >= 200
    assert len(PARTS["train"]) > 2 * len(PARTS["test"])


@pytest.mark.parametrize("part", PARTS)
def test_the_four_classes_are_balanced(part):
    counts = Counter(label for _, label in PARTS[part])
    assert set(counts) == LABELS
    mean = len(PARTS[part]) / len(LABELS)
    assert all(0.8 * mean <= count <= 1.2 * mean for count in counts.values())


@pytest.mark.parametrize("part", PARTS)
def test_the_file_is_plain_utf_8(part):
    content = (FOLDER / f"{part}.csv").read_bytes()
    assert content.startswith(b"text,label\n")
    assert content.endswith(b"\n")
    assert b"\r" not in content
    for line in content.split(b"\n"):
        assert line.decode("utf-8").isprintable()


@pytest.mark.parametrize("part", PARTS)
def test_the_rows_are_in_no_order_of_their_labels(part):
    labels = [label for _, label in PARTS[part]]
    runs = 1 + sum(label != previous for previous, label in pairwise(labels))
    # A random order of four equal classes changes class at three rows of four.
    assert runs / len(labels) == pytest.approx(0.75, abs=0.1)


def test_no_text_is_empty_or_badly_spaced():
    for text in TEXTS:
        assert text == " ".join(text.split())
        assert len(words_of(text)) >= 5


def test_texts_are_written_in_ordinary_characters():
    odd = {character for text in TEXTS for character in text if not character.isascii()}
    assert all(character.isalpha() or character in "–—‘’“”…€£°" for character in odd)


def test_no_item_is_there_twice():
    assert len({" ".join(words) for words in WORDS}) == len(TEXTS)


def test_no_two_items_share_more_than_half_of_their_four_grams():
    grams = [four_grams(words) for words in WORDS]
    holders = defaultdict(list)
    for item, found in enumerate(grams):
        for gram in found:
            holders[gram].append(item)
    shared = Counter(pair for items in holders.values() for pair in combinations(items, 2))
    assert shared, "not a single common phrase: is the test looking at words?"
    for (first, second), count in shared.items():
        smaller = min(len(grams[first]), len(grams[second]))
        assert count <= smaller / 2, (TEXTS[first], TEXTS[second])


def test_no_template_no_phrase_is_in_many_items():
    holders = Counter(gram for words in WORDS for gram in four_grams(words))
    assert max(holders.values()) <= 0.03 * len(TEXTS)


def test_no_two_items_open_with_the_same_five_words():
    openings = Counter(tuple(words[:5]) for words in WORDS)
    assert openings.most_common(1)[0][1] == 1


def test_lengths_vary():
    lengths = [len(words) for words in WORDS]
    assert min(lengths) <= 15
    assert max(lengths) >= 60
    assert statistics.stdev(lengths) >= 8
    assert 20 <= statistics.mean(lengths) <= 60
    deciles = statistics.quantiles(lengths, n=10)
    assert deciles[-1] - deciles[0] >= 20


def test_the_vocabulary_is_rich():
    counts = Counter(word for words in WORDS for word in words)
    assert len(counts) >= 8_000


def test_train_reads_it_as_it_is():
    from wave_network.data import read_splits

    splits = read_splits("sample")
    assert splits.validation is None
    for part in PARTS:
        rows = getattr(splits, part)
        assert list(zip(rows["text"], rows["label"], strict=True)) == PARTS[part]
