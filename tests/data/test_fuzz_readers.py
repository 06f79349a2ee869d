"""Damaged and random files of every format: each is read, or refused with a `DataError`.

`make fuzz` makes many more of them.
"""

import csv
import gzip
import io
import json
import os
import zipfile
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from wave_network.data import iter_texts, read_dataset
from wave_network.errors import DataError

CALLS = int(os.environ.get("WAVE_NETWORK_FUZZ_CALLS", "25"))
SEED = int(os.environ.get("WAVE_NETWORK_FUZZ_SEED", "0"))
"""Files of each format, and where their random numbers start."""

ROWS = [("good film", "pos"), ("dull, long\nand loud", "neg"), ('he said "no"', "neg"), ("雨", "0")]
ENCODINGS = ("utf-8", "utf-16", "utf-16-le", "windows-1252", "shift-jis", "cp037", "iso2022_jp")
MARKS = (b'"', b'""', b"\n", b"\r", b"\r\n", b",", b"\t", b";", b"|", b"\0", b"\xff", b"\xff\xfe")
WORDS = (b"{", b"}", b"[", b"]", b":", b"\\", b"\\ud800", b"__label__", b"null", b"1e999")
SIGNATURES = (b"\xef\xbb\xbf", b"PAR1", b"PK\x03\x04", b"\x1f\x8b", b"\x28\xb5\x2f\xfd")
PIECES = (*MARKS, *WORDS, *SIGNATURES, b"9" * 30, b"[" * 5_000, b" " * 99)


def delimited(delimiter):
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter).writerows([("text", "label"), *ROWS])
    return stream.getvalue().encode()


def json_lines():
    return "\n".join(json.dumps({"text": text, "label": label}) for text, label in ROWS).encode()


def json_array():
    return json.dumps([{"text": text, "label": [label]} for text, label in ROWS], indent=1).encode()


def fasttext():
    return "\n".join(f"__label__{label} {text!r}" for text, label in ROWS).encode()


def parquet():
    stream = io.BytesIO()
    texts, labels = zip(*ROWS, strict=True)
    pq.write_table(pa.table({"text": texts * 9, "label": labels * 9}), stream)
    return stream.getvalue()


def workbook():
    stream = io.BytesIO()
    book = Workbook()
    for row in [("text", "label"), *ROWS, (2024, True), (None, 1.5)]:
        book.active.append(row)
    book.save(stream)
    return stream.getvalue()


def zipped(content):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", content)
    return stream.getvalue()


FORMATS = {
    ".csv": lambda: delimited(","),
    ".tsv": lambda: delimited("\t"),
    ".jsonl": json_lines,
    ".json": json_array,
    ".txt": fasttext,
    ".parquet": parquet,
    ".xlsx": workbook,
}
COMPRESSIONS = {
    ".gz": gzip.compress,
    ".zst": lambda content: pa.compress(content, "zstd", asbytes=True),
    ".zip": zipped,
}


def damaged(content, random):
    """The content after a few changes anywhere."""
    held = bytearray(content)
    for _ in range(random.integers(1, 5)):
        at = int(random.integers(len(held) + 1))
        kind = random.integers(6)
        if kind == 0 and held:
            held[at % len(held)] = int(random.integers(256))
        elif kind == 1:
            del held[at : at + int(random.integers(1, 30))]
        elif kind == 2:
            del held[at:]
        elif kind == 3:
            held[at:at] = held[at : at + int(random.integers(1, 300))]
        elif kind == 4:
            held[at:at] = random.bytes(int(random.integers(1, 30)))
        else:
            held[at:at] = PIECES[random.integers(len(PIECES))]
    return bytes(held)


def all_texts(path, **options):
    return list(iter_texts(path, **options))


def outcome(read):
    """Whether a file was refused; anything but a `DataError` fails the test."""
    try:
        read()
    except DataError as error:
        if "\n" in str(error):
            raise
        return "refused"
    return "read"


@pytest.mark.parametrize("compression", ["", *COMPRESSIONS])
@pytest.mark.parametrize("ending", FORMATS)
def test_a_damaged_file_is_read_or_refused(tmp_path, ending, compression):
    whole = FORMATS[ending]()
    path = tmp_path / f"a{ending}{compression}"
    outcomes = set()
    for number in range(CALLS if not compression else max(CALLS // 5, 1)):
        random = np.random.default_rng((SEED, number))
        content = random.bytes(int(random.integers(200))) if number % 10 == 9 else whole
        content = damaged(content, random) if number else content
        if compression:
            content = COMPRESSIONS[compression](content)
            content = content if random.random() < 0.5 else damaged(content, random)
        path.write_bytes(content)
        options = {
            "encoding": ENCODINGS[random.integers(len(ENCODINGS))] if number % 4 == 3 else "utf-8",
            "quoting": ("auto", "auto", "none", "csv")[random.integers(4)],
        }
        outcomes.add(outcome(partial(all_texts, path, **options)))
        separator = None if random.random() < 0.7 else ","
        outcome(partial(read_dataset, path, label_separator=separator, **options))
    assert "refused" in outcomes or CALLS < 10


@pytest.mark.parametrize("ending", FORMATS)
def test_a_whole_file_is_read(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    path.write_bytes(FORMATS[ending]())
    assert outcome(partial(all_texts, path)) == "read"
    for compression, compress in COMPRESSIONS.items():
        packed = tmp_path / f"a{ending}{compression}"
        packed.write_bytes(compress(FORMATS[ending]()))
        assert outcome(partial(read_dataset, packed)) == "read"
