"""How every figure of the package is drawn: one style, and files that are the same each time.

Needs matplotlib, and imports it when the first figure is made.
"""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from wave_network.errors import extra_needed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Kind: TypeAlias = Literal["svg", "png", "pdf"]

_STYLE: Final[dict[Any, Any]] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#666666",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "lines.markersize": 4,
    "legend.frameon": False,
    "svg.hashsalt": "wave-network",  # the same drawing gives the same file
    "svg.fonttype": "path",
}
# The first comes with matplotlib and is the same everywhere; the others, where they are installed,
# give the letters that it does not have.
_FONTS: Final = (
    "DejaVu Sans",
    "Noto Sans CJK JP",
    "Noto Sans Devanagari",
    "Noto Emoji",
    "Arial Unicode MS",
    "Hiragino Sans",
    "Microsoft YaHei",
    "Malgun Gothic",
    "Nirmala UI",
)
_DPI: Final = 150
_NO_DATE: Final[Mapping[Kind, Mapping[str, None]]] = {
    "svg": {"Date": None},
    "png": {},
    "pdf": {"CreationDate": None},
}


def render(draw: Callable[[Figure], None], kind: Kind) -> bytes:
    """Draw on a new figure.

    Args:
        draw: Draws on an empty figure, whose size it may change.
        kind: Of file.

    Returns:
        The file's content; the same drawing gives the same bytes.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    with extra_needed("papers", "drawing"):
        from matplotlib import rc_context
        from matplotlib.figure import Figure
        from matplotlib.font_manager import get_font_names
    installed = get_font_names()
    fonts = [name for name in _FONTS if name in installed]
    content = io.BytesIO()
    with rc_context({**_STYLE, "font.family": fonts}), warnings.catch_warnings():
        # A letter that no font has is drawn as a box.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure = Figure(figsize=(7.2, 3.6), layout="constrained")
        draw(figure)
        figure.savefig(content, format=kind, dpi=_DPI, metadata=_NO_DATE[kind])
    return _name_by_content(content.getvalue()) if kind == "svg" else content.getvalue()


def _name_by_content(svg: bytes) -> bytes:
    """Name each clip path by the digits that are written.

    Its name is a hash of all digits, and the last of them differ from drawing to drawing: the
    solver behind the layout takes its variables in the order of their addresses.
    """
    for name, content in re.findall(rb'<clipPath id="(\w+)">(.*?)</clipPath>', svg, re.DOTALL):
        svg = svg.replace(name, b"p" + hashlib.sha256(content).hexdigest()[:10].encode())
    return svg
