"""Which folders `--overwrite` may replace: those that hold what we write, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wave_network.errors import OutputError, listed
from wave_network.persistence.atomic import check_new
from wave_network.persistence.paths import expanded

_OF_THE_DESKTOP: Final = frozenset((".DS_Store", "Thumbs.db", "desktop.ini"))
"""Files that file managers create in every folder that is opened."""


@dataclass(frozen=True)
class FolderKind:
    """A kind of folder that this package writes.

    Attributes:
        name: With its article, for messages.
        files: The names of all files that any version writes into one.
        recognises: Whether a folder is one of this kind.
    """

    name: str
    files: frozenset[str]
    recognises: Callable[[Path], bool]

    def check_output(self, folder: Path, *, overwrite: bool) -> None:
        """Check before the work whether such a folder can be written here.

        Raises:
            OutputError: If the folder exists and must not be replaced, or cannot be made.
        """
        check_new(folder, overwrite=overwrite)
        place = expanded(folder)
        if os.path.ismount(place.resolve()):
            raise OutputError(
                f"{folder} is a mount point, which cannot be replaced: choose a folder in it, "
                f"such as {folder / 'model'}"
            )
        if place.exists():
            self.check_replaceable(place)

    def check_replaceable(self, folder: Path) -> None:
        """Refuse to replace a folder with files that this package does not write.

        Raises:
            OutputError: If it is not empty and of another kind, or holds other files as well.
        """
        try:
            entries = list(os.scandir(folder))
        except NotADirectoryError:
            entries = None
        if entries is None or (entries and not self.recognises(folder)):
            raise OutputError(
                f"{folder} is not {self.name}, so it is not replaced: choose another place"
            )
        known = self.files | _OF_THE_DESKTOP
        others = [
            entry.name
            for entry in entries
            if entry.name not in known or entry.is_dir(follow_symlinks=False)
        ]
        if others:
            raise OutputError(
                f"{folder} holds what is not of {self.name} ({listed(sorted(others))}), so it is "
                "not replaced: move that elsewhere, or choose another folder"
            )
