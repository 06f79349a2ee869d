"""Where the command is, and labelled texts to train on and to write to files."""

import sys
from pathlib import Path

SCRIPT = Path(sys.executable).with_name("wave-network")

ANIMALS = ("cat", "dog", "horse", "sparrow", "otter", "heron")
COLOURS = ("red", "blue", "green", "amber", "violet", "teal")


def labelled_rows(count=60):
    """Texts about animals and about colours, in turn: easy to tell apart."""
    for number in range(count):
        label, words = (("animal", ANIMALS), ("colour", COLOURS))[number % 2]
        first, second = words[number % 6], words[number // 6 % 6]
        yield f"{first} and {second}, seen {number} times", label


def write_csv(path, rows, header="text,label"):
    lines = [header, *(f'"{text}",{label}' for text, label in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    return path
