"""Training and tuning in several processes: `torchrun` and `--engine ray`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from wave_network.config import OPTIONS
from wave_network.errors import ConfigError, extra_needed
from wave_network.training.processes import ProcessLostError

if TYPE_CHECKING:
    from wave_network.tuning.run import Search


def work_along(threads: int | None) -> None:
    """Work for the main process of a launch of several, which tells what there is to tell."""
    with extra_needed("torch", "training in several processes"):
        from wave_network.training.torch_worker import work
    try:
        work(OPTIONS["threads"].checked(threads))
    except ProcessLostError:
        raise typer.Exit(1) from None


def trained_by(engine: str, workers: int | None, *, checkpoints: bool) -> dict[str, Any]:
    """Return how `train_model` trains on an engine, connected to it."""
    if engine == "local":
        if workers is not None:
            raise ConfigError("--workers is for --engine ray: start others with torchrun")
        return {}
    if checkpoints:
        raise ConfigError("--checkpoint-every is for --engine local: leave it out with ray")
    from wave_network.scale.ray_cluster import connect

    connect()
    with extra_needed("torch", "--engine ray"):
        from wave_network.scale.ray_training import fit_on_ray
    return {"fit": partial(fit_on_ray, workers=workers)}


def trials_by(engine: str, threads: int | None) -> Callable[[Search], Iterator[None]] | None:
    """Return what runs the trials of `tune` on an engine, connected to it; None: the usual."""
    if engine == "local":
        return None
    from wave_network.scale.ray_cluster import connect

    connect()
    from wave_network.scale.ray_tuning import in_parallel

    return in_parallel(threads)
