"""Write an export to ONNX: a folder with all that another program needs.

It contains `model.onnx`, `tokenizer.json`, `tokenizer_config.json` and `config.json`, in the form
that Hugging Face's libraries read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from tokenizers import Tokenizer

from wave_network._version import __version__
from wave_network.data.labels import MultiLabel, labelling_of
from wave_network.errors import ConfigError, ModelFolderError, option_name
from wave_network.models.tensors import tensor_specs
from wave_network.persistence.atomic import replacing_folder
from wave_network.persistence.contents import parse_object, read_file
from wave_network.persistence.folder import (
    ModelFiles,
    read_model,
    size_bytes,
    tokenizer_config,
    write_json,
)
from wave_network.persistence.format import CONFIG, EXPORT, MODEL_TYPE, TOKENIZER, TOKENIZER_CONFIG
from wave_network.persistence.quantization import QUANTIZATIONS
from wave_network.persistence.replaceable import FolderKind
from wave_network.text import TextTokenizer

ONNX_MODEL: Final = "model.onnx"


def _is_export(folder: Path) -> bool:
    """Whether its `config.json` says so: a model folder could not be made again."""
    try:
        description = parse_object(read_file(folder / CONFIG), folder / CONFIG)
    except ModelFolderError:
        return False
    return description.get("model_type") == MODEL_TYPE and EXPORT in description


EXPORT_FOLDER: Final = FolderKind(
    "an export",
    frozenset((ONNX_MODEL, TOKENIZER, TOKENIZER_CONFIG, CONFIG)),
    _is_export,
)


def check_export_output(folder: Path, *, overwrite: bool) -> None:
    """Check before the work whether an export can be written here.

    Raises:
        OutputError: If the folder exists and must not be replaced, or cannot be made.
    """
    EXPORT_FOLDER.check_output(folder, overwrite=overwrite)


def export_onnx(
    source: str | Path, output: Path, *, int8: bool = False, overwrite: bool = False
) -> dict[str, Any]:
    """Export a model to ONNX, for ONNX Runtime and other programs.

    Args:
        source: A model folder, or `hub:OWNER/NAME`.
        output: The folder to write.
        int8: Store the embedding tables in 8 bits. A model in 8 or 4 bits is exported in these.
        overwrite: Replace an existing export.

    Returns:
        `export`, `format`, `opset`, `quantization` (`int8`, `int4` or None) and `size_bytes`.

    Raises:
        ConfigError: If this kind of model cannot be exported.
        MissingExtraError: If onnx is not installed.
        ModelFolderError: If the model cannot be read.
        OutputError: If the output cannot be written.
    """
    from wave_network.export.graph import OPSET
    from wave_network.export.onnx import build_onnx

    check_export_output(output, overwrite=overwrite)
    files = read_model(source)
    table_bits = 8 if int8 and files.table_bits == 32 else files.table_bits
    if int8 and not any(spec.is_table for spec in tensor_specs(files.config)):
        raise ConfigError(f"{source} is product-quantised: leave out {option_name('int8')}")
    standalone, padding = _tokenizer(files)
    model = build_onnx(files, table_bits=table_bits)
    about = {"format": "onnx", "opset": OPSET, "quantization": QUANTIZATIONS[table_bits]}
    check = EXPORT_FOLDER.check_replaceable
    with replacing_folder(output, overwrite=overwrite, check=check) as new:
        (new / ONNX_MODEL).write_bytes(model.SerializeToString())
        (new / TOKENIZER).write_text(standalone.to_str(), encoding="utf-8")
        write_json(new / TOKENIZER_CONFIG, tokenizer_config(files.tokenizer))
        write_json(new / CONFIG, _config(files, about, padding))
    return {"export": str(output), **about, "size_bytes": size_bytes(output)}


def _tokenizer(files: ModelFiles) -> tuple[Tokenizer, int]:
    """Return the tokenizer in the form of Hugging Face's libraries, and the id that pads."""
    tokenizer = files.tokenizer
    if isinstance(tokenizer, TextTokenizer):
        return tokenizer.standalone(), tokenizer.cls_token_id
    unknown = files.config.vocab_size
    return tokenizer.standalone(unknown), unknown


def _config(files: ModelFiles, about: dict[str, Any], padding: int) -> dict[str, Any]:
    names = [str(label) for label in files.config.labels]
    labelling = labelling_of(files.config)
    return {
        "model_type": MODEL_TYPE,
        "architecture": files.config.architecture,
        "library_version": __version__,
        EXPORT: about,
        "id2label": dict(enumerate(names)),
        "label2id": {name: index for index, name in enumerate(names)},
        "problem_type": labelling.problem_type,
        **(
            {"thresholds": list(labelling.label_thresholds)}
            if isinstance(labelling, MultiLabel)
            else {}
        ),
        "vocab_size": max(files.config.vocab_size, padding + 1),
        "max_position_embeddings": files.config.max_length,
        "pad_token_id": padding,
    }
