"""Open data files as streams of bytes and of lines, unpacked and decoded in bounded memory."""

from __future__ import annotations

import codecs
import io
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from wave_network.data.read_options import is_utf8
from wave_network.errors import DataError, OutputError, extra_needed, for_caller, listed
from wave_network.progress.stages import follow

if TYPE_CHECKING:
    from zipfile import ZipFile, ZipInfo

COMPRESSED: Final = (".gz", ".zst", ".zip")
LONGEST_LINE: Final = 2**25
"""Bytes of a line, and characters of a row; a text of 10 MB is read."""

_BUFFER: Final = 2**16
_ALWAYS_UNPACKED: Final = 2**26
_LARGEST_RATIO: Final = 200  # texts are compressed to a third or a tenth
_MARKS: Final = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # starts with that of UTF-16
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_LONGEST_MARK: Final = 4


def uncompressed_name(path: Path) -> str:
    """Return a file's name without `.gz`, `.zst` or `.zip`.

    An archive `data.zip` has the name of the file in it.

    Raises:
        DataError: If an archive cannot be opened, or does not hold exactly one file.
    """
    if path.suffix.lower() not in COMPRESSED:
        return path.name
    if path.suffix.lower() == ".zip" and not Path(path.stem).suffix:
        with ExitStack() as stack:
            return Path(_only_member(path, stack)[1].filename).name
    return path.stem


@contextmanager
def open_bytes(path: Path) -> Iterator[io.BufferedReader]:
    """Open a file, and unpack it while it is read.

    Raises:
        DataError: If it cannot be read or unpacked, or is an archive bomb; also while reading.
        MissingExtraError: For `.zst`, if pyarrow is not installed.
    """
    with ExitStack() as stack:
        try:
            source = _source(path, stack)
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
        yield stack.enter_context(io.BufferedReader(_Pulled(source), _BUFFER))


@contextmanager
def open_seekable(path: Path) -> Iterator[Path | BinaryIO]:
    """Give the path of a file, or a temporary file with its unpacked content.

    Raises:
        DataError: As `open_bytes`.
        OutputError: If the temporary folder cannot take the content.
    """
    if path.suffix.lower() not in COMPRESSED:
        yield path
        return
    import shutil
    import tempfile

    with open_bytes(path) as packed, ExitStack() as stack:
        try:
            unpacked = stack.enter_context(tempfile.TemporaryFile())
            shutil.copyfileobj(packed, unpacked, _BUFFER)
            unpacked.seek(0)
        except OSError as error:
            raise OutputError(
                f"{path} cannot be unpacked to the temporary folder ({error.strerror}): free some"
                " space there, or set TMPDIR to another folder"
            ) from error
        yield unpacked


def most_unpacked(size: int) -> int:
    """Return to how many bytes so many may unpack; more than that is no compression of texts."""
    return max(_ALWAYS_UNPACKED, _LARGEST_RATIO * size)


def too_large(path: Path, most: int) -> DataError:
    """Create the error for a file that unpacks to more than `most` bytes."""
    return DataError(
        f"{path} unpacks to more than {most:,} bytes, far more than its size: unpack it yourself,"
        " and check what it holds"
    )


def iter_lines(path: Path, encoding: str) -> Iterator[str]:
    """Read the lines of a file with their ends, which may all be carriage returns.

    Args:
        path: The file, which may be compressed.
        encoding: Its encoding, unless it has a byte order mark.

    Raises:
        DataError: While iterating, if the file cannot be read, or a line is too long or has
            another encoding.
    """
    with open_bytes(path) as stream:
        start = stream.peek(_BUFFER)
        old_mac = path.is_file() and b"\r" in start[:-1] and b"\n" not in start
        yield from _decoded_lines(stream, path, encoding, returns=old_mac)


def iter_blocks(path: Path, encoding: str) -> Iterator[str]:
    """Read the text of a file in blocks, wherever its lines end.

    Raises:
        DataError: As `iter_lines`.
    """
    with open_bytes(path) as stream:
        pull, found = _recognised(stream, path, encoding)
        yield from _blocks(pull, found, path)


def stream_lines(stream: BinaryIO, where: str, encoding: str) -> Iterator[str]:
    """Read the lines of an open stream as they come.

    Raises:
        DataError: As `iter_lines`.
    """
    return _decoded_lines(stream, where, encoding)


def read_text(path: Path, encoding: str) -> str:
    """Read a whole file.

    Raises:
        DataError: As `iter_lines`; and if it is too long.
    """
    parts, size = [], 0
    for line in iter_lines(path, encoding):
        parts.append(line)
        size += len(line)
        if size > LONGEST_LINE:
            raise DataError(f"{path} is longer than {LONGEST_LINE:,} characters: is it one text?")
    return "".join(parts)


class _Pulled(io.RawIOBase):
    """A stream of the bytes that a function returns, at most as many as it is asked for."""

    def __init__(self, pull: Callable[[int], bytes]) -> None:
        self._pull = pull
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401
        content = self._rest or self._pull(len(buffer))
        self._rest = content[len(buffer) :]
        taken = min(len(content), len(buffer))
        buffer[:taken] = content[:taken]
        return taken


