"""A model as a table, in the manner of Keras."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from jarch.ir import Architecture, NodeAnalysis, Shape, analyze

_HEAD = ("layer", "operation", "output shape", "parameters")
_GAP = "  "


def summary_table(architecture: Architecture, inputs: Mapping[str, Shape]) -> str:
    """Return the table that `Model.summary` shows; all its lines are equally long."""
    analysis = analyze(architecture, inputs)
    rows = [_row(node) for node in analysis.nodes]
    totals = _totals(analysis.parameters, analysis.trainable_parameters)
    widths = _widths([_HEAD, *rows, *totals])
    rule = "─" * (sum(widths) + len(_GAP) * (len(widths) - 1))
    body = [_line(row, widths) for row in rows]
    foot = [_line(row, widths) for row in totals]
    return "\n".join([_line(_HEAD, widths), rule, *body, rule, *foot])


def _row(node: NodeAnalysis) -> tuple[str, ...]:
    outputs = node.outputs
    shape = (
        str(next(iter(outputs.values())))
        if len(outputs) == 1
        else ", ".join(f"{name} {shape}" for name, shape in outputs.items())
    )
    return node.key, node.op.label, shape, f"{node.parameters:,}"


def _totals(total: int, trainable: int) -> list[tuple[str, ...]]:
    return [
        ("total", "", "", f"{total:,}"),
        ("trainable", "", "", f"{trainable:,}"),
        ("not trainable", "", "", f"{total - trainable:,}"),
    ]


def _widths(rows: Iterable[tuple[str, ...]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def _line(row: tuple[str, ...], widths: Sequence[int]) -> str:
    *left, number = row
    cells = [cell.ljust(width) for cell, width in zip(left, widths, strict=False)]
    return _GAP.join([*cells, number.rjust(widths[-1])])
