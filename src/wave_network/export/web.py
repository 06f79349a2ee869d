"""Write a playground: a static folder with one page that runs a model in the visitor's browser.

It holds the page, the JavaScript engine and the model's files, all beside each other, so that it
works from any file server. The sources of both are data of this package, in `static/`.
"""

from __future__ import annotations

import json
from importlib.resources import files as package_files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from tokenizers import Tokenizer

from wave_network.config import FastTextConfig, LocalWaveConfig, ModelConfig
from wave_network.errors import ConfigError, ModelFolderError
from wave_network.persistence.atomic import replacing_folder
from wave_network.persistence.contents import checksum, read_contents, read_file
from wave_network.persistence.folder import read_model, resolve_source, size_bytes, write_model
from wave_network.persistence.format import CHECKED, CHECKSUMS, CONFIG, TOKENIZER
from wave_network.persistence.replaceable import FolderKind
from wave_network.text.vocabulary import form_of

PAGE: Final = "index.html"
_GENERATOR: Final = b'<meta name="generator" content="wave-network export --format web">'
_SOURCES: Final = ("engine", "page")
_NOT_OF_A_PAGE: Final = frozenset(("node.js", "index.d.ts"))


def web_files() -> dict[str, bytes]:
    """Return the files of the page and of the JavaScript engine, by name."""
    folder = package_files("wave_network.export") / "static"
    return {
        file.name: file.read_bytes()
        for source in _SOURCES
        for file in sorted((folder / source).iterdir(), key=lambda file: file.name)
        if file.name not in _NOT_OF_A_PAGE
    }


def web_model_files(source: str | Path) -> dict[str, bytes]:
    """Return those files of a model folder that the JavaScript engine reads, by name.

    Args:
        source: A model folder, or `hub:OWNER/NAME`; or a model file of fastText, which is
            converted.

    Raises:
        ConfigError: If the engine does not read this kind of model.
        ModelFolderError: If the model cannot be read.
    """
    files, folder = read_model(source), resolve_source(source)
    if folder.is_file():
        with TemporaryDirectory() as place:
            write_model(Path(place, "model"), files, card="", history=[])
            return web_model_files(Path(place, "model"))
    description, contents = read_contents(folder, CHECKED)
    if not isinstance(files.config, (FastTextConfig, LocalWaveConfig, ModelConfig)):
        raise ConfigError(
            f"a model of the family {files.config.architecture} cannot be exported to the web: the "
            "JavaScript engine does not read it"
        )
    if files.config.reads_sentences:
        raise ConfigError(
            "a model with sentence-level semantics cannot be exported to the web: the JavaScript "
            "engine does not look for sentences"
        )
    if not isinstance(files.config, FastTextConfig):
        _check_tokenizer(contents[TOKENIZER])
    # Models of older versions have no checksums; the page asks for the files that these name.
    checksums = {name: checksum(content) for name, content in contents.items()}
    config = json.dumps({**description, CHECKSUMS: checksums}, indent=2, ensure_ascii=False)
    return {CONFIG: config.encode(), **contents}


def _is_web_export(folder: Path) -> bool:
    try:
        return _GENERATOR in read_file(folder / PAGE)
    except ModelFolderError:
        return False


def _web_folder() -> FolderKind:
    names = frozenset((CONFIG, *CHECKED, *web_files()))
    return FolderKind("an export to the web", names, _is_web_export)


def write_web(source: str | Path, output: Path, *, overwrite: bool = False) -> dict[str, Any]:
    """Write a folder with a page that runs a model in the visitor's browser.

    Args:
        source: As for `web_model_files`.
        output: The folder to write.
        overwrite: Replace an existing export to the web.

    Returns:
        `export`, `format`, `page`, `quantization` (`int8`, `int4` or None) and `size_bytes`.

    Raises:
        ConfigError: If the engine does not read this kind of model.
        ModelFolderError: If the model cannot be read.
        OutputError: If the output cannot be written.
    """
    kind = _web_folder()
    kind.check_output(output, overwrite=overwrite)
    model = web_model_files(source)
    with replacing_folder(output, overwrite=overwrite, check=kind.check_replaceable) as new:
        for name, content in {**web_files(), **model}.items():
            (new / name).write_bytes(content)
    quantization = json.loads(model[CONFIG])["quantization"]
    return {
        "export": str(output),
        "format": "web",
        "page": str(output / PAGE),
        "quantization": quantization,
        "size_bytes": size_bytes(output),
    }


def _check_tokenizer(content: bytes) -> None:
    """Refuse a tokenizer that the JavaScript engine does not read.

    Raises:
        ConfigError: If it is neither of the form that this package trains nor BERT's.
    """
    if form_of(Tokenizer.from_buffer(content)) is not None:
        return
    parts = json.loads(content)
    types = [(parts[name] or {}).get("type") for name in ("normalizer", "pre_tokenizer", "model")]
    is_bert = types == ["BertNormalizer", "BertPreTokenizer", "WordPiece"]
    if not is_bert or not all(token["special"] for token in parts["added_tokens"]):
        raise ConfigError(
            "a model with this tokenizer cannot be exported to the web: the JavaScript engine "
            "reads those that this package trains, and BERT's"
        )
