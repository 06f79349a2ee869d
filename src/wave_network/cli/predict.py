"""`wave-network predict`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import tee
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from wave_network.cli.console import print_rich
from wave_network.cli.options import Model, Overwrite
from wave_network.cli.prediction_lines import line, records, valid
from wave_network.errors import ConfigError

if TYPE_CHECKING:
    from wave_network.runtime import Engine


def predict(
    model: Model,
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT", help="Texts to classify.")
    ] = None,
    input_file: Annotated[
        str | None,
        typer.Option(
            "--input",
            metavar="FILE|-",
            help="File of texts to classify: .csv, .tsv, .jsonl, .parquet, .txt (one text per "
            "line), or - for standard input (one text per line).",
        ),
    ] = None,
    text_column: Annotated[
        str, typer.Option(metavar="NAME", help="The file's column (or JSON field) of the texts.")
    ] = "text",
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write to this file instead of standard output."),
    ] = None,
    overwrite: Overwrite = False,
    top_k: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="K", help='Add "scores": the K most probable labels and their scores.'
        ),
    ] = None,
    threshold: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            metavar="P",
            show_default=False,
            help='Abstain if the score is lower: "label" is then null. Default: never.',
        ),
    ] = 0.0,
    coverage: Annotated[
        float | None,
        typer.Option(
            metavar="C",
            help='Add "labels", the prediction set: labels chosen so that a share C of the sets, '
            "such as 0.95, contains the true label.",
        ),
    ] = None,
    out_of_scope: Annotated[
        bool,
        typer.Option(
            "--out-of-scope",
            help='Add "out_of_scope": how unusual the text is beside the training texts. Of texts '
            "like those, 5 % are above 0.95; of texts of other kinds, most.",
        ),
    ] = False,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help='Add "explanation": the attribution of each token, its share of the log-odds of '
            "the label, and its position in the text. A terminal shows the text in colours.",
        ),
    ] = False,
    explain_html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Like --explain, and write the coloured texts to this web page."
        ),
    ] = None,
) -> None:
    """Classify texts.

    Writes one JSON object per line, {"text", "label", "score"}, for every text in input order,
    empty texts included. The score is the label's probability. With --threshold, the label is null
    if the score is lower. With --coverage, "labels" is the prediction set.

    Multi-label models give {"text", "labels", "scores"}, with a score for each predicted label;
    --threshold leaves out labels with a lower score.

    Put -- before a text that starts with a dash.

    \b
    Examples:
      wave-network predict wave-model "Oil prices jump as OPEC cuts output"
      wave-network predict wave-model --input tickets.csv --text-column body --output out.jsonl
      wave-network predict wave-model --input tickets.csv --text-column body --threshold 0.8
      wave-network predict wave-model --input tickets.csv --coverage 0.95
      cat lines.txt | wave-network predict wave-model --input - --top-k 3
    """
    from wave_network.data import iter_texts
    from wave_network.persistence.atomic import check_new, replacing_file
    from wave_network.runtime import load

    if bool(texts) == bool(input_file):
        raise ConfigError("give either texts to classify or --input FILE (- for standard input)")
    if output is not None and output == explain_html:
        raise ConfigError(f"--output and --explain-html both name {output}: give them two files")
    if explain_html is not None:
        check_new(explain_html, overwrite=overwrite, option="explain_html")
    engine = load(model)
    set_threshold = None if coverage is None else engine.conformal_threshold(coverage)

    def answered(texts: Iterable[str]) -> Iterator[dict[str, Any]]:
        answers = engine.iter_predict(texts, threshold, out_of_scope=out_of_scope)
        return records(engine, answers, top_k, set_threshold)

    source = valid(texts) if texts else iter_texts(str(input_file), text_column)
    with ExitStack() as files:

        def opened(path: Path) -> IO[str]:
            return files.enter_context(replacing_file(path, overwrite=overwrite))

        out: IO[str] = sys.stdout if output is None else opened(output)
        if explain or explain_html is not None:
            page = None if explain_html is None else opened(explain_html)
            _write_explained(engine, source, answered, out, page)
        else:
            out.writelines(map(line, answered(source)))


def _write_explained(
    engine: Engine,
    texts: Iterable[str],
    answered: Callable[[Iterable[str]], Iterator[dict[str, Any]]],
    out: IO[str],
    page: IO[str] | None,
) -> None:
    """Write records with explanations (on a terminal, coloured texts), and the web page."""
    from wave_network.explain.render import PAGE_END, PAGE_START, html_article, terminal_text

    write = page.write if page else lambda _: 0
    write(PAGE_START)
    to_classify, to_explain = tee(texts)
    pairs = zip(answered(to_classify), engine.iter_explain(to_explain), strict=True)
    for record, explanation in pairs:
        write(html_article(explanation))
        if out.isatty():
            print_rich(terminal_text(explanation))
        else:
            out.write(line({**record, **explanation.to_dict(), **record}))
    write(PAGE_END)
