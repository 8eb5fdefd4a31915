"""The baselines that a proxy has to beat: how large a network is, and how much it computes."""

from __future__ import annotations

from jarch.ir import Analysis


def parameter_count(analysis: Analysis) -> int:
    """Return the numbers in all variables, batch statistics included."""
    return analysis.parameters


def flop_count(analysis: Analysis) -> int:
    """Return the floating-point operations of one forward pass over one example."""
    return analysis.flops
