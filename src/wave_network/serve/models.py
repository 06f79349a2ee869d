"""The models that are served: each replaced, whole, when its folder is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from wave_network.errors import ConfigError, ModelFolderError, first_line
from wave_network.persistence.contents import read_file
from wave_network.persistence.folder import read_model, resolve_source
from wave_network.persistence.format import CHECKED, CONFIG
from wave_network.runtime.engine import Engine

_TRIED: Final = "Is this model any good?"
_VERSION_DIGITS: Final = 12

State: TypeAlias = tuple[tuple[int, int, int] | None, ...]
"""What a folder holds: the number, size and time of each file that decides the answers."""


@dataclass(frozen=True)
class Loaded:
    """A model in memory. A request is answered by one of them from its start to its end.

    Attributes:
        engine: The model, for one thread.
        version: The start of the SHA-256 of its `config.json`, which has the checksums of the
            files that decide the answers; or of a model file of fastText.
        preset: The preset it was trained with.
    """

    engine: Engine
    version: str
    preset: str


class ServedModel:
    """A model folder, and what was last read of it.

    Args:
        source: A model folder, or `hub:OWNER/NAME[@REVISION]`; or a model file of fastText.

    Raises:
        ModelFolderError: If it cannot be loaded.
    """

    def __init__(self, source: str) -> None:
        self.name = _name_of(source)
        self.folder = resolve_source(source)
        self.failure: str | None = None
        self._state = self._seen = _state_of(self.folder)
        self.loaded = _load(self.folder)

    def refresh(self) -> bool:
        """Load the folder again if it has changed, and has not since the last call.

        A folder that cannot be loaded changes nothing but `failure`.

        Returns:
            Whether there is something new: another model, or a failure.
        """
        state = _state_of(self.folder)
        if state == self._state:
            return False
        if state != self._seen:  # perhaps it is still being copied
            self._seen = state
            return False
        loaded = self.loaded
        failure: str | None = None
        try:
            loaded = _load(self.folder)
        except Exception as error:
            failure = first_line(error)
        if _state_of(self.folder) != state:  # it is neither the old one nor the new one
            return False
        self._state, self.loaded, self.failure = state, loaded, failure
        return True

    def describe(self) -> dict[str, Any]:
        """Return what `/v1/models` says of the model."""
        config = self.loaded.engine.config
        return {
            "name": self.name,
            "version": self.loaded.version,
            "preset": self.loaded.preset,
            "multi_label": config.is_multi_label,
            "labels": list(config.labels),
        }


def serve_models(sources: Iterable[str]) -> Mapping[str, ServedModel]:
    """Load models, and return them by their names, in their order.

    Raises:
        ConfigError: If two have the same name.
        ModelFolderError: If one cannot be loaded.
    """
    models: dict[str, ServedModel] = {}
    for source in sources:
        name = _name_of(source)
        if name in models:
            raise ConfigError(
                f"two models are named {name!r}: the last part of a folder's path is its name, so "
                "give folders whose names differ"
            )
        models[name] = ServedModel(source)
    return models


def _name_of(source: str) -> str:
    """Return the last part of a path, or the name in `hub:OWNER/NAME@REVISION`."""
    if source.startswith("hub:"):
        return source.rpartition("/")[2].partition("@")[0]
    return Path(os.path.abspath(source)).name


def _load(folder: Path) -> Loaded:
    """Load a model, and see that it answers."""
    deciding = folder if folder.is_file() else folder / CONFIG
    version = hashlib.sha256(read_file(deciding)).hexdigest()[:_VERSION_DIGITS]
    files = read_model(folder)
    engine = Engine(files, threads=1)
    (prediction,) = engine.predict([_TRIED])
    if not 0 <= prediction.score <= 1:
        raise ModelFolderError(f"{folder} answers with the probability {prediction.score}")
    return Loaded(engine, version, files.preset)


def _state_of(folder: Path) -> State:
    if folder.is_file():
        return (_file_state(folder),)
    return tuple(_file_state(folder / name) for name in (CONFIG, *CHECKED))


def _file_state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
