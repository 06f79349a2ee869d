import gzip
import io
import os
import subprocess
import sys
import zipfile

import pyarrow as pa
import pytest

from wave_network.data import iter_texts
from wave_network.data import streams as module
from wave_network.data.rows import iter_rows
from wave_network.errors import DataError, OutputError

CONTENT = "text,label\ngrün,x\n" + "b,y\n" * 5_000


def zipped(content, name="x.csv", others=()):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
        for other in others:
            archive.writestr(other, content)
    return stream.getvalue()


def zstd(content):
    return pa.compress(content, "zstd", asbytes=True)


PACKED = {".gz": gzip.compress, ".zst": zstd, ".zip": zipped}


def refusal(path, **options):
    with pytest.raises(DataError) as caught:
        list(iter_texts(path, **options))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("packing", PACKED)
def test_packed_files_are_read(tmp_path, packing):
    path = tmp_path / f"a.CSV{packing.upper()}"
    path.write_bytes(PACKED[packing](CONTENT.encode()))
    rows = list(iter_rows(path))
    assert (rows[0].text, len(rows)) == ("grün", 5_001)


def test_an_archive_says_the_format_by_the_file_in_it(tmp_path):
    path = tmp_path / "data.zip"
    path.write_bytes(zipped(b"__label__x a\n", "news/train.txt", ["__MACOSX/._train.txt"]))
    assert [row.label for row in iter_rows(path)] == ["x"]


@pytest.mark.parametrize("others", [[], ["y.csv"]])
def test_an_archive_of_several_files_or_none_is_refused(tmp_path, others):
    path = tmp_path / "data.zip"
    path.write_bytes(zipped(CONTENT, others=others))
    if not others:
        with zipfile.ZipFile(path, "w"):
            pass
    assert f"has {2 * len(others)} files" in refusal(path)


@pytest.mark.parametrize("packing", PACKED)
def test_a_truncated_file_is_refused(tmp_path, packing):
    path = tmp_path / f"a.csv{packing}"
    whole = PACKED[packing](os.urandom(9_000).hex().encode())
    path.write_bytes(whole[:-2_000])
    assert "a.csv" + packing in refusal(path)


@pytest.mark.parametrize("packing", PACKED)
@pytest.mark.parametrize("content", [b"text\n" + b"ab\n" * 3_000_000, b"text\n" + b"a" * 9_000_000])
def test_an_archive_bomb_is_refused(tmp_path, monkeypatch, packing, content):
    monkeypatch.setattr(module, "_ALWAYS_UNPACKED", 2**22)
    path = tmp_path / f"a.csv{packing}"
    path.write_bytes(PACKED[packing](content))
    assert path.stat().st_size * 200 < len(content)
    assert "unpacks to more than" in refusal(path)


def test_an_encrypted_archive_is_refused(tmp_path):
    path = tmp_path / "a.csv.zip"
    content = bytearray(zipped(CONTENT.encode()))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flags] |= 1
    path.write_bytes(content)
    assert "encrypted" in refusal(path)


@pytest.mark.parametrize("encoding", ["windows-1252", "utf-16", "utf-32", "utf-16-le", "cp037"])
@pytest.mark.parametrize("name", ["a.csv", "a.txt", "a.json"])
def test_other_encodings(tmp_path, encoding, name):
    content = {"a.csv": "text\r\ncafé\n\nü\n", "a.txt": "café\nü", "a.json": '[{"text": "café"}]'}
    (tmp_path / name).write_bytes(content[name].encode(encoding))
    texts = ["café", "ü"] if name != "a.json" else ["café"]
    assert list(iter_texts(tmp_path / name, encoding=encoding)) == texts


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding(tmp_path, encoding):
    path = tmp_path / "a.csv"
    path.write_text("text\ncafé\n", encoding=encoding)
    assert list(iter_texts(path)) == list(iter_texts(path, encoding="windows-1252")) == ["café"]


def test_bytes_that_are_not_of_the_encoding(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"text\n" + b"a\n" * 9 + b"\x81\n")
    message = refusal(path, encoding="windows-1252")
    assert "a.csv: not WINDOWS-1252, at about byte 23: name the encoding" in message


def test_lines_of_old_macs_and_returns_within_lines(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"text,label\ra,x\rb,y")
    assert [row.text for row in iter_rows(path)] == ["a", "b"]
    for mark in (b"", b'"'):  # in fields without quotes, and in files with quoted fields
        rows = [b"a\rb,x", b"\r,y", mark + b"c\r\rd" + mark + b",x"]
        path.write_bytes(b"text,label\r\n" + b"\r\n".join(rows) + b"\r\n")
        assert [row.text for row in iter_rows(path)] == ["a\rb", "\r", "c\r\rd"]


@pytest.mark.parametrize("name", ["a.csv", "a.txt", "a.jsonl", "a.json"])
def test_a_text_that_is_too_long_is_refused(tmp_path, monkeypatch, name):
    for user in ("streams", "delimited", "quoting", "json_values"):
        monkeypatch.setattr(f"wave_network.data.{user}.LONGEST_LINE", 2**18)
    text = "a" * 2**19
    content = {
        "a.csv": f"text\n{text}\n",
        "a.txt": text,
        "a.jsonl": f'{{"text": "{text}"}}',
        "a.json": f'[{{"text": "{text}"}}]',
    }[name]
    (tmp_path / name).write_text(content)
    assert "is longer than 262,144" in refusal(tmp_path / name)
    if name == "a.csv":
        (tmp_path / name).write_text('text,b\n"a, b",c\n"' + "a\n" * 2**18)
        assert "a.csv:3: the row that starts here is longer" in refusal(tmp_path / name)


def test_a_line_of_standard_input_without_end_is_refused():
    code = "from wave_network.data import iter_texts\nlist(iter_texts('-'))"
    with open("/dev/zero", "rb") as zeros:
        result = subprocess.run(
            [sys.executable, "-c", code], stdin=zeros, capture_output=True, text=True, check=False
        )
    assert "standard input:1: the line is longer than 33,554,432 bytes" in result.stderr


def test_lines_of_standard_input_come_as_they_are_written():
    code = (
        "from wave_network.data import iter_texts\n"
        "for text in iter_texts('-'): print(text, flush=True)"
    )
    arguments = [sys.executable, "-c", code]
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        for line in ("a\n", "\n", "longer than a mark\n"):
            process.stdin.write(line)
            process.stdin.flush()
            assert process.stdout.readline() == line
        process.stdin.close()


def test_content_that_the_temporary_folder_cannot_take(tmp_path, monkeypatch):
    path = tmp_path / "a.parquet.gz"
    path.write_bytes(gzip.compress(b"PAR1"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(OutputError, match=r"cannot be unpacked to the temporary folder \(No such"):
        list(iter_texts(path))


def test_zstandard_without_pyarrow_names_the_extra(tmp_path):
    path = tmp_path / "a.csv.zst"
    path.write_bytes(zstd(CONTENT.encode()))
    code = (
        "import sys\n"
        "sys.modules['pyarrow'] = None\n"
        "from wave_network.data import iter_texts\n"
        f"list(iter_texts({str(path)!r}))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert 'reading .zst needs the "parquet" extra' in result.stderr
