"""The conditions of a measurement, and separate processes to measure in."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from wave_network._version import __version__

HERE: Final = Path(__file__).resolve().parent
MEGABYTE: Final = 1_000_000

# The code that decides a measurement: a commit that changes none of it measures the same.
_MEASURED_CODE: Final = (
    "src",
    "pyproject.toml",
    "constraints.txt",
    *(f"benchmarks/{name}.py" for name in ("conditions", "models", "measure", "growth")),
)
_THREAD_VARIABLES: Final = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "RAYON_NUM_THREADS",
)


@dataclass(frozen=True)
class Conditions:
    """The first columns of every row.

    Attributes:
        date: In UTC.
        commit: The last one that changed the measured code; `-dirty` if it has changed since.
        machine: The processor's name.
        load: Runnable processes in the minute before; well below 1 on an idle machine.
    """

    date: str
    commit: str
    machine: str
    cores: int
    memory_gb: float
    load: float
    wave_network: str
    python: str
    torch: str
    scikit_learn: str
    fasttext: str
    model2vec: str


def look_around(code: Sequence[str] = _MEASURED_CODE) -> Conditions:
    """The conditions of the run that follows.

    Args:
        code: Paths of the measured code.
    """
    return Conditions(
        date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        commit=commit(code),
        machine=machine(),
        cores=os.cpu_count() or 0,
        memory_gb=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        load=round(os.getloadavg()[0], 2),
        wave_network=__version__,
        python=platform.python_version(),
        torch=_version("torch"),
        scikit_learn=_version("scikit-learn"),
        fasttext=_version("fasttext-wheel"),
        model2vec=_version("model2vec"),
    )


def commit(code: Sequence[str] = _MEASURED_CODE) -> str:
    """The last commit that changed the measured code; `-dirty` if it has changed since."""
    paths = ("--", *code)
    try:
        last = _git("log", "-1", "--format=%h", "--abbrev=7", *paths)
        changed = _git("status", "--porcelain", *paths)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{last or 'unknown'}{'-dirty' if changed else ''}"


def machine() -> str:
    """The processor's name, as far as the system gives it."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def in_new_process(script: Path, task: Mapping[str, Any], *, threads: int) -> dict[str, Any] | None:
    """Run `script --worker TASK`, whose last line on stdout is the answer, as JSON.

    Args:
        script: A Python file.
        task: Passed to it as JSON.
        threads: How many it may use.

    Returns:
        The answer; None if the process failed; the reason is on stderr.
    """
    command, environment = _worker(script, task, threads)
    done = subprocess.run(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=partial(_keep_to, threads),
    )
    if done.returncode != 0:
        return None
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def answers_of_new_process(
    script: Path, task: Mapping[str, Any], *, threads: int
) -> Iterator[dict[str, Any]]:
    """As `in_new_process`, but each line that is a JSON object is an answer, when it is written.

    There are fewer answers than expected if the process failed; the reason is on stderr.
    """
    command, environment = _worker(script, task, threads)
    with subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=partial(_keep_to, threads),
    ) as process:
        for line in process.stdout or ():
            if line.startswith("{"):  # fastText and others print, too
                yield json.loads(line)


def _worker(
    script: Path, task: Mapping[str, Any], threads: int
) -> tuple[list[str], dict[str, str]]:
    """The command and the environment of a worker."""
    # A new process's peak memory is its own, and one library's threads do not wait for another's.
    environment = os.environ | dict.fromkeys(_THREAD_VARIABLES, str(threads))
    environment["TQDM_DISABLE"] = "1"
    return [sys.executable, str(script), "--worker", json.dumps(task)], environment


def _keep_to(cores: int) -> None:
    """Keep this process to so many cores, where the system can (Linux): ours count them."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


def peak_mb() -> float:
    """The peak memory of this process, since its start or since `forget_peak`."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / MEGABYTE
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / MEGABYTE * (1 if sys.platform == "darwin" else 1024)


def forget_peak() -> None:
    """Reset the peak to the memory in use now, where the system can (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(HERE.parent), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""
