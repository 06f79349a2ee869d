"""Recognise files that are not what their names say, by their first bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

START_BYTES: Final = 512


class Kind(NamedTuple):
    """What a file is, as in "the file is ...", and what to do with it."""

    name: str
    advice: str


_ZIP: Final = b"PK\x03\x04"
_TAR_PLACE: Final = 257
_UNPACK: Final = "unpack it, and name what was in it"
_KINDS: Final = {
    b"\x1f\x8b": Kind("compressed with gzip", "add .gz to its name"),
    b"\x28\xb5\x2f\xfd": Kind("compressed with Zstandard", "add .zst to its name"),
    b"BZh": Kind("compressed with bzip2", _UNPACK),
    b"\xfd7zXZ\x00": Kind("compressed with xz", _UNPACK),
    b"7z\xbc\xaf\x27\x1c": Kind("a 7z archive", _UNPACK),
    b"Rar!\x1a\x07": Kind("a rar archive", _UNPACK),
    b"PAR1": Kind("a parquet file", "rename it to .parquet"),
    b"ARROW1": Kind("an Arrow or Feather file", "write it as .parquet"),
    b"Obj\x01": Kind("an Avro file", "write it as .parquet or .jsonl"),
    b"SQLite format 3\x00": Kind("an SQLite database", "export the table as .csv"),
    b"\x89HDF\r\n": Kind("an HDF5 file", "write it as .parquet or .csv"),
    b"\x93NUMPY": Kind("a NumPy array", "write it as .parquet or .csv"),
    b"%PDF-": Kind("a PDF document", "copy its texts into a .csv or .txt file"),
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": Kind(
        "a document of an old version of Office, such as .xls", "save it as .xlsx or .csv"
    ),
}
_PICKLE: Final = Kind(
    "a pickle, which could run any code when it is opened", "write it as .parquet or .csv"
)
_MEMBERS: Final = {
    "xl/workbook.xml": Kind("an Excel workbook", "rename it to .xlsx"),
    "word/document.xml": Kind("a Word document", "copy its texts into a .csv or .txt file"),
    "content.xml": Kind("an OpenDocument file", "save it as .xlsx or .csv"),
}


def kind_of(start: bytes, path: Path) -> Kind | None:
    """Recognise what is certainly not a file of text.

    Args:
        start: The first `START_BYTES` bytes, or fewer if there are not so many.
        path: The file they are from, to look into an archive.

    Returns:
        What it is; None if it may be text.
    """
    if start.startswith(_ZIP):
        return _archive_kind(path)
    for signature, kind in _KINDS.items():
        if start.startswith(signature) and (signature != b"BZh" or start[4:10] == b"1AY&SY"):
            return kind
    if start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return _PICKLE
    if start[_TAR_PLACE : _TAR_PLACE + 5] == b"ustar":
        return Kind("a tar archive", _UNPACK)
    return None


def _archive_kind(path: Path) -> Kind:
    from zipfile import BadZipFile, ZipFile

    try:
        with ZipFile(path) as archive:
            names = set(archive.namelist())
    except (OSError, BadZipFile, NotImplementedError, ValueError):
        names = set()
    for name, kind in _MEMBERS.items():
        if name in names:
            return kind
    return Kind("a zip archive", "add .zip to its name if it holds one file, or unpack it")
