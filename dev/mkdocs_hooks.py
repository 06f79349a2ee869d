"""What the documentation site takes from the code when it is built (hooks of mkdocs).

- `command-reference.md`: what `--help` of every command prints.
- `plots/`: the drawings that `results/README.md` shows; `plots/papers/`: those of the papers'
  report.
- `<!-- include: PATH -->` in a page: that Markdown file of the repository, without its title. Links
  to files outside the site are reduced to their text, and formulas become MathML, which browsers
  draw by themselves.
- `playground/`: the page of `build/playground`, if that folder is there; `<!-- playground -->` in a
  page shows it. Without it, nothing is shown.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import typer
from latex2mathml.converter import convert
from mkdocs.structure.files import File, Files

from wave_network.cli.app import build_app

ROOT = Path(__file__).resolve().parent.parent
PLAYGROUND = ROOT / "build" / "playground"
_INCLUDE = re.compile(r"^<!-- include: (\S+) -->$", re.MULTILINE)
_FRAME = """\
## Type something

This is the sample's model, in your browser. What you type stays on this page.

<iframe class="playground" src="playground/index.html#text=Oil+prices+jump+as+OPEC+cuts+output"
  title="The sample's model" loading="lazy"></iframe>
"""


def on_files(files: Files, config: Any) -> Files:  # noqa: ANN401
    """Add the generated page, and the drawings of an included one."""
    files.append(File.generated(config, "command-reference.md", content=command_reference()))
    for folder, target in (("plots", "plots"), ("papers/plots", "plots/papers")):
        for plot in sorted((ROOT / "results" / folder).glob("*.svg")):
            files.append(File.generated(config, f"{target}/{plot.name}", abs_src_path=str(plot)))
    for path in filter(Path.is_file, sorted(PLAYGROUND.rglob("*"))):
        target = f"playground/{path.relative_to(PLAYGROUND).as_posix()}"
        files.append(File.generated(config, target, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Put in what the page includes."""
    shown = _FRAME if (PLAYGROUND / "index.html").is_file() else ""
    markdown = markdown.replace("<!-- playground -->", shown)
    return _INCLUDE.sub(lambda match: included(ROOT / match[1]), markdown)


def on_post_page(output: str, **_: object) -> str:
    """Name the search for screen readers, which the theme does not."""
    return output.replace(' role="dialog">', ' role="dialog" aria-label="Search">')


def command_reference() -> str:
    """A page with the help of every command."""
    group: Any = typer.main.get_command(build_app())
    parent = typer.Context(group, info_name="wave-network", **group.context_settings)
    parts = ["# Command reference\n\nWhat `wave-network COMMAND --help` prints.\n"]
    for name, command in group.commands.items():
        text = command.get_help(typer.Context(command, info_name=name, parent=parent))
        parts.append(f"## {name}\n\n```text\n{text.rstrip()}\n```\n")
    return "\n".join(parts)


def included(path: Path) -> str:
    """A file's Markdown as a part of a page."""
    _, _, text = path.read_text(encoding="utf-8").partition("\n")  # the page has its own title
    text = re.sub(r"(?<!!)\[([^]]+)\]\((?!https?:|#)[^)]+\)", r"\1", text)
    prose_and_code = re.split(r"(^```.*?^```$|`[^`\n]+`)", text, flags=re.MULTILINE | re.DOTALL)
    prose_and_code[::2] = [_formulas(part) for part in prose_and_code[::2]]
    return "".join(prose_and_code)


def _formulas(text: str) -> str:
    text = re.sub(r"\$\$(.+?)\$\$", lambda found: _mathml(found[1], "block"), text, flags=re.DOTALL)
    return re.sub(r"\$([^$]+)\$", lambda found: _mathml(found[1], "inline"), text)


def _mathml(formula: str, display: str) -> str:
    """A formula in MathML, safe from what Markdown would read into its text."""
    drawn = convert(formula, display=display)
    return re.sub(r"[*_|]", lambda found: f"&#{ord(found[0])};", drawn)
