"""Learn word vectors from the texts of files, and write them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from wave_network.data.collect import unchanging
from wave_network.data.documents import iter_documents, lines_of
from wave_network.data.files import check_file, format_of, matching_files
from wave_network.data.read_options import ReadOptions
from wave_network.data.rows import iter_texts
from wave_network.data.streams import iter_blocks
from wave_network.few_labels.learnt_vectors import (
    LearntVectors,
    check_vectors_output,
    write_vectors,
)
from wave_network.persistence.folder import size_bytes
from wave_network.progress.stages import stage, tracked
from wave_network.training.vectors.learn import VectorSettings, learn_vectors, our_words


def learn_from_files(
    files: Sequence[str | Path],
    output: str | Path,
    *,
    settings: VectorSettings = VectorSettings(),  # noqa: B008  # it is immutable
    text_column: str = "text",
    encoding: str = "utf-8",
    quoting: str = "auto",
    overwrite: bool = False,
) -> dict[str, Any]:
    """Learn word vectors from the texts of files, and write them.

    Args:
        files: Files of texts, or patterns: each line of a `.txt` file is one; of the other formats
            that `train` reads, each row. `-` is standard input, a text a line.
        output: A file whose name ends in `.vec` or `.vec.gz`; otherwise a folder.
        settings: How to learn.
        text_column: The column of the texts.
        encoding: The encoding of text files without a byte order mark.
        quoting: In `.csv` and `.tsv` files: `auto`, `none` or `csv`.
        overwrite: Replace vectors that are there.

    Returns:
        `vectors`, the output, `words`, `subwords`, `size` and `size_bytes`.

    Raises:
        WaveNetworkError: If an option, a file or the output cannot be used.
    """
    path, options = Path(output), ReadOptions(encoding, quoting)
    check_vectors_output(path, overwrite=overwrite)
    paths: list[str | Path] = []
    for file in files:
        paths += matching_files(file) or [file]
    texts = _texts_of(paths, text_column, options)
    learnt = learn_vectors(texts, our_words(), settings, cased=False)
    write_vectors(path, learnt, overwrite=overwrite)
    return summary_of(learnt, path)


def summary_of(learnt: LearntVectors, output: Path) -> dict[str, Any]:
    """Describe vectors that were written."""
    return {
        "vectors": str(output),
        "words": len(learnt.vectors),
        "subwords": len(learnt.subwords),
        "size": learnt.vectors.shape[1],
        "size_bytes": size_bytes(output),
    }


def _texts_of(files: Sequence[str | Path], text_column: str, options: ReadOptions) -> Iterator[str]:
    """Yield the texts of files, very long ones in pieces."""
    with ExitStack() as stack:
        for path in files:
            stack.enter_context(unchanging(Path(path)))
        for path in files:
            name = "standard input" if str(path) == "-" else Path(path).name
            with stage(f"reading {name}"):
                yield from tracked(_texts_in(path, text_column, options))


def _texts_in(path: str | Path, text_column: str, options: ReadOptions) -> Iterator[str]:
    if str(path) == "-":
        return iter_texts(path, text_column, options.encoding, options.quoting)
    check_file(Path(path))
    if format_of(Path(path)) == ".txt":
        return lines_of(iter_blocks(Path(path), options.encoding))
    documents = iter_documents(path, text_column, options.encoding, options.quoting)
    return (piece.text for piece in documents)
