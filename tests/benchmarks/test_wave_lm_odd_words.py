"""The comparison of causal and masked models by changed words, with models that know nothing."""

import csv
import json
import sys

from language_models import write_small


def test_one_word_of_each_text_is_changed(scripts):
    from wave_lm_odd_words import CHANGES, change_words

    texts = [
        f"café number {number} " + "alpha bravo charlie delta echo " * 2 for number in range(99)
    ]
    changed = list(change_words(texts, ["whisky zulu"]))
    assert {one.change for one in changed} == set(CHANGES)
    assert len(changed) > 90
    known = {text.encode() for text in texts}
    for one in changed:
        content = one.text.encode()
        assert content not in known
        word = content[one.start : one.end].decode()
        assert word in one.text.split()
        originals = [text for text in known if text[: one.start] == content[: one.start]]
        assert originals
        if one.change == "another word":
            assert word in ("whisky", "zulu")
        else:
            place = len(content[: one.start].decode().split())
            assert any(sorted(text.decode().split()[place]) == sorted(word) for text in originals)


def test_it_runs(scripts, tmp_path, monkeypatch):
    import wave_lm_odd_words

    train = tmp_path / "news" / "train.jsonl"
    train.parent.mkdir()
    text = "The parcel has not arrived yet and nobody answers the phone at the office"
    train.write_text("".join(json.dumps({"text": f"{text} {n}"}) + "\n" for n in range(400)))
    models = [
        write_small(tmp_path / objective, objective=objective) for objective in ("causal", "masked")
    ]
    output = tmp_path / "results.csv"
    arguments = ["wave_lm_odd_words.py", train, *models, "--output", output]
    monkeypatch.setattr(sys, "argv", [*map(str, arguments)])
    wave_lm_odd_words.main()
    with output.open() as file:
        rows = [*csv.DictReader(file)]
    assert [row["objective"] for row in rows] == ["causal", "causal", "masked", "masked"]
    for row in rows:
        assert row["data"] == "news"
        assert 0 <= float(row["found_first"]) <= float(row["found_of_three"]) <= 100
    assert sum(int(row["texts"]) for row in rows[:2]) == 8
