"""List the licences of all direct dependencies in docs/licenses.md: python dev/licenses.py.

Reads the metadata of what is installed. Packages that are not keep the row that they have; one
without a row is an error.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

import tomllib

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "licenses.md"
DEVELOPMENT = {"docs", "test", "check", "bench"}
ROW = re.compile(r"^\| `(?P<name>[^`]+)` \| (?P<extras>[^|]+) \| (?P<license>[^|]+) \|$", re.M)
USUAL = {
    "Apache": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache 2.0 License": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "MIT License": "MIT",
    "Python Software Foundation License": "PSF",
}
TEXT = """\
# Licences of dependencies

Wave Network is licensed under Apache-2.0. Its wheels contain no code of others; `NOTICE` names the
one file that was made from somebody else's model, the English word vectors.

Below is each package that Wave Network asks for, the extras that ask for it, and the licence that
it states. What these packages need in turn is in the list of components that each release comes
with. `make licenses` writes this table.

| package | for | licence |
| --- | --- | --- |
"""


def main() -> None:
    """Write the page."""
    known = {row["name"]: row["license"] for row in ROW.finditer(PAGE.read_text())}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = dependencies(project)
    names = sorted(needed, key=lambda name: ("every install" not in needed[name], name))
    rows = (
        f"| `{name}` | {', '.join(sorted(needed[name]))} | {license_of(name, known)} |\n"
        for name in names
    )
    PAGE.write_text(TEXT + "".join(rows))


def dependencies(project: dict[str, Any]) -> dict[str, set[str]]:
    """Each package of others that pyproject.toml names, and what it is for: extras, mostly."""
    needed: dict[str, set[str]] = {}
    groups = {"every install": project["dependencies"], **project["optional-dependencies"]}
    for group, requirements in groups.items():
        for requirement in requirements:
            name = re.split(r"[^\w-]", requirement)[0]
            if name != project["name"]:
                use = "development" if group in DEVELOPMENT else group
                needed.setdefault(name, set()).add(use)
    return needed


def license_of(name: str, known: dict[str, str]) -> str:
    """What a package's metadata says, in a word or two."""
    try:
        data = metadata(name)
    except PackageNotFoundError:
        if name not in known:
            raise SystemExit(f"{name} is not installed, and its licence is not known yet") from None
        return known[name]
    stated = data.get("License-Expression")
    classified = [
        text.rpartition(" :: ")[2]
        for text in data.get_all("Classifier") or []
        if text.startswith("License :: ") and text.count(" :: ") > 1
    ]
    free = (data.get("License") or "").strip()
    found = stated or (free if 0 < len(free) < 40 else "") or ", ".join(classified)
    if not found:
        raise SystemExit(f"{name} states no licence: write it into {PAGE.name} by hand")
    return USUAL.get(found, found)


if __name__ == "__main__":
    main()
