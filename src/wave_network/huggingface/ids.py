"""Names of repositories on the Hugging Face Hub."""

from __future__ import annotations

import re
from typing import Final

HUB_PREFIX: Final = "hub:"
HUB_ID: Final = re.compile(r"[\w.-]+/[\w.-]+")
