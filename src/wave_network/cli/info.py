"""`wave-network info`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wave_network.cli.console import print_fields, print_json
from wave_network.cli.options import Model
from wave_network.evaluation.metric_names import metric_names

if TYPE_CHECKING:
    from wave_network.data.labels import Labelling


def info(
    model: Model,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print one JSON object on stdout, with the full configuration and the training "
            "settings.",
        ),
    ] = False,
) -> None:
    """Describe a model.

    Shows its architecture, size, labels, and metrics after training.

    \b
    Examples:
      wave-network info wave-model
      wave-network info wave-model --json
    """
    from wave_network._native import description
    from wave_network.data.labels import labelling_of
    from wave_network.models.registry import family_of
    from wave_network.models.tensors import parameter_counts
    from wave_network.persistence.folder import read_model, resolve_source, size_bytes

    files = read_model(model)
    facts = {
        "model": model,
        "preset": files.preset,
        "labels": list(files.config.labels),
        "parameters": parameter_counts(files.config),
        "quantized": files.table_bits < 32,
        "table_bits": files.table_bits,
        "size_bytes": size_bytes(resolve_source(model)),
        "config": files.config.to_dict(),
        "training": dict(files.training),
        "metrics": dict(files.metrics),
        "compiled_code": description(),
    }
    if as_json:
        print_json(facts)
    else:
        facts["reads_whole_texts"] = files.config.reads_whole_texts
        shape = family_of(files.config).description(files.config)
        _print_description(facts, shape, labelling_of(files.config))


def _print_description(facts: dict[str, Any], shape: str, labelling: Labelling) -> None:
    parameters, config, metrics = (facts[name] for name in ("parameters", "config", "metrics"))
    labels = ", ".join(str(label) for label in facts["labels"][:20])
    more = len(facts["labels"]) - 20
    lines = [
        ("model", f"{facts['model']} ({facts['size_bytes'] / 1e6:.1f} MB)"),
        ("preset", facts["preset"]),
        ("shape", shape),
        ("vocabulary", f"{config['vocab_size']:,} tokens, {_read(facts)}"),
        (
            "parameters",
            f"{parameters['total']:,} ({parameters['embedding']:,} of them embeddings)",
        ),
        ("precision", _precision(facts["table_bits"])),
        ("compiled", facts["compiled_code"]),
        ("labels", f"{labels} and {more} more" if more > 0 else labels),
    ]
    if labelling.multi_label:
        lines.append(("type", "multi-label"))
    lines += [
        (part, ", ".join(f"{name} {values[key]:.4f}" for key, name in _shown(values)))
        for part in ("validation", "test")
        if (values := metrics.get(part))
    ]
    print_fields(lines)


def _read(facts: dict[str, Any]) -> str:
    limit = facts["config"]["max_length"]
    return "texts are read whole" if facts["reads_whole_texts"] else f"at most {limit} a text"


def _precision(table_bits: int) -> str:
    return "32-bit" if table_bits == 32 else f"{table_bits}-bit tables"


def _shown(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key, name) for key, name in metric_names(metrics).items() if key != "loss"]
