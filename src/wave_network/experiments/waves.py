"""Waves you can see: the complex vectors of one text in a trained model (paper 1, Figs. 1-5)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from wave_network.experiments.section import Plot, Section, Table
from wave_network.experiments.study import Row, Study, grouped
from wave_network.explain.waves import (
    DIMENSIONS,
    TextWaves,
    draw_waves,
    energy_shares,
    picture_title,
)
from wave_network.models.numpy_ops import Floats, Wave, interference_term, magnitude, phase

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from wave_network.experiments.running import Run
    from wave_network.experiments.tasks import Task

NAME: Final = "waves"
MODEL: Final = "wave-modulation"
SEED: Final = 0
TEXT: Final = "Niger's ambassador to Paris has been recalled, again."
"""How one of the bundled sample's texts begins."""

_RUN: Final = ("dataset", "model", "seed", "epochs", "limit")


def measure(study: Study) -> None:
    """Train one wave layer, and keep the waves that it makes of one text."""
    dataset = (study.options.datasets or ("ag_news",))[0]
    for model in study.wanted([MODEL]):
        key = study.key(dataset=dataset, model=model, seed=SEED)
        study.once(NAME, key, partial(_train, study, dataset))


def section(study: Study) -> Section:
    """The picture of the text's waves, and what it shows in numbers."""
    runs = [_stored_waves(rows) for rows in grouped(study.rows(NAME), _RUN).values()]
    return Section(
        title="Waves you can see (paper 1, Figs. 1–5)",
        paper=(
            "The figures define a token's complex vector: its magnitude *G* is the text's and "
            "shared by all tokens, its phase *α* has the cosine *w/G*, the real part is the token "
            "and the imaginary part its context. No waves of a trained model are shown."
        ),
        protocol=(
            f"Ours. `{MODEL}`, trained as in the accuracy experiment with seed {SEED}, reads the "
            f"beginning of one of the bundled sample's texts, “{TEXT}” Shown are its waves *Z* and "
            f"*Z′*, before they are combined, in the {DIMENSIONS} dimensions with the largest "
            "*GG′*. "
            "`wave-network inspect MODEL TEXT` draws the same for any model and text."
        ),
        tables=[_table(waves) for _, waves in runs],
        plots=[
            Plot(f"waves-{number}", f"The waves of “{TEXT}”", partial(_draw, title, waves))
            for number, (title, waves) in enumerate(runs, start=1)
        ],
        findings=[finding for _, waves in runs for finding in _findings(waves)],
        difference=(
            "There is nothing in the paper to compare with. What one would expect: of *n* tokens "
            "each has about 1/*n* of the energy, so the phases lie about 1/√*n* from a right angle."
        ),
    )


def _train(study: Study, dataset: str) -> list[Row]:
    from wave_network.experiments.running import train_on
    from wave_network.experiments.tasks import load_task

    task = load_task(study.options, dataset, SEED)
    return _rows(train_on(task, MODEL, study.options, seed=SEED), task)


def _rows(run: Run, task: Task) -> list[Row]:
    """One row a token and dimension."""
    from wave_network.explain.waves import inspect_text
    from wave_network.models.torch_network import ClassifierNetwork
    from wave_network.persistence.folder import ModelFiles
    from wave_network.runtime import Engine

    assert isinstance(run.model, ClassifierNetwork)
    files = ModelFiles(
        config=run.model.config,
        tensors={name: value.numpy() for name, value in run.model.state_dict().items()},
        tokenizer=task.tokenizer,
        preset="paper",
        training=run.config.to_dict(),
        metrics={},
    )
    prediction, waves = inspect_text(Engine(files), TEXT)
    values = np.stack([*waves.first, *waves.second], axis=-1)  # (tokens, dimensions, 4)
    return [
        {
            "place": place,
            "token": token,
            "dimension": dimension,
            **dict(zip(_PARTS, values[place, column].tolist(), strict=True)),
            "_title": picture_title(TEXT, prediction),
        }
        for place, token in enumerate(waves.tokens)
        for column, dimension in enumerate(waves.dimensions)
    ]


_PARTS: Final = ("real", "imag", "second_real", "second_imag")


def _stored_waves(rows: Sequence[Row]) -> tuple[str, TextWaves]:
    """The inverse of `_rows`."""
    tokens = {row["place"]: row["token"] for row in rows}
    dimensions = list(dict.fromkeys(row["dimension"] for row in rows))
    parts = [
        np.array([row[part] for row in rows], np.float32).reshape(len(tokens), len(dimensions))
        for part in _PARTS
    ]
    waves = TextWaves(list(tokens.values()), dimensions, Wave(*parts[:2]), Wave(*parts[2:]))
    return rows[0]["_title"], waves


def _table(waves: TextWaves) -> Table:
    share, share_second = energy_shares(waves.first), energy_shares(waves.second)
    angle = np.degrees(np.abs(phase(waves.first) - np.pi / 2))
    relative = _relative_term(waves)
    return Table(
        caption="Each token, on average over the dimensions shown.",
        columns=(
            "token",
            "energy of Z, %",
            "energy of Z′, %",
            "Z from a right angle, °",
            "interference term, % of 2GG′",
        ),
        rows=[
            (
                f"`{token.strip()}`",
                f"{100 * share[place].mean():.1f}",
                f"{100 * share_second[place].mean():.1f}",
                f"{angle[place].mean():.1f}",
                f"{100 * relative[place].mean():.1f}",
            )
            for place, token in enumerate(waves.tokens)
        ],
    )


def _findings(waves: TextWaves) -> list[str]:
    tokens = len(waves.tokens)
    share = energy_shares(waves.first)
    degrees = np.degrees(phase(waves.first))
    relative = _relative_term(waves)
    return [
        f"`[CLS]` has {100 * share[0].mean():.1f} % of the energy of *Z*, where an equal share of "
        f"{tokens} tokens is {100 / tokens:.1f} %; the largest share of any token in any of these "
        f"dimensions is {100 * share.max():.0f} %.",
        f"Half of all phases of *Z* lie between {np.quantile(degrees, 0.25):.0f}° and "
        f"{np.quantile(degrees, 0.75):.0f}°, all between {degrees.min():.0f}° and "
        f"{degrees.max():.0f}°.",
        f"The interference term is between {100 * relative.min():.0f} and "
        f"{100 * relative.max():.0f} % of the most it can be, 2*GG′*. It falls below zero only "
        "where a token outweighs its context, which is never negative.",
    ]


def _relative_term(waves: TextWaves) -> Floats:
    """The cosine of the angle between both waves: the interference term as a share of 2GG'."""
    most = 2 * magnitude(waves.first) * magnitude(waves.second)
    term = interference_term(waves.first, waves.second)
    relative: Floats = np.divide(term, most, out=np.zeros_like(term), where=most > 0)
    return relative


def _draw(title: str, waves: TextWaves, figure: Figure) -> None:
    draw_waves(figure, waves, title)
