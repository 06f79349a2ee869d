"""The lines of a file or a stream as fastText reads them, and their labels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from wave_network.text.fasttext_dictionary import END, LABEL_PREFIX, tokens

_LINES_AT_ONCE: Final = 1_024
_TOKEN: Final = re.compile(rb"[^ \n\r\t\v\f\0]+")
_PREFIX: Final = LABEL_PREFIX.encode()


def stream_lines(stream: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a stream: the word `</s>` ends one, too. The last may have no end."""
    for line in stream:
        start = 0
        if END in line:
            for token in _TOKEN.finditer(line):
                if token[0] == END:
                    stop = token.end() + (line[token.end() : token.end() + 1] not in (b"\n", b""))
                    yield line[start:stop]
                    start = stop
        if start < len(line):
            yield line[start:]


def groups(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield lines in groups."""
    rest = iter(lines)
    while group := list(islice(rest, _LINES_AT_ONCE)):
        yield group


def parts(line: bytes) -> tuple[list[bytes], bytes]:
    """Split a line into its labels, with their prefix, and its text."""
    before, _, _ = line.partition(b"\n")
    found = list(tokens(before))
    labels = [token for token in found if token.startswith(_PREFIX)]
    if not labels:
        return [], before
    return labels, b" ".join(token for token in found if not token.startswith(_PREFIX))
