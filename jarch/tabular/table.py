"""Tables that know the result of every architecture of a space, read from CSV files."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from jarch.ir import Architecture

from .errors import TableError

Key: TypeAlias = tuple[str, ...]
"""What names a row: the text in each of its key columns."""

FindKey: TypeAlias = Callable[[Architecture], Key]
"""Returns the key of the row in which an architecture stands."""

_GZIP = b"\x1f\x8b"
_SHOWN = 12  # names that a message lists


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Numbers by row and column, and how an architecture finds its row.

    Attributes:
        name: What it is called in messages.
        rows: The number of the row of each key.
        columns: The numbers of each column, by row; NaN where the file has none.
        key: Returns the key of an architecture.
    """

    name: str
    rows: Mapping[Key, int]
    columns: Mapping[str, NDArray[np.float64]]
    key: FindKey

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    def find(self, architecture: Architecture) -> int:
        """Return the row of an architecture.

        Raises:
            TableError: It has none.
        """
        key = self.key(architecture)
        row = self.rows.get(key)
        if row is None:
            raise TableError(
                f"{self.name} has no row for {_text_of(key)}; search in the space that the table "
                "was made of, or say by key= how its rows are named"
            )
        return row

    def column(self, name: str) -> NDArray[np.float64]:
        """Return the numbers of a column.

        Raises:
            TableError: There is no column of numbers with this name.
        """
        found = self.columns.get(name)
        if found is None:
            raise TableError(
                f"{self.name} has no column of numbers {name!r}{_proposal(name, self.columns)}"
            )
        return found

    def value(self, row: int, column: str) -> float:
        """Return one number.

        Raises:
            TableError: There is no such column, or the row has nothing there.
        """
        found = float(self.column(column)[row])
        if found != found:
            key = next(key for key, number in self.rows.items() if number == row)
            raise TableError(f"{self.name} has nothing in column {column!r} for {_text_of(key)}")
        return found

    def with_columns(self, columns: Mapping[str, NDArray[np.float64]]) -> Table:
        """Return the table with more columns, or others of the same name.

        Raises:
            TableError: A column has another number of rows.
        """
        for name, values in columns.items():
            if values.shape != (len(self),):
                raise TableError(
                    f"column {name!r} has the shape {values.shape}, but {self.name} has "
                    f"{len(self)} rows"
                )
        return replace(self, columns={**self.columns, **columns})


def decisions_key(names: Sequence[str]) -> FindKey:
    """Return the function that names an architecture by the values of some of its decisions.

    Args:
        names: The keys of the decisions. One that is not taken is the empty text.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(ja.spaces.digits_dense), [1, 32, "relu"])
        >>> decisions_key(["depth", "width"])(net)
        ('1', '32')
    """

    def key(architecture: Architecture) -> Key:
        values = dict(architecture.decisions)
        return tuple([str(values.get(name, "")) for name in names])

    return key


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
            raise TableError(f"{path} has no column {name!r}{_proposal(name, header)}")
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
        raise TableError(f"{path} has more than one row for {_text_of(twice)}")
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


def _text_of(key: Key) -> str:
    return ", ".join(map(repr, key))


def _proposal(name: str, names: Sequence[str] | Mapping[str, object]) -> str:
    close = get_close_matches(name, list(names), 1)
    if close:
        return f"; did you mean {close[0]!r}?"
    shown = list(names)[:_SHOWN]
    return f"; there are {', '.join(shown)}{', …' if len(names) > _SHOWN else ''}"
