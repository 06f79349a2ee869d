import os
import pickle

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from wave_network.data import iter_texts, read_dataset, read_splits
from wave_network.data.files import check_file, format_of, split_name
from wave_network.errors import DataError

CONTENT = "text,label\na,x\nb,y\n"


def refusal(path, read=read_splits):
    with pytest.raises(DataError) as caught:
        list(read(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def parquet(path):
    pq.write_table(pa.table({"text": ["a"]}), path)


def feather(path):
    pyarrow.feather.write_feather(pa.table({"text": ["a"]}), str(path))


def workbook(path):
    with path.open("wb") as file:
        Workbook().save(file)


def array(path):
    with path.open("wb") as file:
        np.save(file, np.ones(3))


def archived(kind):
    def write(path):
        import gzip
        import tarfile
        import zipfile

        member = path.with_name("member.csv")
        member.write_text(CONTENT)
        if kind == "tar":
            with tarfile.open(path, "w") as archive:
                archive.add(member, "member.csv")
        elif kind == "zip":
            with zipfile.ZipFile(path, "w") as archive:
                archive.write(member, "member.csv")
        else:
            path.write_bytes(gzip.compress(CONTENT.encode()))
        member.unlink()

    return write


def starting_with(start):
    return lambda path: path.write_bytes(start + bytes(600))


KINDS = {
    "gzip": (archived("gzip"), "is compressed with gzip: add .gz to its name"),
    "zip": (archived("zip"), "is a zip archive: add .zip to its name"),
    "tar": (archived("tar"), "is a tar archive: unpack it"),
    "zstd": (starting_with(b"\x28\xb5\x2f\xfd"), "is compressed with Zstandard: add .zst"),
    "bzip2": (starting_with(b"BZh91AY&SY"), "is compressed with bzip2: unpack it"),
    "parquet": (parquet, "is a parquet file: rename it to .parquet"),
    "feather": (feather, "is an Arrow or Feather file: write it as .parquet"),
    "excel": (workbook, "is an Excel workbook: rename it to .xlsx"),
    "old excel": (
        starting_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        "is a document of an old version of Office, such as .xls: save it as .xlsx or .csv",
    ),
    "sqlite": (starting_with(b"SQLite format 3\0"), "is an SQLite database: export the table"),
    "pdf": (starting_with(b"%PDF-1.7\n"), "is a PDF document"),
    "pickle": (
        lambda path: path.write_bytes(pickle.dumps([1])),
        "is a pickle, which could run any",
    ),
    "numpy": (array, "is a NumPy array"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.txt", "a.data"])
def test_what_a_file_is_is_told_from_its_content(tmp_path, kind, name):
    write, said = KINDS[kind]
    write(tmp_path / name)
    assert f"{tmp_path / name} {said}" in refusal(tmp_path / name)
    assert said in refusal(tmp_path / name, iter_texts)


def test_other_binary_files_are_not_to_be_renamed(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"a\0b")
    assert "is not a file of texts in a known format: write it as" in refusal(tmp_path / "a.bin")
    (tmp_path / "a.dat").write_text(CONTENT)
    assert "unknown extension: rename it to match its format" in refusal(tmp_path / "a.dat")
    assert "no column 'text'" not in refusal(tmp_path / "a.bin")


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("train.csv", ("train", ".csv")),
        ("a.b.JSONL", ("a.b", ".jsonl")),
        ("train.csv.gz", ("train", ".csv")),
        ("train.zip", ("train", "")),
        ("README.md", ("README", "")),
    ],
)
def test_names_are_split(name, parts):
    assert split_name(name) == parts


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("name", ["a.csv", "a.txt", "a.jsonl"])
def test_a_pipe_is_refused_where_data_is_needed_twice_and_read_where_not(tmp_path, name):
    import threading

    path = tmp_path / name
    os.mkfifo(path)
    for read in (read_splits, read_dataset):
        assert "is not a regular file" in refusal(path, read)
    content = {
        "a.csv": 'text\n"one, two"\n' + '"three ""3"""\n' * 2_000,
        "a.txt": "one, two\n" + 'three "3"\n' * 2_000,
        "a.jsonl": '{"text": "one, two"}\n' + '{"text": "three \\"3\\""}\n' * 2_000,
    }[name]
    writer = threading.Thread(target=path.write_text, args=[content])
    writer.start()
    assert list(iter_texts(path)) == ["one, two"] + ['three "3"'] * 2_000
    writer.join()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("name", ["a.parquet", "a.csv.gz", "a.xlsx", "a"])
def test_a_pipe_of_another_format_is_not_opened(tmp_path, name):
    os.mkfifo(tmp_path / name)
    message = refusal(tmp_path / name, iter_texts)
    assert "is a pipe whose name does not end in .csv, .tsv, .jsonl, .json, .txt" in message


@pytest.mark.parametrize("read", [read_splits, read_dataset, iter_texts])
def test_paths_that_cannot_be_looked_at(tmp_path, read):
    (tmp_path / "link.csv").symlink_to(tmp_path / "gone.csv")
    assert f"is a link to {tmp_path / 'gone.csv'}, which does" in refusal(
        tmp_path / "link.csv", read
    )
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    assert "cannot be read: Too many levels" in refusal(tmp_path / "loop.csv", read)
    assert "cannot be read: File name too long" in refusal(tmp_path / f"{'x' * 300}.csv", read)
    assert "is not the name of a file" in refusal("a\0.csv", read)
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    assert "is not a regular file" in refusal(tmp_path / "zero.csv", read)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("read", [read_splits, read_dataset, iter_texts])
def test_files_and_folders_without_permission(tmp_path, read):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "a.csv").write_text(CONTENT)
    (tmp_path / "b.csv").write_text(CONTENT)
    (tmp_path / "b.csv").chmod(0)
    (tmp_path / "secret").chmod(0)
    try:
        assert "cannot be read: Permission denied" in refusal(tmp_path / "secret" / "a.csv", read)
        assert "cannot be read: Permission denied" in refusal(tmp_path / "secret", read)
        assert "cannot be read: Permission denied" in refusal(tmp_path / "b.csv", read)
    finally:
        (tmp_path / "secret").chmod(0o700)


def test_a_check_opens_no_folder_and_knows_formats(tmp_path):
    path = tmp_path / "cooking.train"
    path.write_text("__label__x a\n")
    check_file(path)
    assert format_of(path) == ".txt"
    assert format_of(tmp_path / "a.TSV.gz") == ".tsv"
