"""Whether dimensions and tokens stay independent (after paper 2, "embedding independence")."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from wave_network.experiments.section import Plot, Section, Table
from wave_network.experiments.study import Row, Study, grouped

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from torch import Tensor

    from wave_network.experiments.tasks import Task

NAME: Final = "independence"
MODELS: Final = ("wave-modulation", "wave-interference", "transformer")
DATASETS: Final = ("ag_news",)
BATCH_SIZE: Final = 32
EPOCHS: Final = 1
TRAINING_TEXTS: Final = 20_000
VALIDATION_TEXTS: Final = 2_000
TOKENS: Final = 2_000

MIXER_TOKENS: Final = 12
MIXER_WIDTH: Final = 16
_HEADS: Final = 4

_MEASURES: Final = {
    "dimensions": "dimensions, |r|",
    "tokens": "tokens, |r|",
    "tokens_cosine": "tokens, |cos|",
}


def measure(study: Study) -> None:
    """The mixers' Jacobians; then each model's embeddings before and after training, seed 0."""
    from wave_network.experiments.tasks import find_encoder, load_task

    study.once(NAME, {"part": "structure"}, _structure)
    options = study.options
    models = study.wanted(MODELS)
    if find_encoder(options) is None:
        models = [name for name in models if name != "transformer"]
    for dataset in options.datasets or DATASETS:
        for model in models:

            def run(dataset: str = dataset, model: str = model) -> list[Row]:
                return [_before_and_after(load_task(options, dataset, 0), model, study)]

            key = study.key(part="statistics", dataset=dataset, model=model)
            study.once(NAME, key, run)


def section(study: Study) -> Section:
    """What crosses between dimensions, and how correlated they are."""
    rows = study.rows(NAME)
    structure = [row for row in rows if row["part"] == "structure"]
    statistics = [row for row in rows if row["part"] == "statistics"]
    return Section(
        title="Embedding independence (after paper 2)",
        paper=(
            "The abstract names embedding independence among the properties studied; a summary "
            "lists *dimensional independence* as a keyword. The statistic and its values could not "
            "be obtained."
        ),
        protocol=(
            "All of it ours. **Structure**: the Jacobian of what mixes the tokens, on a random "
            f"text of {MIXER_TOKENS} tokens and {MIXER_WIDTH} dimensions in float64: the largest "
            "entry that leads from one dimension to another, and the share that such entries have "
            "in the sum of all squares. For the waves this is representation and operation, with "
            "respect to both variants. **Statistics**: over up to "
            f"{TOKENS:,} tokens that occur in the training texts, drawn once, the mean absolute "
            "correlation between every two dimensions of the embedding table and between every "
            f"two tokens, before and after training ({EPOCHS} epoch unless `--epochs` says "
            f"otherwise, batch {BATCH_SIZE} as in the paper, at most {TRAINING_TEXTS:,} texts, "
            "seed 0, otherwise as for accuracy). The yardstick: correlations over m independent "
            "values have mean √(2/(πm)), with m the number of tokens or of dimensions."
            + ("" if _has_transformer(statistics) else _NO_TRANSFORMER)
        ),
        tables=[_structure_table(structure), _statistics_table(statistics)],
        plots=[
            Plot(
                f"independence-{dataset}",
                "Mean absolute correlation after training as a multiple of what independent "
                f"vectors have, {dataset}.",
                partial(_draw, group),
            )
            for (dataset,), group in grouped(statistics, ("dataset",)).items()
        ],
        findings=[
            *([_structure_finding(structure)] if structure else []),
            *(_statistics_finding(row) for row in statistics),
        ],
        difference=(
            "There are no values of the paper's to compare with. That the wave operations keep the "
            "dimensions apart follows from their formulas; it is no property of the whole layer, "
            "whose linear maps before and after mix the dimensions as any others do."
        ),
    )


_NO_TRANSFORMER: Final = " The Transformer layer is missing: no pretrained encoder was found."


def _has_transformer(rows: Sequence[Row]) -> bool:
    return any(row["model"] == "transformer" for row in rows)


def _structure() -> list[Row]:
    """One row for each mixer."""
    import torch

    generator = torch.Generator().manual_seed(0)
    shape = (MIXER_TOKENS, MIXER_WIDTH)
    variants = tuple(torch.randn(2, *shape, generator=generator, dtype=torch.float64))
    rows = []
    for name, (mixer, inputs) in _mixers().items():
        across, share = across_dimensions(mixer, variants[:inputs])
        rows.append({"mixer": name, "largest_across": across, "share_across": share})
    return rows


def _mixers() -> dict[str, tuple[Callable[..., Tensor], int]]:
    """What mixes a text's tokens: a function of (tokens, hidden) tensors, and how many it takes."""
    import torch
    from torch import nn

    from wave_network import ops
    from wave_network.config import ModelConfig
    from wave_network.data.batch import PackedBatch
    from wave_network.models.wave.network import WaveLayer

    offsets = torch.tensor([0, MIXER_TOKENS])

    def wave(operation: Callable[..., ops.Wave]) -> Callable[..., Tensor]:
        def mix(u: Tensor, v: Tensor) -> Tensor:
            return torch.stack(operation(ops.represent(u, offsets), ops.represent(v, offsets)))

        return mix

    def scores_alone(x: Tensor) -> Tensor:
        return (x @ x.T / math.sqrt(MIXER_WIDTH)).softmax(dim=1) @ x

    torch.manual_seed(0)
    attention = nn.MultiheadAttention(MIXER_WIDTH, _HEADS, batch_first=True).double()
    config = ModelConfig(
        labels=(0, 1), vocab_size=1, cls_token_id=0, hidden_size=MIXER_WIDTH, variants="linear"
    )
    layer = WaveLayer(config).double()
    batch = PackedBatch(torch.arange(MIXER_TOKENS), offsets)

    def attend(x: Tensor) -> Tensor:
        mixed: Tensor = attention(x[None], x[None], x[None], need_weights=False)[0][0]
        return mixed

    def whole_layer(x: Tensor) -> Tensor:
        hidden: Tensor = layer(layer.variants_of(x, None)[0], batch, only_first=False)
        return hidden

    return {
        "wave modulation": (wave(ops.modulate), 2),
        "wave interference": (wave(ops.interfere), 2),
        "attention, without projections": (scores_alone, 1),
        f"self-attention, {_HEADS} heads": (attend, 1),
        "whole wave layer, with its linear maps": (whole_layer, 1),
    }


