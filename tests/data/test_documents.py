import json

import pytest

from wave_network.data import documents
from wave_network.data.documents import Piece, iter_documents, lines_of, pieces_of
from wave_network.errors import DataError


def test_a_text_file_is_one_document_with_its_line_ends(tmp_path):
    path = tmp_path / "book.txt"
    path.write_bytes(b"One line\r\n\r\n  another\n")
    assert [*iter_documents(path)] == [Piece("One line\r\n\r\n  another\n", True)]


def test_each_row_of_other_files_is_one(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"body": text}) + "\n" for text in ("one\n", "", "two")))
    assert [*iter_documents(path, "body")] == [Piece("one\n", True), Piece("two", True)]


def test_a_long_document_is_cut_before_spaces(monkeypatch):
    monkeypatch.setattr(documents, "LONGEST_PIECE", 10)
    text = "one two three four\nfive six" + "x" * 25
    found = [*pieces_of([text[:7], text[7:]])]
    assert "".join(piece.text for piece in found) == text
    assert [piece.first for piece in found] == [True] + [False] * (len(found) - 1)
    assert all(1 <= len(piece.text) <= 10 for piece in found)
    assert found[0].text == "one two"
    assert found[1].text == " three"


def test_a_cut_does_not_depend_on_the_blocks(monkeypatch):
    monkeypatch.setattr(documents, "LONGEST_PIECE", 8)
    text = "a bb ccc dddd eeeee ffffff ggggggg " * 5
    whole = [*pieces_of([text])]
    assert [*pieces_of(text[start : start + 3] for start in range(0, len(text), 3))] == whole


def test_other_encodings_and_compression(tmp_path):
    import gzip

    path = tmp_path / "book.txt.gz"
    path.write_bytes(gzip.compress("Ärger".encode("latin-1")))
    assert [*iter_documents(path, encoding="latin-1")] == [Piece("Ärger", True)]
    with pytest.raises(DataError, match="not UTF-8"):
        [*iter_documents(path)]


def test_an_empty_file_has_no_documents(tmp_path):
    path = tmp_path / "empty.txt"
    path.touch()
    assert [*iter_documents(path)] == []


def test_lines_are_those_of_the_text_wherever_its_blocks_end(monkeypatch):
    text = "one\r\n\n  \ntwo three\nfour"
    for size in (1, 4, 100):
        blocks = [text[start : start + size] for start in range(0, len(text), size)]
        assert [*lines_of(blocks)] == ["one\r", "two three", "four"]
    monkeypatch.setattr(documents, "LONGEST_PIECE", 10)
    long = [*lines_of(["short\nabc def ghi jkl ", "mno pqr\nend"])]
    assert (long[0], long[-1]) == ("short", "end")
    assert "".join(long[1:-1]) == "abc def ghi jkl mno pqr"
    assert all(len(line) <= 20 for line in long)
