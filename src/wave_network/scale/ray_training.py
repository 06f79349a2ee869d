"""Train on a Ray cluster that already runs, by Ray Train."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import ray
from ray.train import RunConfig, ScalingConfig, TrainingFailedError
from ray.train.torch import TorchTrainer

from wave_network.data import TrainingData
from wave_network.errors import ConfigError, WaveNetworkError, first_line, option_name
from wave_network.scale.ray_reports import Reporter, Reports, told
from wave_network.training.callbacks import Progress
from wave_network.training.fit import Fitted, fit
from wave_network.training.model import torch_is_needed
from wave_network.training.processes import is_worker, leading
from wave_network.training.recipe import Recipe
from wave_network.training.torch_worker import work

logger = logging.getLogger(__name__)


class _Given(NamedTuple):
    """What each process of the cluster gets.

    Attributes:
        work: Refers to the data and the recipe, which the main process alone fetches.
        reports: The actor that collects its progress.
        threads: How many threads each process uses.
    """

    work: ray.ObjectRef[tuple[TrainingData, Recipe]]
    reports: Any
    threads: int


def fit_on_ray(
    data: TrainingData,
    recipe: Recipe,
    progress: Progress,
    checkpoints: None = None,
    workers: int | None = None,
) -> Fitted:
    """Train on the cluster that this process is connected to, as `fit` does here.

    Args:
        data: As for `fit`; the main process of the cluster gets all, and sends the others their
            shares of each batch.
        recipe: As for `fit`.
        progress: As for `fit`.
        checkpoints: None: their folder would be on another machine.
        workers: Number of processes; None: one for each GPU, or else for each machine.

    Raises:
        ConfigError: If the cluster has too little for them.
        WaveNetworkError: As `fit`; or if a process of the cluster was lost.
    """
    nodes = ray.nodes()  # type: ignore[no-untyped-call]
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    processes = processes_for(recipe, alive, workers)
    reports = ray.remote(num_cpus=0)(Reports).remote()
    given = _Given(ray.put((data, recipe)), reports, processes.cpus)
    logging.getLogger("ray.train").setLevel(logging.ERROR)
    with TemporaryDirectory() as kept, told(reports, progress):
        trainer = TorchTrainer(
            _train,  # type: ignore[arg-type]  # what it returns is in the result
            train_loop_config={"given": given},
            scaling_config=ScalingConfig(
                num_workers=processes.number,
                use_gpu=processes.gpu,
                resources_per_worker={"CPU": processes.cpus},
            ),
            run_config=RunConfig(storage_path=kept),
        )
        try:
            with _ctrl_c_as_usual():
                result = trainer.fit()
        except TrainingFailedError as error:
            raise WaveNetworkError(
                f"training on the Ray cluster failed: {_cause(error)}"
            ) from error
    fitted = result.return_value  # type: ignore[attr-defined]  # of the main process
    if isinstance(fitted, WaveNetworkError):
        raise fitted
    assert isinstance(fitted, Fitted)
    return fitted


class Room(NamedTuple):
    """The processes that a cluster has room for, and what each gets.

    Attributes:
        number: How many.
        cpus: CPUs, and threads, of each.
        gpu: Whether each has a GPU.
    """

    number: int
    cpus: int
    gpu: bool


def processes_for(
    recipe: Recipe, nodes: Sequence[Mapping[str, float]], workers: int | None
) -> Room:
    """Choose the processes that train.

    Args:
        recipe: How to train.
        nodes: The resources of each machine, by Ray's names.
        workers: How many are asked for; None: one for each GPU, or else for each machine.

    Raises:
        ConfigError: If more are asked for than the cluster has GPUs or CPUs.
    """
    cpus = [int(node["CPU"]) for node in nodes if node.get("CPU", 0) >= 1] or [1]
    gpus = int(sum(node.get("GPU", 0) for node in nodes))
    if torch_is_needed(recipe.preset.config, recipe.config) is None:
        logger.info("%s is trained by compiled code, in one process", recipe.preset.name)
        return Room(1, max(cpus), gpu=False)
    gpu = gpus > 0 and recipe.config.device in ("auto", "cuda")
    count = workers or (gpus if gpu else len(cpus))
    most, unit = (gpus, "GPUs") if gpu else (sum(cpus), "CPUs")
    if count > most:
        raise ConfigError(
            f"{option_name('workers')} {count} is more than the {most} {unit} of the Ray cluster"
        )
    on_a_node = -(-count // len(cpus))
    return Room(count, max(1, min(cpus) // on_a_node), gpu)


def _train(config: dict[str, Any]) -> Fitted | WaveNetworkError | None:
    """What each process of the cluster does."""
    given: _Given = config["given"]
    if is_worker():
        work(given.threads)
        return None
    data, recipe = ray.get(given.work)
    recipe = replace(recipe, threads=recipe.threads or given.threads)
    reporter = Reporter(given.reports)
    try:
        with leading():
            fitted = fit(data, recipe, reporter)
    except WaveNetworkError as error:
        return WaveNetworkError(str(error))  # its own class may not be sent
    reporter.flush()
    return fitted


@contextmanager
def _ctrl_c_as_usual() -> Iterator[None]:
    """Let Ctrl-C raise `KeyboardInterrupt`: Ray Train exits with 0 instead, in its own handler."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit:
        raise KeyboardInterrupt from None
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, before)


def _cause(error: TrainingFailedError) -> str:
    failures = getattr(error, "worker_failures", {})
    return first_line(next(iter(failures.values()), error))
