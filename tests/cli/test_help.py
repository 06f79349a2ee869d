import re
import sys

import pytest
import typer
from native import native_hidden

from wave_network import __version__, _native
from wave_network.cli.app import build_app

COMMANDS = sorted(typer.main.get_command(build_app()).commands)


def described_options(text):
    """Each option that a help page lists, with its explanation."""
    options = text.partition("\nOptions:\n")[2].partition("\nCommands:\n")[0]
    entries = re.split(r"\n  (?=-)", "\n" + options)[1:]
    described = {}
    for entry in entries:
        names, _, explanation = " ".join(entry.split("\n")).strip().partition("  ")
        described[names] = " ".join(explanation.split())
    return described


def test_the_root_help_has_examples_and_names_every_command(invoke):
    ended = invoke("--help")
    assert (ended.code, ended.err) == (0, "")
    assert "Examples:\n    wave-network train " in ended.out
    summaries = dict(re.findall(r"^  (\w+) +(\S.*)$", ended.out.partition("Commands:")[2], re.M))
    assert sorted(summaries) == COMMANDS
    # A summary that ends in "..." has been cut.
    assert all(re.search(r"[^.]\.$", summary) for summary in summaries.values())


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_has_examples_and_explains_every_option(invoke, command, flag):
    ended = invoke(command, flag)
    assert (ended.code, ended.err) == (0, "")
    assert f"Examples:\n    wave-network {command}" in ended.out
    assert "...}" not in ended.out  # dots are added to what may be repeated
    options = described_options(ended.out)
    assert "-h, --help" in options
    for option, explanation in options.items():
        assert re.match(r"[A-Z][^.]* \w", explanation), option
        assert "<" not in option, "the kind of value is named by what it is, not by its type"
        assert explanation.lower().count("default:") <= 1, option


def test_the_examples_in_the_help_are_commands_and_options_that_exist(invoke):
    commands = typer.main.get_command(build_app()).commands
    examples = []
    for command in COMMANDS:
        examples += re.findall(r"^    .*?wave-network (.+)$", invoke(command, "--help").out, re.M)
    assert len(examples) >= 2 * len(COMMANDS)
    for example in examples:
        name, *words = example.split()
        known = {name for parameter in commands[name].params for name in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known


def test_the_help_fits_a_terminal_of_80_columns_but_for_the_examples(invoke):
    for command in COMMANDS:
        text = invoke(command, "--help").out
        lines = [line for line in text.splitlines() if "wave-network" not in line]
        assert max(map(len, lines)) <= 80


def test_the_version_and_whether_compiled_code_is_in_use(invoke):
    in_use = "in use" if _native.compiled is not None else _native.HOW_TO_COMPILE
    said = f"wave-network {__version__}\ncompiled code: {in_use}\n"
    assert invoke("--version") == (0, said, "")
    with native_hidden():
        _, told = invoke("--version").out.splitlines()
    assert told.startswith("compiled code: not in use; for it, install a C compiler, then pip")


def test_without_a_command_the_help_goes_to_stderr(invoke):
    ended = invoke()
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == invoke("--help").out


def test_python_dash_m_runs_the_same_command(wave):
    ended = wave("--version", program=(sys.executable, "-m", "wave_network"))
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"wave-network {__version__}\n")


def test_the_help_loads_none_of_the_heavy_packages(wave):
    code = """
import sys
from wave_network.cli.app import build_app

build_app(["train"])(["train", "--help"], standalone_mode=False)
print(sorted({"torch", "numpy", "datasets", "tokenizers"} & {*sys.modules}))
"""
    assert wave(program=(sys.executable, "-c", code)).out.endswith("\n[]\n")
