"""Find the data in a folder: a file of each split, shards of files, or a folder for each class."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Final

from wave_network.data.files import ENDINGS, check_file, matching_files, names_in, split_name
from wave_network.data.read_options import ReadOptions
from wave_network.data.rows import Row
from wave_network.data.streams import read_text
from wave_network.data.values import is_unicode
from wave_network.errors import DataError, listed

LOGGER: Final = logging.getLogger("wave_network")
SPLIT_NAMES: Final = ("train", "validation", "test")

_SPLIT_OF: Final = {
    **{name: name for name in SPLIT_NAMES},
    **dict.fromkeys(("valid", "val", "dev"), "validation"),
}
_UNCLEAR: Final = ("eval", "evaluation")
_SHARD: Final = re.compile(r"([a-z]+)-(\d+)-of-(\d+)(?:-[0-9a-f]+)?", re.ASCII)
_CLASS_ENDING: Final = ".txt"
_UNLABELLED: Final = ("unsup", "unlabeled", "unlabelled")


def find_parts(data: str | Path) -> dict[str, list[Path]]:
    """Find what each split is read from: files, joined in their order, or a folder of classes.

    A single file, and a folder of classes without splits, is `train`.

    Args:
        data: A file; a folder with `train.*`, `validation.*` (or `valid.*`, `val.*`, `dev.*`) and
            `test.*`, each possibly in shards such as `train-00000-of-00002.csv`, or with `train`
            and `test` as folders of classes; a folder of classes, with a folder of `.txt` files for
            each; a pattern of files, such as `part-*.csv`; or `sample`.

    Raises:
        DataError: If there is nothing, or it is not clear what to read.
    """
    path = Path(data)
    if data == "sample":
        path = Path(str(resources.files("wave_network.data") / "sample"))
    if not os.path.isdir(path):
        files = matching_files(path) or [path]
        for file in files:
            check_file(file)
        if files != [path]:
            LOGGER.info(f"{data}: {len(files)} files, in the order of their names")
        return {"train": files}
    names = names_in(path)
    found = {split: _of_split(path, names, split) for split in SPLIT_NAMES}
    parts = {split: paths for split, paths in found.items() if paths}
    if parts:
        _note_unread(path, names, parts)
        return parts
    if len(_classes_in(path)) > 1:
        return {"train": [path]}
    raise DataError(
        f"{path} has no train.*, validation.* or test.* ({', '.join(ENDINGS)}), and no folder of"
        f" {_CLASS_ENDING} files for each class, only {listed(names)}: rename its files like that,"
        " or name one of them"
    )


def iter_class_rows(folder: Path, options: ReadOptions) -> Iterator[Row]:
    """Read a folder of classes: each `.txt` file is a text, and the folder it is in its label.

    Raises:
        DataError: While iterating, if a file cannot be read.
    """
    classes = _classes_in(folder)
    others = [name for name in names_in(folder) if name not in classes]
    if others:
        LOGGER.info(f"{folder}: not read: {listed(others)}")
    for label in classes:
        if not is_unicode(label):
            raise DataError(f"{folder}: the name of the folder {label!r} is not valid Unicode")
        names = names_in(folder / label)
        others = [name for name in names if not _is_text(name)]
        if others:
            LOGGER.info(f"{folder / label}: not read: {listed(others)}")
        for name in names:
            if _is_text(name):
                path = folder / label / name
                check_file(path)
                text = read_text(path, options.encoding)
                yield Row(text.removesuffix("\n").removesuffix("\r"), label)


def _of_split(folder: Path, names: Sequence[str], split: str) -> list[Path]:
    """Find the file, the shards or the folder of a split."""
    found: list[list[str]] = []
    shards: dict[str, list[str]] = {}
    for name in names:
        stem, ending = _stem_and_ending(folder, name)
        if ending and _SPLIT_OF.get(stem) == split:
            found.append([name])
        elif ending and (match := _SHARD.fullmatch(stem)) and _SPLIT_OF.get(match[1]) == split:
            shards.setdefault(f"{match[1]} of {int(match[3])}", []).append(name)
    found += [_whole(folder, group) for group in shards.values()]
    if len(found) > 1:
        there = listed([name for group in found for name in group])
        raise DataError(f"{folder} has several files for {split} ({there}): keep one of them")
    return [folder / name for name in found[0]] if found else []


def _stem_and_ending(folder: Path, name: str) -> tuple[str, str]:
    """Split a name; a folder of classes ends like one, and `train.zip` says its format inside."""
    if os.path.isdir(folder / name):
        return name, os.sep if _SPLIT_OF.get(name) and _classes_in(folder / name) else ""
    stem, ending = split_name(name)
    return stem, ending or (".zip" if Path(name).suffix.lower() == ".zip" else "")


def _whole(folder: Path, names: list[str]) -> list[str]:
    """Put shards in order, and check that none is missing or there twice."""
    numbered: dict[int, str] = {}
    total = 0
    for name in names:
        match = _SHARD.fullmatch(_stem_and_ending(folder, name)[0])
        assert match is not None  # they were chosen so
        number, total = int(match[2]), int(match[3])
        if number in numbered:
            there = listed([numbered[number], name])
            raise DataError(f"{folder} has the same part twice ({there}): keep one of them")
        numbered[number] = name
    missing = next((number for number in range(total) if number not in numbered), None)
    if missing is not None or len(numbered) != total:
        lacking = "" if missing is None else f", but no part {missing}"
        raise DataError(
            f"{folder} has {len(numbered)} of {total} parts ({listed(names)}){lacking}: add what is"
            " missing"
        )
    return [numbered[number] for number in range(total)]


def _note_unread(folder: Path, names: Sequence[str], parts: dict[str, list[Path]]) -> None:
    """Say which data files are not read, and refuse one that may be meant."""
    read = {path.name for paths in parts.values() for path in paths}
    others = [name for name in names if split_name(name)[1] and name not in read]
    unclear = [name for name in others if split_name(name)[0] in _UNCLEAR]
    if unclear and len(parts) < len(SPLIT_NAMES):
        raise DataError(
            f"{folder}: {unclear[0]!r} may be for validation or for testing: call it validation or"
            " test"
        )
    if others:
        LOGGER.info(f"{folder}: not read: {listed(others)}")


def _classes_in(folder: Path) -> list[str]:
    """Return the names of the folders that have texts of a class in them."""
    return [
        name
        for name in names_in(folder)
        if not name.startswith(".")
        and name not in _UNLABELLED
        and os.path.isdir(folder / name)
        and any(map(_is_text, names_in(folder / name)))
    ]


def _is_text(name: str) -> bool:
    return name.lower().endswith(_CLASS_ENDING) and not name.startswith(".")