def across_dimensions(
    mixer: Callable[..., Tensor], inputs: tuple[Tensor, ...]
) -> tuple[float, float]:
    """How much of a mixer's Jacobian leads from one dimension to another.

    Args:
        mixer: Takes the inputs, gives a tensor whose last axis is the dimension.
        inputs: Tensors of shape (tokens, hidden).

    Returns:
        The largest absolute entry between different dimensions, and the share of such entries in
        the sum of the squares of all.
    """
    import torch
    from torch.autograd.functional import jacobian

    largest, across, total = 0.0, 0.0, 0.0
    for part in jacobian(mixer, inputs):  # type: ignore[no-untyped-call]
        # (..., dimension out, token in, dimension in) -> (dimension out, dimension in, everything)
        entries = part.movedim((-3, -1), (0, 1)).flatten(2)
        apart = ~torch.eye(len(entries), dtype=torch.bool)
        largest = max(largest, float(entries[apart].abs().max()))
        across += float((entries[apart] ** 2).sum())
        total += float((entries**2).sum())
    return largest, across / total


def _before_and_after(task: Task, name: str, study: Study) -> Row:
    """Train a model, and compare its embedding table before and after."""
    import numpy as np
    import torch

    from wave_network.experiments.models import build_model, input_embedding, train_config
    from wave_network.training.loop import train
    from wave_network.training.torch_model import TorchModel

    random = np.random.default_rng(0)

    def some(count: int, most: int) -> NDArray[np.int64]:
        return np.sort(random.choice(count, min(count, most), replace=False))

    training = task.training.select(some(len(task.training), TRAINING_TEXTS))
    validation = task.validation.select(some(len(task.validation), VALIDATION_TEXTS))
    occurring = np.unique(training.ids)
    tokens = torch.from_numpy(occurring[some(len(occurring), TOKENS)]).long()
    torch.manual_seed(0)
    model = build_model(name, task, study.options)
    table = input_embedding(model).weight
    before = correlations(table.detach()[tokens].numpy())
    config = train_config(
        name, study.options, epochs=study.options.epochs or EPOCHS, seed=0, batch_size=BATCH_SIZE
    )
    result = train(TorchModel(model), training, validation, config)
    after = correlations(input_embedding(model).weight.detach()[tokens].numpy())
    return {
        **{f"{measure}_before": value for measure, value in before.items()},
        **{f"{measure}_after": value for measure, value in after.items()},
        "sampled_tokens": len(tokens),
        "width": table.shape[1],
        "training_rows": len(training),
        "epochs": config.epochs,
        "validation_accuracy": result.validation["accuracy"],
    }


