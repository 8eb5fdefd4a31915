"""Tables that know the result of every architecture of a space."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from jarch.ir import Architecture

from .errors import MissingResult, TableError

Key: TypeAlias = tuple[str, ...]
"""What names a row: the text in each of its key columns."""

FindKey: TypeAlias = Callable[[Architecture], Key]
"""Returns the key of the row in which an architecture stands."""

_SHOWN = 12  # names that a message lists


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Numbers by row and column, and how an architecture finds its row.

    Attributes:
        name: What it is called in messages.
        rows: The number of the row of each key.
        columns: The numbers of each column, by row; NaN where the file has none.
        key: Returns the key of an architecture.
        texts: Of each column of text what stands where, for messages.

    Example:
        >>> import jarch as ja
        >>> accuracy = np.array([0.7, 0.8])
        >>> key = decisions_key(["width"])
        >>> table = Table("widths", {("16",): 0, ("32",): 1}, {"accuracy": accuracy}, key)
        >>> net = ja.replay(ja.trace(ja.spaces.digits_dense), [1, 32, "relu"])
        >>> table.find(net), table.value(table.find(net), "accuracy")
        (1, 0.8)
        >>> list(table.with_columns({"error": 1 - accuracy}).columns)
        ['accuracy', 'error']
    """

    name: str
    rows: Mapping[Key, int]
    columns: Mapping[str, NDArray[np.float64]]
    key: FindKey
    texts: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    def find(self, architecture: Architecture) -> int:
        """Return the row of an architecture.

        Raises:
            MissingResult: It has none.
        """
        key = self.key(architecture)
        row = self.rows.get(key)
        if row is None:
            raise MissingResult(
                f"{self.name} has no row for {text_of(key)}; search in the space that the table "
                "was made of, or say by key= how its rows are named"
            )
        return row

    def column(self, name: str) -> NDArray[np.float64]:
        """Return the numbers of a column.

        Raises:
            TableError: There is no column of numbers with this name.
        """
        found = self.columns.get(name)
        if found is None and name in self.texts:
            raise TableError(
                f"{self.name} has no column of numbers {name!r}: it has {self.texts[name]}"
            )
        if found is None:
            raise TableError(
                f"{self.name} has no column of numbers {name!r}{proposal(name, self.columns)}"
            )
        return found

    def value(self, row: int, column: str) -> float:
        """Return one number.

        Raises:
            TableError: There is no such column.
            MissingResult: The row has nothing there.
        """
        found = float(self.column(column)[row])
        if found != found:
            key = next(key for key, number in self.rows.items() if number == row)
            raise MissingResult(f"{self.name} has nothing in column {column!r} for {text_of(key)}")
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

    def join(self, other: Table, on: str) -> Table:
        """Return the table with the columns of another one that tells of the same architectures.

        Args:
            other: With one key column, of whole numbers.
            on: The column of this table that has those numbers.

        Raises:
            TableError: The other has no row for one of the numbers, or a column that is here too.
        """
        keys = [(f"{number:.0f}",) for number in self.column(on)]
        missing = next((key for key in keys if key not in other.rows), None)
        if missing is not None:
            raise TableError(f"{other.name} has no row for {text_of(missing)}, as {on!r} says")
        added = {name: values for name, values in other.columns.items() if name != on}
        twice = sorted(added.keys() & self.columns.keys())
        if twice:
            raise TableError(f"{self.name} and {other.name} both have {', '.join(twice)}")
        order = [other.rows[key] for key in keys]
        return self.with_columns({name: values[order] for name, values in added.items()})


def decisions_key(names: Sequence[str]) -> FindKey:
    """Return the function that names an architecture by the values of some of its decisions.

    Numbers are written in one form, see `number_text`, as `read_table` writes those of key columns.

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
        return tuple([number_text(str(values.get(name, ""))) for name in names])

    return key


def number_text(text: str) -> str:
    """Return a finite number as Python writes it, without a point where it is whole.

    Any other text stays as it is.

    Example:
        >>> [number_text(text) for text in ("2", "2.0", "1e3", "0.10", "relu", "")]
        ['2', '2', '1000', '0.1', 'relu', '']
    """
    try:
        return str(int(text))
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return text
    if number.is_integer():
        return str(int(number))
    return str(number) if math.isfinite(number) else text


def text_of(key: Key) -> str:
    """Return a key as it stands in messages."""
    return ", ".join(map(repr, key))


def proposal(name: str, names: Sequence[str] | Mapping[str, object]) -> str:
    """Return the end of a message on a name that is unknown: the one meant, or what there is."""
    close = get_close_matches(name, list(names), 1)
    if close:
        return f"; did you mean {close[0]!r}?"
    shown = list(names)[:_SHOWN]
    return f"; there are {', '.join(shown)}{', …' if len(names) > _SHOWN else ''}"
