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


def rows_of_label_lists(count=60):
    """Texts about animals, about colours, about both and about neither, in turn."""
    rows = list(labelled_rows(count))
    for number in range(0, count, 4):
        (animal, _), (colour, _) = rows[number : number + 2]
        rows[number + 2] = (f"{animal}; {colour}", "animal|colour")
        rows[number + 3] = (f"nothing to see, {number} times", "")
    return rows


def write_csv(path, rows, header="text,label"):
    lines = [header, *(f'"{text}",{label}' for text, label in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    return path