def correlations(vectors: NDArray[np.float32]) -> dict[str, float]:
    """How far rows and columns are from independent.

    Args:
        vectors: One row a token, (tokens, dimensions).

    Returns:
        `dimensions`: mean absolute Pearson correlation of every two columns; `tokens`: of every
        two rows; `tokens_cosine`: their mean absolute cosine.
    """
    import numpy as np

    exact = vectors.astype(np.float64)

    def mean_off_diagonal(rows: NDArray[np.float64]) -> float:
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        # A constant row has no correlation with anything: it counts as 0.
        rows = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
        products = np.abs(rows @ rows.T)
        np.fill_diagonal(products, 0)
        return float(products.sum() / (len(rows) * (len(rows) - 1)))

    return {
        "dimensions": mean_off_diagonal((exact - exact.mean(axis=0)).T),
        "tokens": mean_off_diagonal(exact - exact.mean(axis=1, keepdims=True)),
        "tokens_cosine": mean_off_diagonal(exact),
    }


def independent(values: int) -> float:
    """The mean absolute correlation of independent normal vectors: `sqrt(2 / (pi n))`.

    Args:
        values: Length n of the vectors.
    """
    return math.sqrt(2 / (math.pi * values))


def _structure_table(rows: Sequence[Row]) -> Table:
    return Table(
        caption="What leads from one dimension to another in the Jacobian of each mixer.",
        columns=("mixer", "largest entry", "share of the squares"),
        rows=[
            (
                row["mixer"],
                "0 exactly" if row["largest_across"] == 0 else f"{row['largest_across']:.3f}",
                f"{100 * row['share_across']:.1f} %",
            )
            for row in rows
        ],
    )


def _statistics_table(rows: Sequence[Row]) -> Table:
    cells = []
    for row in rows:
        by_tokens = independent(row["sampled_tokens"])
        by_width = independent(row["width"])
        cells.append(
            (
                row["dataset"],
                row["model"],
                f"{row['training_rows']:,}",
                *(
                    f"{row[f'{measure}_before']:.4f} → {row[f'{measure}_after']:.4f}"
                    for measure in _MEASURES
                ),
                f"{by_tokens:.4f}",
                f"{by_width:.4f}",
            )
        )
    return Table(
        caption=(
            "Mean absolute correlation of the embeddings, before → after training, and what "
            "independent vectors would have."
        ),
        columns=(
            *("data", "model", "training rows"),
            *_MEASURES.values(),
            *("independent dimensions", "independent tokens"),
        ),
        rows=cells,
    )


def _structure_finding(rows: Sequence[Row]) -> str:
    exact = [row["mixer"] for row in rows if row["largest_across"] == 0]
    others = [
        f"{row['mixer']}: {100 * row['share_across']:.0f} %"
        for row in rows
        if row["largest_across"] != 0
    ]
    return (
        f"No entry leads from one dimension to another for {' and '.join(exact) or 'none'}; the "
        f"share of such entries elsewhere is {'; '.join(others)}."
    )


def _statistics_finding(row: Row) -> str:
    dimensions, tokens = independent(row["sampled_tokens"]), independent(row["width"])
    start, end = row["dimensions_before"] / dimensions, row["dimensions_after"] / dimensions
    return (
        f"{row['dataset']}, {row['model']}, {row['training_rows']:,} training rows (validation "
        f"accuracy {100 * row['validation_accuracy']:.1f} %): dimensions correlate {start:.1f} "
        f"times as much as independent ones would before training, {end:.1f} times after; tokens "
        f"{row['tokens_before'] / tokens:.1f} and {row['tokens_after'] / tokens:.1f} times."
    )


def _draw(rows: Sequence[Row], figure: Figure) -> None:
    from wave_network.experiments.plots import bar_plot

    largest = max(row["training_rows"] for row in rows)
    values = {}
    for row in rows:
        if row["training_rows"] == largest:
            by_chance = {"dimensions": row["sampled_tokens"], "tokens": row["width"]}
            for name, count in by_chance.items():
                values[f"{row['model']}, {name}"] = row[f"{name}_after"] / independent(count)
    bar_plot(figure, values, ylabel="mean |r|, in multiples of independent vectors'")
