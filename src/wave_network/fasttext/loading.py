"""Load a model for the archived module's interface, and split a text as it does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from wave_network.config import FastTextConfig
from wave_network.errors import ModelFolderError
from wave_network.fasttext.file import file_of, is_fasttext_file, read_file
from wave_network.fasttext.model import FastText
from wave_network.text.fasttext_dictionary import END
from wave_network.text.fasttext_tokenizer import FastTextTokenizer

_TOKEN: Final = re.compile(rb"\n|[^ \n\r\t\v\f\0]+")


def load_model(path: str | Path) -> FastText:
    """Load a model of fastText, or one of ours.

    Args:
        path: A file that fastText wrote, `.bin` or `.ftz`; or a model folder, or
            `hub:OWNER/NAME[@REVISION]`; or a folder of word vectors that were learnt here.

    Raises:
        ModelFolderError: If there is none, or it is damaged.
    """
    from wave_network.fasttext.original import OriginalModel
    from wave_network.fasttext.vectors import VectorModel
    from wave_network.few_labels.learnt_vectors import is_learnt_folder, read_learnt_vectors
    from wave_network.persistence.folder import read_history, read_model

    place = Path(path)
    if is_fasttext_file(place):
        return OriginalModel(read_file(place), place)
    if is_learnt_folder(place):
        return VectorModel(read_learnt_vectors(place), place)
    if place.is_file():
        raise ModelFolderError(f"{path} has wrong file format!")
    files = read_model(path)
    if isinstance(files.config, FastTextConfig) and isinstance(files.tokenizer, FastTextTokenizer):
        file = file_of(files.config, files.tokenizer.dictionary, files.tensors)
        return OriginalModel(file, place)
    from wave_network.fasttext.ours import WaveModel

    return WaveModel(files, read_history(path))


def tokenize(text: str) -> list[str]:
    """Split a text at ASCII blanks and zero bytes; a line feed is the word `</s>`."""
    found = _TOKEN.findall(text.encode())
    return [(END if token == b"\n" else token).decode() for token in found]
