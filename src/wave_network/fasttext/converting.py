"""Convert a model file of fastText to a model folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wave_network.errors import ModelFolderError
from wave_network.fasttext.file import is_fasttext_file
from wave_network.persistence.card import render_card
from wave_network.persistence.folder import read_fasttext, size_bytes, write_model


def convert_model(source: Path, output: Path, *, overwrite: bool = False) -> dict[str, Any]:
    """Write a model folder that gives the answers of a model file.

    Args:
        source: The file.
        output: The folder.
        overwrite: Replace the folder if it exists.

    Returns:
        `model`, the folder, and `size_bytes`, `before` and `after`.

    Raises:
        ModelFolderError: If the file is none of a classifier of fastText, or is damaged.
        OutputError: If the folder cannot be written.
    """
    if source.exists() and not is_fasttext_file(source):
        raise ModelFolderError(f"{source} is no model file of fastText: convert takes no other")
    files = read_fasttext(source)
    write_model(output, files, card=render_card(files), history=[], overwrite=overwrite)
    sizes = {"before": size_bytes(source), "after": size_bytes(output)}
    return {"model": str(output), "size_bytes": sizes}
