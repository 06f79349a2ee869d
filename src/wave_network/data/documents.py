"""Read the documents of a language model's files, in pieces of bounded length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from wave_network.data.files import check_file, format_of
from wave_network.data.read_options import ReadOptions
from wave_network.data.rows import iter_texts
from wave_network.data.streams import iter_blocks

LONGEST_PIECE: Final = 2**16
"""Characters of a piece; tokenizing one takes bounded time and memory."""


class Piece(NamedTuple):
    """A part of a document, not empty.

    Attributes:
        text: The characters.
        first: Whether a document starts with it.
    """

    text: str
    first: bool


def iter_documents(
    path: str | Path,
    text_column: str = "text",
    encoding: str = "utf-8",
    quoting: str = "auto",
) -> Iterator[Piece]:
    """Read the documents of a file, in constant memory; empty ones are left out.

    A `.txt` file is one document, with its line ends. In all other formats each row is one.

    Args:
        path: A file as for `iter_texts`, except for standard input.
        text_column: The column, or JSON field, of the texts.
        encoding: The encoding of a text file without a byte order mark.
        quoting: As for `iter_texts`.

    Raises:
        ConfigError: If the encoding or the quoting is unknown.
        DataError: If the file cannot be used; while iterating, if a text cannot.
        MissingExtraError: If a format needs a library that is not installed.
    """
    options = ReadOptions(encoding, quoting)
    check_file(Path(path))
    if format_of(Path(path)) == ".txt":
        return pieces_of(iter_blocks(Path(path), options.encoding))
    texts = iter_texts(path, text_column, options.encoding, options.quoting)
    return (piece for text in texts for piece in pieces_of([text]))


def pieces_of(blocks: Iterable[str]) -> Iterator[Piece]:
    """Cut a document into pieces, which end before a space or a line end if they have one.

    Args:
        blocks: The document's text, in blocks of any length.
    """
    rest, first = "", True
    for block in blocks:
        rest += block
        start = 0
        while len(rest) - start > LONGEST_PIECE:
            end = _end_of_piece(rest, start)
            yield Piece(rest[start:end], first)
            start, first = end, False
        rest = rest[start:]
    if rest:
        yield Piece(rest, first)


def lines_of(blocks: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a text that are not blank; very long ones in pieces.

    Args:
        blocks: The text, in blocks of any length.
    """
    rest = ""
    for block in blocks:
        *lines, rest = (rest + block).split("\n")
        if len(rest) > LONGEST_PIECE:
            *longest, last = (piece.text for piece in pieces_of([rest]))
            lines += longest
            rest = last
        yield from filter(str.strip, lines)
    if rest.strip():
        yield rest


def _end_of_piece(text: str, start: int) -> int:
    most = start + LONGEST_PIECE
    space = max(text.rfind(" ", start + 1, most), text.rfind("\n", start + 1, most))
    return most if space < 0 else space
