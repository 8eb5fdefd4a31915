"""Pictures of spaces and architectures with Graphviz."""

from .pictures import (
    Drawing as Drawing,
    DrawingWarning as DrawingWarning,
    draw as draw,
    draw_evolution as draw_evolution,
)
