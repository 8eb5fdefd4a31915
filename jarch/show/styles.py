"""Colours, fonts and lines of the pictures.

Every ink has a contrast of at least 4.5 on its paper (WCAG AA). What a colour says, a shape, a
line or a word says too: substitutions are octagons, dependents are dashed, what is new has a thick
outline, and the name of a shared hyperparameter stands at both ends of its edges.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

FONT = "Helvetica"
"""Every Graphviz knows its metrics; every PDF reader has it."""

FAMILY = "Helvetica, Arial, 'Liberation Sans', 'Nimbus Sans', 'DejaVu Sans Condensed', sans-serif"
"""In SVG: fonts that are as wide, and one that is nearly, for systems without any of them."""

INK = "#1f2933"
MUTED = "#5a6675"
OUTLINE = "#8794a3"
PAPER = "#ffffff"
SUBSTITUTION = "#edf1f7"
TERMINAL = "#3b4856"
NEW = "#fff3d1"
NEW_VALUE = "#ffe39a"
NEW_OUTLINE = "#c77700"

INKS = (
    "#0b62a8",  # blue
    "#a83e06",  # rust
    "#067056",  # green
    "#7d2f8f",  # purple
    "#7a5c00",  # olive
    "#b01f5a",  # crimson
    "#4a53c4",  # indigo
    "#2f6d7e",  # slate
)

TITLE_SIZE = "11"
TEXT_SIZE = "10"
SMALL_SIZE = "9"
THICK = "2.2"
MEDIUM = "1.3"
THIN = "1"


def inks(keys: Iterable[str]) -> Mapping[str, str]:
    """Return an ink for each key, in the order given; after the last ink comes the first again.

    Example:
        >>> inks(["width", "depth", "width"])["depth"] == INKS[1]
        True
    """
    return MappingProxyType({k: INKS[i % len(INKS)] for i, k in enumerate(dict.fromkeys(keys))})
