"""Write an export to ONNX: a folder with all that another program needs.

It contains `model.onnx`, `tokenizer.json`, `tokenizer_config.json` and `config.json`, in the form
that Hugging Face's libraries read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from wave_network._version import __version__
from wave_network.data.labels import MultiLabel, labelling_of
from wave_network.errors import OutputError
from wave_network.persistence.atomic import check_new, replacing_folder
from wave_network.persistence.folder import (
    ModelFiles,
    read_model,
    size_bytes,
    tokenizer_config,
    write_json,
)
from wave_network.persistence.layout import CONFIG, EXPORT, MODEL_TYPE, TOKENIZER, TOKENIZER_CONFIG
from wave_network.persistence.quantization import QUANTIZATIONS

ONNX_MODEL: Final = "model.onnx"


def check_export_output(folder: Path, *, overwrite: bool) -> None:
    """Check before the work whether an export can be written here.

    Raises:
        OutputError: If the folder exists and must not be replaced, or cannot be made.
    """
    check_new(folder, overwrite=overwrite)
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not (folder / ONNX_MODEL).is_file():  # such as a model folder, which must not be lost
        raise OutputError(f"{folder} is not an export, so it is not replaced: choose another")


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
    model = build_onnx(files, table_bits=table_bits)
    about = {"format": "onnx", "opset": OPSET, "quantization": QUANTIZATIONS[table_bits]}
    with replacing_folder(output) as new:
        (new / ONNX_MODEL).write_bytes(model.SerializeToString())
        (new / TOKENIZER).write_text(files.tokenizer.standalone().to_str(), encoding="utf-8")
        write_json(new / TOKENIZER_CONFIG, tokenizer_config(files.tokenizer))
        write_json(new / CONFIG, _config(files, about))
    return {"export": str(output), **about, "size_bytes": size_bytes(output)}


def _config(files: ModelFiles, about: dict[str, Any]) -> dict[str, Any]:
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
        "vocab_size": files.config.vocab_size,
        "max_position_embeddings": files.config.max_length,
        "pad_token_id": files.tokenizer.cls_token_id,
    }
