"""Reads tables from CSV files."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import TableError
from .table import FindKey, Key, Table, decisions_key, number_text, proposal, text_of

_GZIP = b"\x1f\x8b"


def read_table(
    path: str | Path,
    key_columns: Sequence[str] | Mapping[str, str],
    key: FindKey | None = None,
    columns: Sequence[str] | None = None,
    check: Callable[[Key], object] | None = None,
) -> Table:
    """Read a table from a CSV file, which may be compressed by gzip.

    The first line names the columns. All fields of a column are numbers or empty, or else it is
    text, which is of use for keys alone.

    Args:
        path: Of the file, in UTF-8.
        key_columns: The columns that name a row; or for each the key of the decision whose value
            stands in it, where that is not the column's name.
        key: Returns what stands in these columns for an architecture, as text. By default the
            values of those decisions, as Python's `str` writes them, and nothing for one not taken;
            then numbers are compared as numbers, and a row of 2.0 is found by 2.
        columns: Those to read; by default all columns of numbers.
        check: Called with what stands in the key columns of each row; raises a `TableError` where
            that can be no architecture.

    Raises:
        TableError: There is no such file, it is no such table, or a column is missing or text.
            The message says in which line.

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
    header, body, lines = _read(path)
    places = {name: place for place, name in enumerate(header)}
    for name in (*key_columns, *(columns or ())):
        if name not in places:
            raise TableError(f"{path} has no column {name!r}{proposal(name, header)}")
    fields = list(zip(*body, strict=True)) or [()] * len(header)
    keys = list(zip(*[fields[places[name]] for name in key_columns], strict=True))
    decisions = list(key_columns.values() if isinstance(key_columns, Mapping) else key_columns)
    if check is not None:
        _check_keys(path, keys, lines, check)
    if key is None:
        keys = [tuple(map(number_text, texts)) for texts in keys]
    rows = _number_rows(path, keys, lines)
    texts = {name: fields[places[name]] for name in (header if columns is None else columns)}
    numbers, others = _numbers(texts, lines)
    if columns is not None and others:
        name, why = next(iter(others.items()))
        raise TableError(f"{path}: column {name!r} holds text: {why}")
    return Table(path.name, rows, numbers, key or decisions_key(decisions), others)


def _read(path: Path) -> tuple[list[str], list[list[str]], list[int]]:
    """Return the names of the columns, the fields of the rows, and in which lines they end."""
    nothing: list[str] = []
    try:
        lines = csv.reader(_text(path), strict=True)
        header = next(lines, nothing)
        body: list[list[str]] = []
        ends: list[int] = []
        for fields in lines:
            if fields and len(fields) != len(header):
                raise TableError(
                    f"{path}, line {lines.line_num}: {len(fields)} fields where the first line "
                    f"names {len(header)} columns"
                )
            if fields:
                body.append(fields)
                ends.append(lines.line_num)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"{path} cannot be read as a CSV table: {error}") from error
    if not header:
        raise TableError(f"{path} is empty; its first line must name the columns")
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise TableError(f"{path} has two columns of the name {twice!r}")
    return header, body, ends


def _text(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        compressed = file.read(2) == _GZIP
    opener = gzip.open if compressed else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as text:
        yield from text


def _number_rows(path: Path, keys: Sequence[Key], lines: Sequence[int]) -> dict[Key, int]:
    rows = {key: row for row, key in enumerate(keys)}
    if len(rows) < len(keys):
        first, twice = next((row, key) for row, key in enumerate(keys) if rows[key] != row)
        raise TableError(
            f"{path}, lines {lines[first]} and {lines[rows[twice]]}: more than one row for "
            f"{text_of(twice)}"
        )
    return rows


def _check_keys(
    path: Path, keys: Sequence[Key], lines: Sequence[int], check: Callable[[Key], object]
) -> None:
    for key, line in zip(keys, lines, strict=True):
        try:
            check(key)
        except TableError as error:
            raise TableError(f"{path}, line {line}: {error}") from error


def _numbers(
    fields: Mapping[str, Sequence[str]], lines: Sequence[int]
) -> tuple[dict[str, NDArray[np.float64]], dict[str, str]]:
    """Return the columns of numbers, and of each other one the first field that is none."""
    columns: dict[str, NDArray[np.float64]] = {}
    others: dict[str, str] = {}
    for name, texts in fields.items():
        try:
            columns[name] = np.array([float(text or "nan") for text in texts], np.float64)
        except ValueError:
            line, text = next(pair for pair in zip(lines, texts, strict=True) if _is_text(pair[1]))
            others[name] = f"{text!r} in line {line}"
    return columns, others


def _is_text(field: str) -> bool:
    try:
        float(field or "nan")
    except ValueError:
        return True
    return False
