"""The command line: one file per command, without logic of its own.

Exit codes: 0 success, 1 a bug in this package, 2 unusable input (one line on stderr says what is
wrong, where, and what to do), 130 interrupted by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP.
"""

from __future__ import annotations

import io
import sys
import traceback

from wave_network.cli.exit import (
    fail,
    interrupted_code,
    lasting,
    output_heeded,
    reported,
    requests_heeded,
)
from wave_network.errors import printable


def main() -> None:
    """Run the command line and exit."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Whatever the locale: it is read by programs. A file's name may hold what UTF-8 cannot.
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    sys.stderr = lasting(sys.stderr)
    try:
        with requests_heeded(), output_heeded():
            code = _run(sys.argv[1:])
    except KeyboardInterrupt:
        fail("interrupted", interrupted_code())
    except Exception as error:
        if _is_out_of_memory(error):
            fail("there is not enough memory for this: take smaller data, or a smaller model", 2)
        sys.stderr.write(printable(traceback.format_exc(), lines=True))
        fail("this is a bug in wave-network: please report it with the lines above", 1)
    sys.exit(code)


def _is_out_of_memory(error: Exception) -> bool:
    """Whether memory did not suffice; torch has no class of its own for that on the CPU."""
    said = str(error)
    of_torch = "can't allocate memory" in said or "out of memory" in said
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and of_torch)


def _run(arguments: list[str]) -> int:
    command, *rest = arguments or [""]
    if command == "predict" and len(rest) > 1 and not any(word.startswith("-") for word in rest):
        # Without options there is nothing to parse: skip Typer, which takes longer to import than
        # the prediction takes in all.
        from wave_network.cli.prediction_lines import answer

        reported(answer)(rest[0], rest[1:])
        return 0
    from wave_network.cli.app import run

    return run(arguments)
