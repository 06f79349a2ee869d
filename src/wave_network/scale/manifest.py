"""The record in a job's folder of what made its parts, so that a job goes on where it stopped.

The file `_wave-network-parts` has JSON objects, one a line: first the model and the options, then
the name of each part that the job will write, and, once a part is whole, what it was made from.
Lines are only ever added; a last line that a crash cut short does not count. Tools that read whole
folders leave out names with a leading underscore.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from wave_network._version import __version__
from wave_network.errors import OutputError, listed, option_name
from wave_network.persistence.atomic import replacing_file
from wave_network.scale.parts import FileIdentity, Part

MANIFEST: Final = "_wave-network-parts"
_FORMAT: Final = 1
_LARGEST: Final = 2**28  # bytes; a million parts take as much


@dataclass(frozen=True)
class Finished:
    """A part that is whole.

    Attributes:
        identity: What it was made from.
        rows: How many rows it has, one for each row of the input.
        bytes: Its size.
    """

    identity: FileIdentity
    rows: int
    bytes: int


@dataclass
class Manifest:
    """The record of a job.

    Attributes:
        folder: The folder of the parts.
        made_by: The model's digest and the options that decide the answers, as JSON values.
        planned: The names of all parts that the job writes.
        finished: Those that are whole.
    """

    folder: Path
    made_by: Mapping[str, Any]
    planned: set[str] = field(default_factory=set)
    finished: dict[str, Finished] = field(default_factory=dict)
    _end: int = 0  # bytes of whole lines

    @classmethod
    def read(cls, folder: Path) -> Manifest | None:
        """Read the record of an earlier run; None if there is none.

        Raises:
            OutputError: If it cannot be read, or is of a newer version.
        """
        path = folder / MANIFEST
        try:
            if path.stat().st_size > _LARGEST:
                raise _damaged(path)
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise OutputError(f"{path} cannot be read: {error.strerror}") from error
        try:
            first, *lines = map(json.loads, content.split(b"\n")[:-1])
            if first["format"] > _FORMAT:
                raise OutputError(
                    f"{path} is from a newer version: pip install --upgrade wave-network"
                )
            manifest = cls(folder, first["made_by"], _end=content.rfind(b"\n") + 1)
            for line in lines:
                manifest._add(line)
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise _damaged(path) from error
        return manifest

    def _add(self, line: Mapping[str, Any]) -> None:
        name = str(line["part"])
        if os.path.basename(name) != name:
            raise ValueError(name)
        self.planned.add(name)
        if "input" in line:
            identity = FileIdentity(**line["input"])
            self.finished[name] = Finished(identity, int(line["rows"]), int(line["bytes"]))

    def start(self) -> None:
        """Write the record of a new job.

        Raises:
            OutputError: If the folder cannot be written.
        """
        first = {"format": _FORMAT, "version": __version__, "made_by": self.made_by}
        with replacing_file(self.folder / MANIFEST, overwrite=True) as file:
            self._end = file.write(_line(first))

    def plan(self, parts: Iterable[Part]) -> None:
        """Note that the job will write these parts, before any of them is there.

        Raises:
            OutputError: If the disk is full.
        """
        new = [part.output for part in parts if part.output not in self.planned]
        self._append(*({"part": name} for name in new))
        self.planned.update(new)

    def finish(self, part: Part, finished: Finished) -> None:
        """Note that a part is whole.

        Raises:
            OutputError: If the disk is full.
        """
        facts = {"rows": finished.rows, "bytes": finished.bytes}
        self._append({"part": part.output, "input": asdict(finished.identity), **facts})
        self.finished[part.output] = finished

    def _append(self, *lines: Mapping[str, Any]) -> None:
        path, content = self.folder / MANIFEST, "".join(map(_line, lines)).encode()
        try:
            with path.open("r+b") as file:
                file.truncate(self._end)  # a line that was cut short must not be continued
                file.seek(self._end)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror}") from error
        self._end += len(content)

    def is_whole(self, part: Part) -> bool:
        """Whether a part is there and was made from the input as it is now.

        Raises:
            OutputError: If somebody has changed it since.
        """
        finished = self.finished.get(part.output)
        if finished is None or finished.identity != part.identity:
            return False
        path = self.folder / part.output
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            return False
        if size != finished.bytes:
            raise OutputError(
                f"{path} is not as it was written: remove it to have it written again"
            )
        return True

    def check_same(self, made_by: Mapping[str, Any]) -> None:
        """Check that a job would write the same answers as the earlier runs.

        Raises:
            OutputError: If the model or an option differs.
        """
        names = sorted({*made_by, *self.made_by})
        differ = [name for name in names if made_by.get(name) != self.made_by.get(name)]
        if differ:
            raise OutputError(
                f"{self.folder} has parts that were made with another"
                f" {' and another '.join(map(option_name, differ[:3]))}: {_advice()}"
            )

    def check_free(self, parts: Iterable[Part]) -> None:
        """Check that no file of somebody else is where a part will be.

        Raises:
            OutputError: If there is one.
        """
        taken = [
            part.output
            for part in parts
            if part.output not in self.planned and os.path.lexists(self.folder / part.output)
        ]
        if taken:
            raise OutputError(
                f"{self.folder} has files that are not of this job ({listed(taken)}): {_advice()}"
            )

    def remove_parts(self) -> None:
        """Remove all parts that the job has written, so that none stays beside those of another.

        Raises:
            OutputError: If one cannot be removed.
        """
        for name in self.planned:
            try:
                (self.folder / name).unlink(missing_ok=True)
            except OSError as error:
                raise OutputError(
                    f"cannot remove {self.folder / name}: {error.strerror}"
                ) from error


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value) + "\n"


def _advice() -> str:
    output, overwrite = option_name("output"), option_name("overwrite")
    return f"choose another {output}, or replace all parts with {overwrite}"


def _damaged(path: Path) -> OutputError:
    return OutputError(
        f"{path} is damaged: choose another {option_name('output')}, or remove the folder"
    )
