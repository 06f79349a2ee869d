"""Reading the code blocks of Markdown pages, and what a page may presume.

Above a block, or at a page's beginning, comments that no reader sees say what a test must know:

    <!-- set up: tickets.csv, wave-model, texts -->   the page presumes these (`Runner.set_up`)
    <!-- not run: needs the network -->               why the block below is not executed, or
                                                      is no output to compare
    <!-- file: settings.json -->                      the block below is this file's content
    <!-- within: 0.02 -->                             how far the numbers of the output below may
                                                      be from those that are printed
    <!-- stderr within: 0.02 -->                      the same of an output on standard error

A block of text or JSON is what the block before it prints (`outputs.differs`).
"""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]

SHELL = {"", "bash", "sh", "console"}
PYTHON = {"python"}
OUTPUT = {"json", "text"}
# `test_exporting.py` and `test_browser_page.py` run it.
JAVASCRIPT = {"js"}

_FENCE = re.compile(
    r"(?:^[ ]*<!-- (?P<kind>not run|file|(stderr )?within): (?P<said>.+?) -->\n)?"
    r"^(?P<indent>[ ]*)```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """A fenced block: its language, what is in it, the line of its page, and its comment.

    `reason` says why it is not run, `file` which file it is, `within` how far numbers may be off,
    and `on_stderr` whether it is an output on standard error.
    """

    language: str
    code: str
    line: int
    reason: str | None = None
    page: str = "page"
    file: str | None = None
    within: float = 0.0
    on_stderr: bool = False

    @property
    def is_synopsis(self) -> bool:
        """Whether it only shows which [OPTIONAL PARTS] a command takes."""
        return self.language in SHELL and re.search(r"\[(-|[A-Z])", self.code) is not None


def blocks_of(page):
    """The page's blocks, in order."""
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        indent = len(match["indent"])
        code = "".join(line[indent:] or "\n" for line in match["code"].splitlines(keepends=True))
        line = text.count("\n", 0, match.start("indent")) + 1
        said = {match["kind"]: match["said"]}
        yield Block(
            match["language"],
            code,
            line,
            reason=said.get("not run"),
            page=page.name,
            file=said.get("file"),
            within=float(said.get("stderr within", said.get("within", 0))),
            on_stderr="stderr within" in said,
        )


def presumed_by(page):
    """The names in the page's `set up` comment."""
    found = re.search(r"^<!-- set up: (.+?) -->$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1].split(", ") if found else []


def commands_of(code):
    """The commands of a shell block: without prompts and comments, continued lines joined."""
    for line in re.sub(r"\\\n", " ", code).splitlines():
        line = line.strip().removeprefix("$ ")
        if line and not line.startswith("#"):
            yield line
