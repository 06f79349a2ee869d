"""`train --checkpoint-every` and `--resume`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wave_network.cli.console import note
from wave_network.errors import ConfigError, option_name

if TYPE_CHECKING:
    from wave_network.training.checkpoint import Checkpoints

_RESUMED_WITH: Final = ("resume", "threads", "as_json")


@contextmanager
def unfinished(
    given: Mapping[str, Any], output: Path, *, resumes: bool
) -> Iterator[Iterator[Checkpoints] | None]:
    """Keep the state of the training as long as it is unfinished, if that is asked for.

    Args:
        given: The options of the command, by name.
        output: The model folder to write.
        resumes: Whether an earlier training goes on.

    Yields:
        The places of checkpoints, as in `Run`; None if none are to be kept.
    """
    text = given["checkpoint_every"]
    if text is None:
        yield None
        return
    from wave_network.training.checkpoint import Epochs
    from wave_network.training.unfinished import Unfinished
    from wave_network.tuning.limits import parse_duration

    every = Epochs(int(text)) if text.isdecimal() and int(text) else parse_duration(text)
    training = Unfinished(output, every)
    training.begin(given, resumes=resumes)
    try:
        yield training.checkpoints()
    except KeyboardInterrupt:
        note(f"go on with: wave-network train --resume {output}")
        raise
    training.end()


def resumed(given: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of the training to resume; only some can be given again.

    Args:
        given: The options of the command, by name.
        usual: Their defaults.

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
    options = {**given, **read_options(given["resume"])}
    for name in ("output", "config"):
        options[name] = None if options[name] is None else Path(options[name])
    again = {name: given[name] for name in _RESUMED_WITH if given[name] != usual[name]}
    return {**options, **again}
