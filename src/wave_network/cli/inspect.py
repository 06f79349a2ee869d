"""`wave-network inspect`."""

from __future__ import annotations

from collections.abc import Mapping
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, cast

import typer

from wave_network.cli.console import print_fields, print_json
from wave_network.cli.options import Model, Overwrite
from wave_network.data.values import is_unicode
from wave_network.errors import ConfigError, DataError

if TYPE_CHECKING:
    from wave_network.explain.figure import Kind

_DEFAULT_OUTPUT: Final = Path("waves.png")
_KINDS: Final[Mapping[str, Kind]] = {".png": "png", ".svg": "svg", ".pdf": "pdf"}


def inspect(
    model: Model,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The text to inspect.")],
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Picture to write: .png, .svg or .pdf. Default: waves.png; with --json: none.",
        ),
    ] = None,
    overwrite: Overwrite = False,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print the numbers as one JSON object on stdout: every token's real part, "
            "imaginary part, magnitude and phase in both waves, and the interference term.",
        ),
    ] = False,
) -> None:
    """Draw the waves of a text.

    Classifies the text and draws its tokens' complex vectors in the first layer, Z and Z', before
    they are combined: magnitudes, phases, the interference term (Eq. 5 of the first paper), and
    arrows in the complex plane. The picture shows the 16 dimensions with the largest product of
    magnitudes and at most 40 tokens; --json gives all tokens.

    \b
    Examples:
      wave-network inspect wave-model "Oil prices jump as OPEC cuts output"
      wave-network inspect wave-model "Oil prices jump" --output oil.svg
      wave-network inspect wave-model "Oil prices jump" --json
    """
    from wave_network.explain.figure import render
    from wave_network.explain.waves import (
        answer_in_words,
        draw_waves,
        inspect_text,
        picture_title,
        shown_of,
    )
    from wave_network.persistence.atomic import check_new, replacing_file
    from wave_network.runtime import load
    from wave_network.runtime.records import prediction_record

    if not is_unicode(text):
        raise DataError("the text is not UTF-8: convert it, for example with iconv")
    if output is None and not as_json:
        output = _DEFAULT_OUTPUT
    if output is not None:
        _kind(output)
        check_new(output, overwrite=overwrite)
    engine = load(model)
    prediction, waves = inspect_text(engine, text)
    if output is not None:
        title = picture_title(text, prediction)
        picture = render(lambda figure: draw_waves(figure, waves, title), _kind(output))
        with replacing_file(output, overwrite=overwrite) as file:
            cast(TextIOWrapper, file).buffer.write(picture)
    if as_json:
        record = prediction_record(engine.labelling, prediction)
        print_json({"text": text, **record, **waves.arrays()})
    else:
        drawn = f"{output} ({shown_of(waves)})"
        print_fields([("prediction", answer_in_words(prediction, ".4f")), ("drawn", drawn)])


def _kind(output: Path) -> Kind:
    kind = _KINDS.get(output.suffix.lower())
    if kind is None:
        raise ConfigError(f"--output {output}: a picture's name must end in {', '.join(_KINDS)}")
    return kind
