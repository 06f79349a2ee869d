"""The folder of an unfinished training, beside its output: how it was asked for, and how far it is.

`OUTPUT.unfinished` has `command.json`, which resuming reads, and a folder of checkpoints for each
of the run's trainings. It is removed once the model is written.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any, Final

from wave_network._version import __version__
from wave_network.errors import ConfigError, OutputError, option_name
from wave_network.persistence.atomic import replacing_file
from wave_network.training.checkpoint import Checkpoints, Epochs

_COMMAND: Final = "command.json"
_WRITING: Final = "writing"
_TRAINING: Final = "training-"


def unfinished_folder(output: Path) -> Path:
    """Return the folder of an output's unfinished training."""
    target = output.resolve()
    return target.with_name(f"{target.name}.unfinished")


class Unfinished:
    """An unfinished training.

    Args:
        output: The model folder that it is to write.
        every: As in `Checkpoints`.
    """

    def __init__(self, output: Path, every: float | Epochs) -> None:
        self.folder = unfinished_folder(output)
        self._every = every

    def begin(self, options: Mapping[str, Any], *, resumes: bool) -> None:
        """Store how the training was asked for.

        Args:
            options: The options of `wave-network train`; with `overwrite` an unfinished training
                that is there is given up.
            resumes: Whether it goes on from what is there.

        Raises:
            OutputError: If there is an unfinished training or anything else, or the folder cannot
                be written.
        """
        if resumes:
            return
        if self.folder.exists():
            if not _is_ours(self.folder):
                raise OutputError(
                    f"{self.folder} holds other files than those of an unfinished training: move "
                    f"it away, or choose another {option_name('output')}"
                )
            if (self.folder / _COMMAND).exists() and not options["overwrite"]:
                raise OutputError(
                    f"{self.folder} has an unfinished training: go on with it by "
                    f"{option_name('resume')}, or give it up with {option_name('overwrite')}"
                )
        try:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
        except OSError as error:
            raise OutputError(f"cannot write {self.folder}: {error.strerror}") from error
        asked = {"version": __version__, "working_folder": os.getcwd(), "options": dict(options)}
        with replacing_file(self.folder / _COMMAND, overwrite=True) as file:
            json.dump(asked, file, default=str, ensure_ascii=False)

    def checkpoints(self) -> Iterator[Checkpoints]:
        """Yield the place of the checkpoints of each training, in their order."""
        for number in count(1):
            yield Checkpoints(self.folder / f"{_TRAINING}{number}", self._every)

    def write_marker(self) -> None:
        """Note that the model is about to be written: what is in its place from now on is it."""
        (self.folder / _WRITING).touch()

    @property
    def was_writing(self) -> bool:
        """Whether an earlier run was about to write the model, and may have done so."""
        return (self.folder / _WRITING).exists()

    def end(self) -> None:
        """Remove the folder, as the model is written; one with a user's files in it is left."""
        if _is_ours(self.folder):
            (self.folder / _COMMAND).unlink(missing_ok=True)
            _remove(self.folder)


def _is_ours(folder: Path) -> bool:
    """Whether the folder holds nothing but what trainings store."""
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else [""]
    return all(
        name in (_COMMAND, _WRITING) or name.removeprefix(".").startswith(_TRAINING)
        for name in names
    )


def _remove(folder: Path) -> None:
    if _is_ours(folder):
        shutil.rmtree(folder, ignore_errors=True)


def read_options(output: Path) -> dict[str, Any]:
    """Return the options with which an unfinished training was begun.

    Raises:
        ConfigError: If there is none, it was begun by another version, or in another working
            folder, where paths would lead elsewhere.
    """
    folder, again = unfinished_folder(output), f"start again without {option_name('resume')}"
    try:
        asked = json.loads((folder / _COMMAND).read_text(encoding="utf-8"))
        version, place, options = asked["version"], asked["working_folder"], asked["options"]
    except FileNotFoundError:
        _remove(folder)  # what a run left that was killed while it removed its own
        if output.exists():
            raise ConfigError(
                f"{output} is complete: it has no unfinished training to resume"
            ) from None
        raise ConfigError(
            f"there is no unfinished training of {output}: give the {option_name('output')} of a "
            f"training with {option_name('checkpoint_every')} that was interrupted"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{folder / _COMMAND} is damaged ({error}): {again}") from None
    if version != __version__:
        raise ConfigError(
            f"the training of {output} was begun by version {version}, and this is {__version__}: "
            f"{again}"
        )
    if place != os.getcwd():
        raise ConfigError(f"the training of {output} was begun in {place}: resume it there")
    return dict(options)