def _source(path: Path, stack: ExitStack) -> Callable[[int], bytes]:
    """Open a file, and return what reads and unpacks some of its bytes."""
    suffix = path.suffix.lower()
    if suffix not in COMPRESSED:
        # Without a buffer, a pipe gives what is there.
        file = stack.enter_context(path.open("rb", buffering=0))
        follow(file)
        return _plain(file, path)
    if suffix == ".zip":
        archive, member = _only_member(path, stack)
        with _unpacking(path):
            return _unpacked(stack.enter_context(archive.open(member)).read, path)
    if suffix == ".gz":
        import gzip

        packed = stack.enter_context(path.open("rb"))
        follow(packed)
        return _unpacked(stack.enter_context(gzip.GzipFile(fileobj=packed)).read, path)
    with extra_needed("parquet", "reading .zst"):
        import pyarrow as pa
    packed = stack.enter_context(path.open("rb"))
    follow(packed)
    return _unpacked(stack.enter_context(pa.CompressedInputStream(packed, "zstd")).read, path)


def _plain(file: io.FileIO, path: Path) -> Callable[[int], bytes]:
    def pull(size: int) -> bytes:
        try:
            return file.read(size)
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}") from error

    return pull


def _only_member(path: Path, stack: ExitStack) -> tuple[ZipFile, ZipInfo]:
    from zipfile import ZipFile

    with _unpacking(path):
        archive = stack.enter_context(ZipFile(path))
    members = [
        member
        for member in archive.infolist()
        # macOS adds files of its own.
        if not member.is_dir() and not member.filename.startswith("__MACOSX/")
    ]
    if len(members) != 1:
        names = listed([member.filename for member in members])
        raise DataError(
            f"{path} has {len(members)} files ({names}): archive exactly one, or unpack it and name"
            " the folder"
        )
    return archive, members[0]


def _unpacked(read: Callable[[int], bytes], path: Path) -> Callable[[int], bytes]:
    """Refuse damaged content, and what would unpack to a multiple that no texts reach."""
    most, given = most_unpacked(os.path.getsize(path)), 0

    def pull(size: int) -> bytes:
        nonlocal given
        with _unpacking(path):
            content = bytes(read(size))
        given += len(content)
        if given > most:
            raise too_large(path, most)
        return content

    return pull


def _decoded_lines(
    stream: BinaryIO, where: object, encoding: str, *, returns: bool = False
) -> Iterator[str]:
    pull, encoding = _recognised(stream, where, encoding)
    if returns or not is_utf8(encoding):
        blocks = _blocks(pull, encoding, where, returns=returns)
        pull = lambda _: next(blocks, "").encode()  # noqa: E731
    readline = io.BufferedReader(_Pulled(pull), _BUFFER).readline
    for number in count(1):
        line = readline(LONGEST_LINE + 1)
        if not line:
            return
        if len(line) > LONGEST_LINE:
            raise DataError(
                f"{where}:{number}: the line is longer than {LONGEST_LINE:,} bytes: put each text"
                " on a line of its own"
            )
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            byte, advice = error.object[error.start], _encoding_advice("windows-1252")
            raise DataError(f"{where}:{number}: not UTF-8 (byte 0x{byte:02x}): {advice}") from None
        yield text


@contextmanager
def _unpacking(path: Path) -> Iterator[None]:
    """Convert the errors of unpacking; each format has its own."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno:
            raise DataError(f"{path} cannot be read: {error.strerror}") from error
        reason = " ".join(str(error).split())
        raise DataError(
            f"{path} cannot be unpacked, it is damaged, incomplete or encrypted: {reason}"
        ) from error


def _recognised(
    stream: BinaryIO, where: object, encoding: str
) -> tuple[Callable[[int], bytes], str]:
    """Return what reads a stream, and its encoding: that of its byte order mark, if it has one."""
    start = _start(stream)
    marked = next((name for mark, name in _MARKS.items() if start.startswith(mark)), None)
    if marked is None and is_utf8(encoding):
        _check_not_utf16(start, where)
    return _after(start, stream), marked or encoding


def _start(stream: BinaryIO) -> bytes:
    """Read enough to recognise a byte order mark, without waiting for a second line."""
    start = b""
    while len(start) < _LONGEST_MARK and b"\n" not in start:
        more = stream.read1(_BUFFER)  # type: ignore[attr-defined]  # all buffered streams have it
        if not more:
            break
        start += more
    return start


def _after(start: bytes, stream: BinaryIO) -> Callable[[int], bytes]:
    """Return what reads the start of a stream again, then the rest."""
    rest = [start] if start else []

    def pull(size: int) -> bytes:
        if rest:
            return rest.pop()
        content: bytes = stream.read1(size)  # type: ignore[attr-defined]
        return content

    return pull


def _blocks(
    pull: Callable[[int], bytes], encoding: str, where: object, *, returns: bool = False
) -> Iterator[str]:
    """Decode what is read, and convert carriage returns if those end the lines."""
    decoder = codecs.getincrementaldecoder(encoding)()
    place, content = 0, b"-"
    while content:
        content = pull(_BUFFER)
        try:
            text = decoder.decode(content, final=not content)
        except UnicodeError as error:
            at = place + getattr(error, "start", 0)
            raise DataError(
                f"{where}: not {encoding.upper()}, at about byte {at:,}:"
                f" {_encoding_advice('windows-1252')}"
            ) from None
        place += len(content)
        if text:
            yield text.replace("\r", "\n") if returns else text


def _check_not_utf16(start: bytes, where: object) -> None:
    """Refuse UTF-16 without a byte order mark: ASCII in it is valid UTF-8 with zeros."""
    for zero, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        other = start[1 - zero : 2 - zero]
        if start[zero : zero + 1] == b"\0" and other not in (b"", b"\0"):
            raise DataError(f"{where}: not UTF-8, but probably UTF-16: {_encoding_advice(name)}")


def _encoding_advice(example: str) -> str:
    option = for_caller(command_line=f"--encoding {example}", python=f"encoding={example!r}")
    return f"name the encoding, for example {option}"
