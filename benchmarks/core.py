"""Measures all figures, prints them beside their goals: `python -m benchmarks.core`."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.table import Table

from .figures import FIGURES, Figure, measure

VERSIONS = ("jax", "flax", "optax", "numpy", "optuna", "pyglove")


def main(
    json_file: Annotated[Path | None, tyro.conf.arg(name="json")] = None, markdown: bool = False
) -> None:
    """Measure what jarch takes, against what runs beside it; some minutes on two idle cores.

    Args:
        json_file: Where to write the figures, as one object of names and numbers.
        markdown: Print the table as it stands in benchmarks/README.md.
    """
    values = measure(lambda line: print(line, file=sys.stderr, flush=True))
    if json_file is not None:
        json_file.write_text(json.dumps(values, indent=2) + "\n")
    if markdown:
        print(markdown_table(values))
    else:
        Console().print(table(values))


def markdown_table(
    values: Mapping[str, float | None], figures: Mapping[str, Figure] = FIGURES
) -> str:
    """Return the table and what it was measured on."""
    rows = [
        f"| `{name}` | {figure.what} | {figure.goal} | {_number(values[name])} |"
        for name, figure in figures.items()
    ]
    return "\n".join(
        ["| figure | what | goal | measured |", "|---|---|---|---|", *rows, "", conditions()]
    )


def table(values: Mapping[str, float | None], figures: Mapping[str, Figure] = FIGURES) -> Table:
    """Return the table for a terminal."""
    made = Table("figure", "goal", "measured", "", caption=conditions())
    signs = {True: "✓", False: "✗ missed", None: ""}
    for name, figure in figures.items():
        value = values[name]
        reached = None if value is None else figure.goal.reached(value)
        made.add_row(name, str(figure.goal), _number(value), signs[reached])
    return made


def conditions() -> str:
    """Say when, on what and with which versions: figures mean little without it."""
    packages = ", ".join(f"{name} {_version(name)}" for name in VERSIONS)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()} with {os.cpu_count()} cores, "
        f"{platform.system()}, CPython {platform.python_version()}, {packages}"
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3g}"


if __name__ == "__main__":
    tyro.cli(main)
