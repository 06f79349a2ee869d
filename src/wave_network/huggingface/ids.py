"""Names of repositories on the Hugging Face Hub."""

from __future__ import annotations

import re
from typing import Final

HUB_PREFIX: Final = "hub:"
HUB_ID: Final = re.compile(r"[\w.-]+/[\w.-]+(?:@[\w./-]+)?")
"""`OWNER/NAME`, or `OWNER/NAME@REVISION` for a branch, tag or commit."""


def split_revision(hub_id: str) -> tuple[str, str | None]:
    """Split `OWNER/NAME@REVISION` into the repository and its revision, None if not named."""
    repository, _, revision = hub_id.partition("@")
    return repository, revision or None


def hub_hint(source: object) -> str:
    """Advise on a missing path that may be meant as a repository on the Hub; else say nothing."""
    return f" (if it is on the Hub: {HUB_PREFIX}{source})" if HUB_ID.fullmatch(str(source)) else ""
