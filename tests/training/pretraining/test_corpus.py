import json

import numpy as np
import pytest

from wave_network.data.read_options import ReadOptions
from wave_network.errors import DataError
from wave_network.training.pretraining import corpus as corpus_module
from wave_network.training.pretraining.corpus import read_corpus


def rows(path, texts):
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return path


def read(*files):
    return read_corpus(files, 300, "text", ReadOptions())


def text_of(found, ids):
    return found.tokenizer.decode(ids).decode()


def numbered(count):
    return [f"text number {number} says hello. " for number in range(count)]


def test_every_fiftieth_document_is_held_out(tmp_path):
    texts = numbered(120)
    found = read(rows(tmp_path / "a.jsonl", texts[:60]), rows(tmp_path / "b.jsonl", texts[60:]))
    assert (found.documents, found.held_out) == (120, 2)
    assert text_of(found, found.validation) == texts[49] + texts[99]
    kept = [text for number, text in enumerate(texts) if number not in (49, 99)]
    assert text_of(found, found.training) == "".join(kept)
    assert found.bytes_of(found.training) == len("".join(kept))
    starts = found.training == found.tokenizer.start
    assert starts.sum() == 118
    assert starts[0]


def test_of_few_documents_the_end_is_held_out(tmp_path):
    path = tmp_path / "book.txt"
    path.write_text("".join(numbered(400)))
    found = read(path)
    assert (found.documents, found.held_out) == (1, 0)
    both = np.concatenate([found.training, found.validation[1:]])
    assert text_of(found, both) == path.read_text()
    assert found.validation[0] == found.tokenizer.start
    assert len(found.validation) - 1 == (len(both)) // 50


def test_a_long_document_is_not_held_out_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(corpus_module, "_LARGEST_HELD_OUT", 200)
    texts = numbered(60)
    texts[49] = "".join(numbered(9_000))
    found = read(rows(tmp_path / "a.jsonl", texts))
    assert found.held_out == 1
    assert len(found.validation) < 40_000
    total = found.bytes_of(found.training) + found.bytes_of(found.validation)
    assert total == sum(map(len, texts))
    assert (found.training == found.tokenizer.start).sum() == 60  # 59, and the rest of the long one


def test_the_digest_tells_corpora_apart(tmp_path):
    texts = numbered(60)
    first = read(rows(tmp_path / "a.jsonl", texts)).digest
    assert read(rows(tmp_path / "b.jsonl", texts)).digest == first
    assert read(rows(tmp_path / "c.jsonl", texts[1:])).digest != first


@pytest.mark.parametrize("texts", [[""], ["a"], ["", "hardly anything"]])
def test_hardly_any_text_is_refused(tmp_path, texts):
    with pytest.raises(DataError, match="too few to learn from"):
        read(rows(tmp_path / "a.jsonl", texts))


def test_a_missing_file_and_a_wrong_column_are_named(tmp_path):
    with pytest.raises(DataError, match=r"none.txt does not exist"):
        read(tmp_path / "none.txt")
    with pytest.raises(DataError, match="text"):
        read_corpus([rows(tmp_path / "a.jsonl", ["x"])], 300, "body", ReadOptions())
