import gzip

import numpy as np
import pytest

from wave_network.errors import DataError
from wave_network.few_labels import vec_files
from wave_network.few_labels.vec_files import read_vec_file

LINES = ["the 0.1 -0.2 3e-1", "Cat 1 2 3", "日本 -1 0 .5"]
NUMBERS = np.array([[0.1, -0.2, 0.3], [1, 2, 3], [-1, 0, 0.5]], np.float32)


def write(path, lines):
    content = b"".join(line if isinstance(line, bytes) else f"{line}\n".encode() for line in lines)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("header", [[], ["3 3"], ["2000000 3"]])
@pytest.mark.parametrize("name", ["small.vec", "small.vec.gz", "glove.txt"])
def test_words_and_numbers_with_and_without_a_header(tmp_path, header, name):
    table = read_vec_file(write(tmp_path / name, header + LINES))
    assert table.words == ["the", "Cat", "日本"]
    assert table.vectors.dtype == np.float32
    np.testing.assert_array_equal(table.vectors, NUMBERS)
    assert table.cased


def test_lines_as_fasttext_and_windows_end_them(tmp_path):
    lines = ["2 3", b"the 0.1 -0.2 0.3 \n", b"cat 1 2 3\r\n"]
    table = read_vec_file(write(tmp_path / "a.vec", lines))
    np.testing.assert_array_equal(table.vectors, NUMBERS[:2])
    assert not table.cased


DAMAGED = [
    f"{'9' * 5_000} 3",
    "short 1 2",
    "long 1 2 3 4",
    "two words 1 2 3",
    "word 1 x 3",
    "word nan 2 3",
    "word 1 inf 3",
    "word 1 2 1e30",
    "",
    "word",
    "word 1 2\u00a03 4",
    b"\xff\xfe 1 2 3\n",
    b"\x00\x01\x02\n",
    "x" * 300_000 + " 1 2 3",
]


@pytest.mark.parametrize("line", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_line_is_left_out_and_counted(tmp_path, said, line):
    table = read_vec_file(write(tmp_path / "a.vec", [LINES[0], line, *LINES[1:]]))
    assert table.words == ["the", "Cat", "日本"]
    np.testing.assert_array_equal(table.vectors, NUMBERS)
    assert said == ["a.vec: left out lines that are damaged or repeat a word: 1"]


def test_all_damaged_lines_together(tmp_path, said):
    table = read_vec_file(write(tmp_path / "a.vec", [*LINES, *DAMAGED, *LINES]))
    np.testing.assert_array_equal(table.vectors, NUMBERS)
    count = len(DAMAGED) + len(LINES)
    assert said == [f"a.vec: left out lines that are damaged or repeat a word: {count}"]


def test_of_a_word_the_first_line_counts(tmp_path):
    table = read_vec_file(write(tmp_path / "a.vec", [*LINES, "the 9 9 9"]))
    np.testing.assert_array_equal(table.vectors, NUMBERS)


def test_only_the_first_words_are_read(tmp_path, said, monkeypatch):
    monkeypatch.setattr(vec_files, "MOST_WORDS", 2_500)
    lines = [f"w{number} {number} 1 2" for number in range(5_000)]
    table = read_vec_file(write(tmp_path / "a.vec", lines))
    assert table.words == [f"w{number}" for number in range(2_500)]
    np.testing.assert_array_equal(table.vectors[:, 0], np.arange(2_500))
    assert said == ["a.vec: the first 2,500 words are read, not the rarer ones after them"]


def test_wide_vectors_are_bounded_by_their_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(vec_files, "_MOST_NUMBERS", 6)
    assert read_vec_file(write(tmp_path / "a.vec", LINES)).words == ["the", "Cat"]


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["3 3"],
        ["no vectors here", "at all"],
        ["9 99999999", *LINES],
        ["3 4", *LINES],
        [b"\x0b\x2e\xfb\x01" * 100_000],
        [b"3 3\n" + bytes(range(256)) * 100],
        ["a 1", "b 2"],
        ["damaged"] * 3_000 + LINES,
        [b"x" * 1_000_000],
    ],
    ids=range(10),
)
def test_a_file_without_vectors_is_refused_in_one_line(tmp_path, lines):
    path = write(tmp_path / "a.vec", lines)
    with pytest.raises(DataError, match=r"a\.vec holds no word vectors that can be read") as found:
        read_vec_file(path)
    assert len(str(found.value).splitlines()) == 1


@pytest.mark.parametrize("line", [LINES[0], "damaged 1 2"])
def test_mostly_damaged_or_repeated_lines_are_not_read_to_the_end(tmp_path, line):
    lines = [*LINES, *(f"w{number} 1 2 3" for number in range(900)), *[line] * 20_000]
    with pytest.raises(DataError, match="only 903 of its first 2,000 lines are a new word"):
        read_vec_file(write(tmp_path / "a.vec", lines))


def test_a_damaged_archive_and_a_bomb_are_refused(tmp_path):
    path = tmp_path / "a.vec.gz"
    path.write_bytes(gzip.compress(b"the 1 2 3\n" * 1_000)[:-20])
    with pytest.raises(DataError, match="cannot be unpacked"):
        read_vec_file(path)
    path.write_bytes(gzip.compress(b"\n" * 70_000_000, 1))
    with pytest.raises(DataError, match=r"unpacks to more|no word vectors"):
        read_vec_file(path)
