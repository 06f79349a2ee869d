"""Comparing `small` with character TF-IDF on names, noisy texts and capitals."""

from random import Random

import pytest


def test_names_are_of_many_kinds_and_none_of_two():
    pytest.importorskip("babel")
    import languages

    texts, kinds = languages.names("th")
    assert len(set(texts)) == len(texts) > 1_000
    assert {"country", "language", "currency", "city", "script", "time zone"} == set(kinds)
    assert kinds[texts.index("ญี่ปุ่น")] == "country"


def test_a_text_is_misspelt_and_keeps_most_words():
    import languages

    text = "The council approved the new library, which opens on Monday in the old town hall."
    written = [languages.written_in_a_hurry(text, Random(seed)) for seed in range(50)]
    assert len(set(written)) > 45
    assert all(2 < len(each.split()) < 20 for each in written)
    kept = [len(set(each.split()) & set(text.split())) for each in written]
    assert 4 < sum(kept) / len(kept) < 12
    assert languages.written_in_a_hurry("", Random(0)).isascii()


def test_capitals_are_the_only_label():
    import languages

    texts, labels = languages.shouted("sample")
    assert 0.4 < sum(labels) / len(labels) < 0.6
    for text, label in zip(texts, labels, strict=True):
        lower = sum(word == word.lower() for word in text.split())
        assert label or lower or text == ""


def test_a_line_of_the_table_for_each_set(monkeypatch, capsys):
    import languages

    words = {"words": languages.MODELS["words"]}
    monkeypatch.setattr(languages, "MODELS", words)
    monkeypatch.setattr(languages, "TEXTS", 300)
    arguments = ["--noisy", "sample", "--shouted", "sample", "--seeds", "1"]
    monkeypatch.setattr("sys.argv", ["languages.py", *arguments])
    languages.main()
    _, _, noisy, shouted = capsys.readouterr().out.splitlines()
    assert noisy.startswith("| noisy sample | 210 | ")
    assert 25 < float(noisy.split(" | ")[-1].strip(" |")) <= 100
    assert shouted.startswith("| shouted sample | 210 | ")
