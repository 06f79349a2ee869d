"""Reading the tokenizers that others made: a file, a folder, BERT's vocabulary, a Hub id."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

from wave_network.errors import ModelFolderError

TOKENIZER_FILE: Final = "tokenizer.json"
_VOCABULARY_FILE: Final = "vocab.txt"
HUB_ID: Final = re.compile(r"[\w.-]+/[\w.-]+")


def read_tokenizer(source: str | Path) -> Tokenizer:
    """Read a tokenizer from wherever `source` says.

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
    except Exception as error:  # tokenizers raises no narrower class
        raise ModelFolderError(f"{path} is not a tokenizer file: {_one_line(error)}") from error


def _read_bert_vocabulary(path: Path) -> Tokenizer:
    """Build BERT's uncased WordPiece around a vocabulary of one token a line."""
    try:
        # Not splitlines(): a vocabulary may hold the characters it also splits at.
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelFolderError(f"{path} cannot be read: {_one_line(error)}") from error
    vocabulary = {line: index for index, line in enumerate(lines)}
    if "[UNK]" not in vocabulary:
        raise ModelFolderError(f"{path} is not BERT's vocabulary: it has no [UNK]")
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def hub_file(hub_id: str, name: str) -> Path:
    """A file of a repository on the Hub, from the cache or downloaded.

    Args:
        hub_id: `OWNER/NAME`.
        name: The file's name.

    Raises:
        ModelFolderError: If it cannot be had.
    """
    # Slow to import, and seldom needed.
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    cached = try_to_load_from_cache(hub_id, name)
    if isinstance(cached, str):
        return Path(cached)
    try:
        check_network()
        return Path(hf_hub_download(hub_id, name))
    except Exception as error:  # the Hub's client lets the errors of several libraries through
        raise ModelFolderError(
            f"there is no folder {hub_id}, and {name} of {hub_id} cannot be had from the "
            f"Hugging Face Hub ({_one_line(error)}); give a local folder that holds it instead"
        ) from error


def check_network() -> None:
    """Notice a missing network at once: the Hub's client would retry for half a minute.

    Raises:
        OSError: If nothing answers. With a proxy, or offline by choice, the client finds out.
    """
    import socket
    from urllib.parse import urlsplit
    from urllib.request import getproxies

    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE or getproxies():
        return
    hub = urlsplit(constants.ENDPOINT)
    port = hub.port or (443 if hub.scheme == "https" else 80)
    socket.create_connection((hub.hostname or "", port), timeout=5).close()


def _one_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
