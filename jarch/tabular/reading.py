"""Reads tables from CSV files."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import TableError
from .table import FindKey, Key, Table, decisions_key, proposal, text_of

_GZIP = b"\x1f\x8b"


def read_table(
    path: str | Path,
    key_columns: Sequence[str] | Mapping[str, str],
    key: FindKey | None = None,
    columns: Sequence[str] | None = None,
) -> Table:
    """Read a table from a CSV file, which may be compressed by gzip.

    The first line names the columns. All fields of a column are numbers or empty, or else it is
    text, which is of use for keys alone.

    Args:
        path: Of the file, in UTF-8.
        key_columns: The columns that name a row; or for each the key of the decision whose value
            stands in it, where that is not the column's name.
        key: Returns what stands in these columns for an architecture. By default the values of
            those decisions, as Python's `str` writes them, and nothing for one not taken.
        columns: Those to read; by default all columns of numbers.

    Raises:
        TableError: There is no such file, it is no such table, or a column is missing or text.

    Example:
        >>> import jarch as ja
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "table.csv"
        ...     lines = ["layers,width,accuracy", "1,32,0.9", "2,32,0.95"]
        ...     _ = path.write_text(os.linesep.join(lines))
        ...     table = read_table(path, {"layers": "depth", "width": "width"})
        >>> net = ja.replay(ja.trace(ja.spaces.digits_dense), [2, 32, "relu"])
        >>> table.value(table.find(net), "accuracy")
        0.95
    """
    path = Path(path)
    header, body = _read(path)
    places = {name: place for place, name in enumerate(header)}
    for name in (*key_columns, *(columns or ())):
        if name not in places:
            raise TableError(f"{path} has no column {name!r}{proposal(name, header)}")
    fields = list(zip(*body, strict=True)) or [()] * len(header)
    keys = list(zip(*[fields[places[name]] for name in key_columns], strict=True))
    decisions = list(key_columns.values() if isinstance(key_columns, Mapping) else key_columns)
    return Table(
        path.name,
        _number_rows(path, keys),
        _numbers(path, {name: fields[place] for name, place in places.items()}, columns),
        key or decisions_key(decisions),
    )


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return the names of the columns, and the fields of the rows."""
    nothing: list[str] = []
    try:
        lines = csv.reader(_text(path), strict=True)
        header = next(lines, nothing)
        body: list[list[str]] = []
        for fields in lines:
            if fields and len(fields) != len(header):
                raise TableError(
                    f"{path}, line {lines.line_num}: {len(fields)} fields where the first line "
                    f"names {len(header)} columns"
                )
            if fields:
                body.append(fields)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"{path} cannot be read as a CSV table: {error}") from error
    if not header:
        raise TableError(f"{path} is empty; its first line must name the columns")
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise TableError(f"{path} has two columns of the name {twice!r}")
    return header, body


def _text(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        compressed = file.read(2) == _GZIP
    opener = gzip.open if compressed else open
    with opener(path, "rt", encoding="utf-8", newline="") as text:
        yield from text


def _number_rows(path: Path, keys: Sequence[Key]) -> dict[Key, int]:
    rows = {key: row for row, key in enumerate(keys)}
    if len(rows) < len(keys):
        twice = next(key for row, key in enumerate(keys) if rows[key] != row)
        raise TableError(f"{path} has more than one row for {text_of(twice)}")
    return rows


def _numbers(
    path: Path, fields: Mapping[str, Sequence[str]], wanted: Sequence[str] | None
) -> dict[str, NDArray[np.float64]]:
    """Return the columns of numbers, or those that are wanted."""
    columns: dict[str, NDArray[np.float64]] = {}
    for name in fields if wanted is None else wanted:
        try:
            columns[name] = np.array([float(text or "nan") for text in fields[name]], np.float64)
        except ValueError as error:
            if wanted is not None:
                raise TableError(f"{path}: column {name!r} holds text: {error}") from error
    return columns
