"""Pretrain a language model, and write its folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wave_network.config.wave_lm import SIZES, PretrainConfig
from wave_network.data.read_options import ReadOptions
from wave_network.errors import extra_needed
from wave_network.persistence.folder import check_output, size_bytes
from wave_network.persistence.keeping import write_somewhere
from wave_network.persistence.language_model import LanguageModelFiles, write_language_model
from wave_network.progress.stages import say
from wave_network.training.interrupt import StopSignal
from wave_network.training.pretraining.corpus import Corpus, read_corpus
from wave_network.training.unfinished import Unfinished


def pretrain(
    files: Sequence[str | Path],
    output: str | Path,
    *,
    config: PretrainConfig = PretrainConfig(),  # noqa: B008  # it is immutable
    text_column: str = "text",
    encoding: str = "utf-8",
    quoting: str = "auto",
    overwrite: bool = False,
    unfinished: Unfinished | None = None,
) -> dict[str, Any]:
    """Pretrain a language model on the texts of files, and write its folder.

    Args:
        files: Files of texts: each `.txt` file is one document; of the other formats that `train`
            reads, each row is one.
        output: The folder to write.
        config: How to train.
        text_column: The column, or JSON field, of the texts.
        encoding: The encoding of text files without a byte order mark.
        quoting: In `.csv` and `.tsv` files: `auto`, `none` or `csv`.
        overwrite: Replace a model that is there.
        unfinished: Keeps the state of the training until the model is written.

    Returns:
        What `pretrain --json` prints.

    Raises:
        WaveNetworkError: If an option, a file or the output cannot be used; torch is missing.
        KeyboardInterrupt: With `unfinished`, after Ctrl-C.
    """
    with extra_needed("torch", "pretraining a language model"):
        from wave_network.training.pretraining.loop import PretrainingRun
    folder, options = Path(output), ReadOptions(encoding, quoting)
    check_output(folder, overwrite=overwrite)
    size = SIZES[config.size]
    corpus = read_corpus(files, size.pieces, text_column, options)
    for line in _described(corpus):
        say(line)
    shape = size.shape(corpus.tokenizer.start, config.objective)
    run, stop = PretrainingRun(corpus, shape, config), StopSignal()
    with stop.on_ctrl_c():
        run.train(None if unfinished is None else next(unfinished.checkpoints()), stop)
        metrics = run.metrics()
    if unfinished is not None:
        unfinished.write_marker()
    written = LanguageModelFiles(shape, run.tensors, corpus.tokenizer, config.to_dict())

    def write(place: Path, overwrite: bool) -> None:
        write_language_model(place, written, metrics, run.history, overwrite=overwrite)

    write_somewhere(folder, write, overwrite=overwrite)
    if run.interrupted:
        say(f"interrupted: the model after {metrics['steps']:,} steps is kept in {folder}")
    return {
        "model": str(folder),
        "parameters": written.parameters,
        "size_bytes": size_bytes(folder),
        "interrupted": run.interrupted,
        **metrics,
    }


def _described(corpus: Corpus) -> list[str]:
    """Say what was read, and what of it is held out."""
    training, held_out = (corpus.bytes_of(ids) for ids in (corpus.training, corpus.validation))
    part = f"{corpus.held_out:,} documents" if corpus.held_out else "the end of the last document"
    return [
        f"documents to train on: {corpus.documents - corpus.held_out:,}, {training:,} bytes, "
        f"{len(corpus.training):,} tokens",
        f"held out for validation: {part}, {held_out:,} bytes",
    ]
