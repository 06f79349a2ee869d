"""Log each epoch's metrics to TensorBoard or Weights & Biases."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from wave_network.errors import ConfigError, OutputError, extra_needed, first_line, option_name
from wave_network.persistence.paths import check_utf8

Tracker = Callable[[dict[str, Any]], None]
TOOLS: Final = ("tensorboard", "wandb")


def parse_target(target: str) -> tuple[str, str]:
    """Split `tensorboard:DIR` or `wandb:PROJECT` into the tool and its folder or project.

    Raises:
        ConfigError: If it is neither.
    """
    tool, _, place = target.partition(":")
    if tool not in TOOLS or not place:
        raise ConfigError(
            f"{option_name('log_to')} must be tensorboard:DIR or wandb:PROJECT, not {target!r}; "
            "the metrics of every epoch are in the model folder's history.jsonl in any case"
        )
    check_utf8(place, "log_to")
    return tool, place


@contextmanager
def tracking(target: str | None, settings: Mapping[str, Any]) -> Iterator[Tracker | None]:
    """Open the tracking tool of a target for the time of a training run.

    Args:
        target: `tensorboard:DIR`, `wandb:PROJECT`, or None for no tracking.
        settings: The settings of the run, to store with the metrics.

    Raises:
        ConfigError: If the target is neither.
        OutputError: If its folder cannot be written to, or wandb cannot start, as without a login.
        MissingExtraError: If the tool is not installed.
    """
    if target is None:
        yield None
        return
    tool, place = parse_target(target)
    open_tool = _tensorboard if tool == "tensorboard" else _wandb
    with open_tool(place, settings) as write:
        yield write


@contextmanager
def _tensorboard(folder: str, settings: Mapping[str, Any]) -> Iterator[Tracker]:
    with extra_needed("tensorboard", "logging to TensorBoard"):
        from torch.utils.tensorboard import SummaryWriter
    make_writer: Any = SummaryWriter  # its types differ from version to version
    try:
        made = make_writer(folder)
    except Exception as error:  # of the system, or of the library for an address such as s3://
        reason = getattr(error, "strerror", None) or first_line(error)
        raise OutputError(f"cannot log to tensorboard:{folder}: {reason}") from error
    with made as writer:
        writer.add_text("settings", f"```json\n{json.dumps(dict(settings), indent=2)}\n```")

        def write(record: dict[str, Any]) -> None:
            for name, value in metrics_of(record).items():
                writer.add_scalar(name, value, record["epoch"])
            writer.flush()

        yield write


@contextmanager
def _wandb(project: str, settings: Mapping[str, Any]) -> Iterator[Tracker]:
    with extra_needed("wandb", "logging to Weights & Biases"):
        import wandb
    try:
        started = wandb.init(project=project, config=dict(settings))
    except Exception as error:  # no login, no network, no such project
        reason = first_line(error).rstrip(".")
        raise OutputError(
            f"cannot log to wandb:{project}: {reason}; or set WANDB_MODE=offline, and send it later"
        ) from error
    with started as run:
        yield lambda record: run.log(metrics_of(record), step=record["epoch"])


def metrics_of(record: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """Return an epoch's numbers by name; those of `validation` are named `validation/...`."""
    flat: dict[str, float] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            flat |= metrics_of(value, f"{prefix}{name}/")
        elif isinstance(value, (int, float)) and name != "epoch":
            flat[prefix + name] = float(value)
    return flat
