"""Read tokenizers from elsewhere: a file, a folder, BERT's vocabulary, a Hub id."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

from wave_network.errors import ModelFolderError, first_line
from wave_network.huggingface.download import hub_file
from wave_network.huggingface.ids import HUB_ID

TOKENIZER_FILE: Final = "tokenizer.json"
_VOCABULARY_FILE: Final = "vocab.txt"


def read_tokenizer(source: str | Path) -> Tokenizer:
    """Read a tokenizer from a file, a folder or the Hub.

    Args:
        source: A folder with a `tokenizer.json` or with BERT's `vocab.txt`, a `tokenizer.json`
            file, or a Hub id, `OWNER/NAME`.

    Raises:
        ModelFolderError: If there is none, or it cannot be read.
    """
    path = Path(source)
    if path.is_file():
        return _read_json(path)
    if (path / TOKENIZER_FILE).is_file():
        return _read_json(path / TOKENIZER_FILE)
    if (path / _VOCABULARY_FILE).is_file():
        return _read_bert_vocabulary(path / _VOCABULARY_FILE)
    if path.is_dir():
        raise ModelFolderError(f"{path} has no {TOKENIZER_FILE} (nor BERT's {_VOCABULARY_FILE})")
    if isinstance(source, str) and HUB_ID.fullmatch(source):
        return _read_json(hub_file(source, TOKENIZER_FILE))
    raise ModelFolderError(f"no tokenizer at {source}: there is no such file or folder")


def _read_json(path: Path) -> Tokenizer:
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises no more specific class
        raise ModelFolderError(f"{path} is not a tokenizer file: {first_line(error)}") from error


def _read_bert_vocabulary(path: Path) -> Tokenizer:
    """Build BERT's uncased WordPiece around a vocabulary of one token per line."""
    try:
        # Not splitlines(), which also splits at characters that a vocabulary may contain.
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelFolderError(f"{path} cannot be read: {first_line(error)}") from error
    vocabulary = {line: index for index, line in enumerate(lines)}
    if "[UNK]" not in vocabulary:
        raise ModelFolderError(f"{path} is not BERT's vocabulary: it has no [UNK]")
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer
