"""`wave-network predict`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import tee
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal

import typer

from wave_network.cli.console import log_to_stderr, note, print_rich
from wave_network.cli.options import Encoding, Model, Overwrite, Quoting, Threads, threaded
from wave_network.cli.predict_parts import check_given, predict_into_folder, wants_folder
from wave_network.cli.prediction_lines import answers_meet_progress, print_records, records, valid
from wave_network.data.kept_columns import KeptColumns
from wave_network.data.read_options import ReadOptions
from wave_network.progress.stages import tracked

if TYPE_CHECKING:
    from pyarrow import DataType

    from wave_network.runtime import Engine
    from wave_network.runtime.explanation import Explanation


@threaded
def predict(
    model: Model,
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT", help="Texts to classify.")
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="FILE|-",
            help="File of texts to classify: .csv, .tsv, .jsonl, .json, .parquet, .xlsx, .txt (one "
            "text per line), also as .gz, .zst or .zip; or - for standard input (one text per "
            "line). Several files, or a quoted pattern such as 'part-*.parquet', go to a folder.",
        ),
    ] = None,
    text_column: Annotated[
        str, typer.Option(metavar="NAME", help="The file's column (or JSON field) of the texts.")
    ] = "text",
    encoding: Encoding = "utf-8",
    quoting: Quoting = "auto",
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE|DIR",
            help="Write to this file instead of standard output: .jsonl, .json, .csv, .tsv or "
            ".parquet. A folder gets a file for each input; the same command goes on where it was "
            "stopped.",
        ),
    ] = None,
    output_format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="Format of the files in a folder: jsonl, json, csv, tsv or parquet. Default: that "
            "of each input.",
        ),
    ] = None,
    engine: Annotated[
        Literal["local", "ray"] | None,
        typer.Option(
            metavar="local|ray",
            help="What writes a folder: the cores of this machine, or the Ray cluster that "
            "RAY_ADDRESS names, or that runs here. Default: local.",
        ),
    ] = None,
    overwrite: Overwrite = False,
    keep_columns: Annotated[
        bool,
        typer.Option(
            "--keep-columns",
            help="Keep the input's other columns (or JSON fields), before those of the answers.",
        ),
    ] = False,
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
    threads: Threads = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write JSON lines to a terminal, too.")
    ] = False,
) -> None:
    """Classify texts.

    Writes one JSON object per line, {"text", "label", "score"}, for every text in input order,
    empty texts included; a terminal shows label, score and text instead. The score is the label's
    probability. With --threshold, the label is null if the score is lower. With --coverage,
    "labels" is the prediction set.

    Multi-label models give {"text", "labels", "scores"}, with a score for each predicted label;
    --threshold leaves out labels with a lower score.

    Put -- before a text that starts with a dash.

    \b
    Examples:
      wave-network predict wave-model "Oil prices jump as OPEC cuts output"
      wave-network predict wave-model --input tickets.csv --text-column body --output out.jsonl
      wave-network predict wave-model --input tickets.csv --keep-columns --output out.csv
      wave-network predict wave-model --input tickets.csv --text-column body --threshold 0.8
      wave-network predict wave-model --input tickets.csv --coverage 0.95
      wave-network predict wave-model --input 'part-*.parquet' --keep-columns --output answers
      cat lines.txt | wave-network predict wave-model --input - --top-k 3
    """
    from wave_network.data.writing import format_to_write, write_records
    from wave_network.persistence.atomic import check_new, replacing_file
    from wave_network.persistence.paths import check_apart
    from wave_network.runtime import load
    from wave_network.runtime.counting import counted

    of_files = {"keep_columns": keep_columns, "engine": engine, "output_format": output_format}
    check_given(texts, inputs, of_files)
    log_to_stderr()
    options = ReadOptions(encoding, quoting)
    explained = explain or explain_html is not None
    if inputs and wants_folder(inputs, output, asked=bool(engine or output_format)):
        from wave_network.scale.answers import Answers

        predict_into_folder(
            *(model, inputs, output),
            Answers(text_column, options, keep_columns, top_k, threshold, coverage, out_of_scope),
            output_format=output_format,
            engine=engine or "local",
            overwrite=overwrite,
            explained=explained,
        )
        return
    input_file = inputs[0] if inputs else None
    given = None if input_file == "-" else input_file
    check_apart({"output": output, "explain_html": explain_html}, {"inputs": given})
    ending = None if output is None else format_to_write(output)
    if explain_html is not None:
        check_new(explain_html, overwrite=overwrite, option="explain_html")
    predictor = load(model)
    set_threshold = None if coverage is None else predictor.conformal_threshold(coverage)

    given = "standard input" if input_file == "-" else input_file

    def answered(texts: Iterable[str]) -> Iterator[dict[str, Any]]:
        counting, counts = counted(predictor)
        answers = counting.iter_predict(texts, threshold, out_of_scope=out_of_scope)
        return records(predictor, answers, counts, top_k, set_threshold, given)

    types = _label_types(predictor) if ending == ".parquet" else {}
    kept = KeptColumns(str(input_file), text_column, options, types, note) if keep_columns else None
    source = kept.texts() if kept else _given(texts, input_file, text_column, options)
    if output is not None or not answers_meet_progress():
        source = tracked(source, "predicting")
    with ExitStack() as files:

        def opened(path: Path) -> IO[str]:
            return files.enter_context(replacing_file(path, overwrite=overwrite))

        out = None if output is None else opened(output)
        page = None if explain_html is None else _started(opened(explain_html), model)
        if explained and out is None and sys.stdout.isatty() and not as_json:
            _show_explained(predictor, source, page)
            return
        answers = _explained(predictor, source, answered, page) if explained else answered(source)
        if kept is not None:
            answers = kept.beside(answers)
        if out is None or ending is None:
            print_records(predictor, answers, as_json=as_json)
        else:
            write_records(out, answers, ending, types)


def _label_types(engine: Engine) -> dict[str, DataType]:
    from wave_network.data.parquet_writing import label_types

    return label_types(engine.labels)


def _given(
    texts: list[str] | None, input_file: str | None, text_column: str, options: ReadOptions
) -> Iterable[str]:
    from wave_network.data import iter_texts

    if texts:
        return valid(texts)
    return iter_texts(str(input_file), text_column, options.encoding, options.quoting)


def _explained(
    engine: Engine,
    texts: Iterable[str],
    answered: Callable[[Iterable[str]], Iterator[dict[str, Any]]],
    page: IO[str] | None,
) -> Iterator[dict[str, Any]]:
    """Yield records with explanations, and write the web page."""
    from wave_network.runtime.records import explained_record

    to_classify, to_explain = tee(texts)
    explanations = _on_page(engine.iter_explain(to_explain), page)
    for record, explanation in zip(answered(to_classify), explanations, strict=True):
        yield explained_record(record, explanation)


def _show_explained(engine: Engine, texts: Iterable[str], page: IO[str] | None) -> None:
    """Show coloured texts on the terminal, and write the web page."""
    from wave_network.explain.render import terminal_text

    for explanation in _on_page(engine.iter_explain(texts), page):
        print_rich(terminal_text(explanation))


def _started(page: IO[str], model: str) -> IO[str]:
    """Write the beginning of the web page, with the model's name."""
    from wave_network.explain.render import page_start

    page.write(page_start(Path(model).name or model))
    return page


def _on_page(explanations: Iterable[Explanation], page: IO[str] | None) -> Iterator[Explanation]:
    """Yield explanations, and write them to the web page, if there is one."""
    from wave_network.explain.render import PAGE_END, html_article

    write = page.write if page else lambda _: 0
    for explanation in explanations:
        write(html_article(explanation))
        yield explanation
    write(PAGE_END)
