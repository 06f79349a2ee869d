"""`--checkpoint-every` and `--resume` of `train` and `pretrain`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wave_network.cli.console import note
from wave_network.errors import ConfigError, option_name

if TYPE_CHECKING:
    from wave_network.training.unfinished import Unfinished

_RESUMED_WITH: Final = ("resume", "threads", "as_json")


@contextmanager
def unfinished(
    training: Unfinished | None, given: Mapping[str, Any], output: Path, *, resumes: bool
) -> Iterator[None]:
    """Keep the state of a training as long as it is unfinished.

    Args:
        training: The result of `state_of`.
        given: The options of the command, by name.
        output: The model folder to write.
        resumes: Whether an earlier training goes on.
    """
    if training is None:
        yield
        return
    training.begin(given, resumes=resumes)
    try:
        yield
    except KeyboardInterrupt:
        note(f"go on with: wave-network {training.command} --resume {output}")
        raise
    training.end()


def state_of(
    output: Path, checkpoint_every: str | None, command: str = "train"
) -> Unfinished | None:
    """Return where the state of a training is kept; None if that is not asked for.

    Args:
        output: The model folder to write.
        checkpoint_every: The option.
        command: The command that trains.

    Raises:
        ConfigError: If the option is neither a duration nor a number of epochs.
    """
    if checkpoint_every is None:
        return None
    from wave_network.training.checkpoint import Epochs
    from wave_network.training.unfinished import Unfinished
    from wave_network.tuning.limits import parse_duration

    epochs = int(checkpoint_every) if checkpoint_every.isdecimal() else 0
    every = Epochs(epochs) if epochs else parse_duration(checkpoint_every)
    return Unfinished(output, every, command)


def resumed(
    given: Mapping[str, Any], usual: Mapping[str, Any], command: str = "train"
) -> dict[str, Any]:
    """Return the options of the training to resume; only some can be given again.

    Args:
        given: The options of the command, by name.
        usual: Their defaults.
        command: The command.

    Raises:
        ConfigError: If others are given, or there is no such training.
    """
    from wave_network.training.unfinished import read_options

    for name, value in given.items():
        if value != usual[name] and name not in _RESUMED_WITH:
            raise ConfigError(
                f"{option_name(name)} does not go with --resume: the training has the options that "
                "it was begun with"
            )
    options = {**given, **read_options(given["resume"], command)}
    for name in ("output", "config"):
        options[name] = None if options.get(name) is None else Path(options[name])
    again = {name: given[name] for name in _RESUMED_WITH if given.get(name) != usual.get(name)}
    return {**options, **again}
