"""Write the tables by which the JavaScript engine reads Unicode as the `tokenizers` library does.

    python dev/unicode_tables.py > src/wave_network/export/static/engine/unicode-tables.js

The library's normalisation and its classes of characters are of older Unicode versions than its
lower-casing, and those of JavaScript differ from engine to engine. Each table is what the installed
library says of every code point; Node says where its normalisation differs. Needs Node with the
newest Unicode; Python's own data says which letters are new.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable

from tokenizers import normalizers, pre_tokenizers

POINTS = [point for point in range(0x110000) if not 0xD800 <= point < 0xE000]
BASE = "0123456789abcdefghijklmnopqrstuvwxyz"
NODE = """
const different = { NFKC: {}, NFD: {} };
const ordered = [];
for (let point = 0; point < 0x110000; point++) {
  if (point >= 0xd800 && point < 0xe000) continue;
  const text = String.fromCodePoint(point);
  for (const form of ["NFKC", "NFD"]) {
    const normal = text.normalize(form);
    if (normal !== text) different[form][point] = normal;
  }
  if (("\\u0345" + text).normalize("NFD")[0] !== "\\u0345") ordered.push(point);
}
console.log(JSON.stringify({ different, ordered }));
"""


def main() -> None:
    """Print the module."""
    tables = {
        "PUNCTUATION": punctuation(),
        "MARKS": removed_by(bert(strip_accents=True)),
        "CONTROLS": removed_by(bert(clean_text=True)),
        "UNNORMALIZED": unnormalized(),
    }
    print("// Written by dev/unicode_tables.py: do not edit. Ranges as gaps and lengths, base 36.")
    for name, points in tables.items():
        print(f'export const {name} =\n  "{packed(points)}";')
    print("// Letters that are newer than Unicode 14, and their lower case: as offsets.")
    print(f"export const NEW_LETTERS = {json.dumps(new_letters())};")


def punctuation() -> list[int]:
    """Characters that are words of their own."""
    split = pre_tokenizers.BertPreTokenizer()
    return [p for p in POINTS if len(split.pre_tokenize_str(f"a{chr(p)}a")) == 3]


def bert(*, clean_text: bool = False, strip_accents: bool = False) -> normalizers.Normalizer:
    """BERT's normaliser with one step alone."""
    return normalizers.BertNormalizer(clean_text, False, strip_accents, False)


def removed_by(normalizer: normalizers.Normalizer) -> list[int]:
    """Characters that a normaliser removes."""
    return [point for point in POINTS if not normalizer.normalize_str(chr(point))]


def unnormalized() -> list[int]:
    """Characters that the library's normalisation does not know, but Node's does.

    What they compose to is one of them, and so is the first character of that: nothing is composed.
    """
    found = json.loads(subprocess.run(["node", "-e", NODE], capture_output=True, check=True).stdout)
    result = set()
    nfd = normalizers.NFD()
    for form, normalizer in (("NFKC", normalizers.NFKC()), ("NFD", nfd)):
        theirs = found["different"][form]
        for point in POINTS:
            normal = theirs.get(str(point), chr(point))
            if normalizer.normalize_str(chr(point)) != normal:
                result.add(point)
                result.update([ord(normal[0])] if form == "NFD" else [])
    for point in found["ordered"]:
        if nfd.normalize_str(f"\u0345{chr(point)}")[0] == "\u0345":
            result.add(point)
    return sorted(result)


def new_letters() -> list[list[int]]:
    """Letters that this Python does not lower-case but the library does, with their lower case."""
    lower = normalizers.Lowercase()
    rows: list[list[int]] = []
    for point in POINTS:
        small = lower.normalize_str(chr(point))
        if small != chr(point).lower():
            rows.append([point, ord(small) - point])
    return ranges(rows)


def ranges(rows: list[list[int]]) -> list[list[int]]:
    """Join letters that follow each other, or every other one, with one offset: first, last, by."""
    result: list[list[int]] = []
    for point, offset in rows:
        before = result[-1] if result else None
        if before and before[3] == offset and point - before[1] == before[2]:
            before[1] = point
        elif before and before[3] == offset and before[0] == before[1] and point - before[1] <= 2:
            before[1:3] = [point, point - before[1]]
        else:
            result.append([point, point, 1, offset])
    return result


def packed(points: Iterable[int]) -> str:
    """Ranges as the gap before each, counted from the end of the last, and its length."""
    bounds: list[int] = []
    for point in points:
        if bounds and bounds[-1] == point:
            bounds[-1] = point + 1
        else:
            bounds += [point, point + 1]
    gaps = (after - before for before, after in zip([0, *bounds], bounds, strict=False))
    return ",".join(map(digits, gaps))


def digits(number: int) -> str:
    """A number in base 36."""
    quotient, rest = divmod(number, 36)
    return (digits(quotient) if quotient else "") + BASE[rest]


if __name__ == "__main__":
    main()
