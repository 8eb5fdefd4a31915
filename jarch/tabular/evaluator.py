"""An evaluator that looks results up instead of training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jarch.ir import Architecture

from .errors import MissingResult
from .table import Table


@dataclass(frozen=True, slots=True)
class TabularEvaluator:
    """Returns what a table says of an architecture: what a search takes as `evaluate`.

    Its metrics are `validation`, which is the signal; `test` and `cost`, where their columns are
    given; and all `others` under the names of their columns. The seed plays no part: a table has
    one answer.

    Attributes:
        table: Where to look.
        signal: The column that a search is to go by.
        test: The column of what is only reported; None for none.
        cost: The column of what an evaluation takes in simulated seconds; None for none.
        others: More columns to return.

    Raises:
        TableError: The table has no such column.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> from jarch.tabular import Table, TabularEvaluator, decisions_key
        >>> table = Table(
        ...     "widths",
        ...     {("16",): 0, ("32",): 1},
        ...     {"accuracy": np.array([0.7, 0.8]), "seconds": np.array([5.0, 9.0])},
        ...     decisions_key(["width"]),
        ... )
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Discrete([16, 32], "width")))
        >>> evaluate = TabularEvaluator(table, "accuracy", cost="seconds")
        >>> evaluate(ja.replay(space, [32]))
        {'validation': 0.8, 'cost': 9.0}
        >>> found = ja.random_search(space, evaluate, 2, objective="validation")
        >>> found.best_architecture.values
        (32,)
    """

    table: Table
    signal: str
    test: str | None = None
    cost: str | None = None
    others: Sequence[str] = ()
    _columns: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Look for the columns now, so that a search does not begin without them."""
        named = {"validation": self.signal, "test": self.test, "cost": self.cost}
        columns = {metric: column for metric, column in named.items() if column is not None}
        columns |= {column: column for column in self.others}
        for column in columns.values():
            self.table.column(column)
        object.__setattr__(self, "_columns", columns)

    def __call__(self, architecture: Architecture, seed: int = 0) -> Mapping[str, float]:
        """Return the metrics of an architecture.

        Raises:
            MissingResult: The table has no row for it, or nothing in one of the columns; it tells
                the cost, if that is known.
        """
        row = self.table.find(architecture)
        try:
            return {name: self.table.value(row, column) for name, column in self._columns.items()}
        except MissingResult as error:
            raise MissingResult(str(error), self._cost(row)) from None

    def _cost(self, row: int) -> dict[str, float]:
        found = math.nan if self.cost is None else float(self.table.column(self.cost)[row])
        return {} if math.isnan(found) else {"cost": found}
