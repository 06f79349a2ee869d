"""`predict` of files into a folder."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wave_network.cli.console import note, note_read
from wave_network.errors import ConfigError, listed, option_name

if TYPE_CHECKING:
    from wave_network.scale.answers import Answers
    from wave_network.scale.job import EngineName

_STDIN: Final = "-"


def check_given(
    texts: Sequence[str] | None, inputs: Sequence[str] | None, of_files: Mapping[str, object]
) -> None:
    """Check that there are either texts or files, and that options of files come with files.

    Args:
        texts: The texts given as arguments.
        inputs: The values of `--input`.
        of_files: The values of options that are for files alone, by their parameters.

    Raises:
        ConfigError: If not.
    """
    if bool(texts) == bool(inputs):
        hint = ""
        if texts and all(map(os.path.isfile, texts)):  # a shell made them of a pattern
            hint = f": quote a pattern such as 'part-*.csv', as {listed(texts)} are taken as texts"
        raise ConfigError(
            f"give either texts to classify or --input FILE (- for standard input){hint}"
        )
    for name, value in of_files.items():
        if value and not inputs:
            raise ConfigError(f"{option_name(name)} is for files: give one with --input")


def wants_folder(inputs: Sequence[str], output: Path | None, *, asked: bool) -> bool:
    """Whether the predictions go to a folder, with a file for each input.

    Args:
        inputs: The values of `--input`.
        output: The value of `--output`.
        asked: Whether an option is given that is for folders alone.
    """
    from wave_network.scale.parts import is_pattern

    return asked or len(inputs) > 1 or any(map(is_pattern, inputs)) or _is_folder(output)


def _is_folder(output: Path | None) -> bool:
    return output is not None and os.path.isdir(output)


def predict_into_folder(
    model: str,
    inputs: Sequence[str],
    output: Path | None,
    answers: Answers,
    *,
    output_format: str | None,
    engine: EngineName,
    overwrite: bool,
    explained: bool,
) -> None:
    """Predict files into a folder, and note what was done.

    Raises:
        ConfigError: If there is no folder, or it cannot hold what is asked for.
        WaveNetworkError: As `predict_parts`.
    """
    from wave_network.data.summary import counted
    from wave_network.data.writing import FORMATS
    from wave_network.scale.job import predict_parts

    if explained:
        raise ConfigError("explanations are for one file, not for a folder: leave out --explain")
    if _STDIN in inputs:
        raise ConfigError("standard input cannot be written to a folder: give files with --input")
    if output is None:
        raise ConfigError("name the folder for the predictions with --output DIR")
    if output.suffix.lower() in FORMATS and not _is_folder(output):
        raise ConfigError(
            f"--output {output} is the name of a file, and several inputs are written to a folder:"
            " name a folder"
        )
    report = predict_parts(
        *(model, inputs, output, answers),
        output_format=output_format,
        engine=engine,
        overwrite=overwrite,
    )
    predicted = report.parts - report.skipped
    if predicted:
        note(f"predicted {report.read}: {counted(predicted, 'part')} in {output}")
    note_read(report.read)
