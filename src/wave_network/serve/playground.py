"""The page at `/`: the playground of `export --format web`, with a model that is served."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock

from wave_network.errors import ConfigError
from wave_network.export.web import web_files, web_model_files
from wave_network.persistence.format import CHECKED, CONFIG
from wave_network.serve.models import ServedModel


def page_names() -> list[str]:
    """Return the names of all files that a playground can have."""
    return [*web_files(), CONFIG, *CHECKED]


class Playground:
    """The files of the page, of the JavaScript engine and of a model.

    Args:
        model: The model. The page gets it as it is on disk, whole.
    """

    def __init__(self, model: ServedModel) -> None:
        self._model = model
        self._page = web_files()
        self._lock = Lock()
        self._version: str | None = None
        self._files: Mapping[str, bytes] | None = None

    def file(self, name: str) -> bytes | None:
        """Return a file; None if there is none of that name, or the engine cannot run the model.

        Raises:
            ModelFolderError: If the model cannot be read.
        """
        files = self._model_files()
        if files is None:
            return None
        return self._page.get(name) or files.get(name)

    def _model_files(self) -> Mapping[str, bytes] | None:
        with self._lock:
            version = self._model.loaded.version
            if version != self._version:
                try:
                    self._files = web_model_files(self._model.folder)
                except ConfigError:
                    self._files = None
                self._version = version
            return self._files
