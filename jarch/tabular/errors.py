"""What can be wrong with a table."""

from __future__ import annotations

from collections.abc import Mapping


class TableError(ValueError):
    """A table that cannot be read or asked; the message says what is missing, and where.

    Example:
        >>> import numpy as np
        >>> from jarch.tabular import Table, TableError, decisions_key
        >>> accuracy = np.array([0.7])
        >>> table = Table("widths", {("16",): 0}, {"accuracy": accuracy}, decisions_key(["width"]))
        >>> try:
        ...     table.column("acuracy")
        ... except TableError as error:
        ...     print(error)
        widths has no column of numbers 'acuracy'; did you mean 'accuracy'?
    """


class MissingResult(TableError):
    """A table has no row for an architecture, or nothing in a column there.

    In a search that is the failure of one candidate, where other errors of tables end it.

    Attributes:
        costs: What the evaluator knows of the architecture all the same, by name.

    Example:
        >>> import jarch as ja
        >>> from jarch.tabular import MissingResult, Table, decisions_key
        >>> table = Table("widths", {("16",): 0}, {}, decisions_key(["width"]))
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Discrete([16, 32], "width")))
        >>> try:
        ...     table.find(ja.replay(space, [32]))
        ... except MissingResult as error:
        ...     print(str(error)[:26], error.costs)
        widths has no row for '32' {}
    """

    def __init__(self, message: str, costs: Mapping[str, float] | None = None) -> None:
        """Say what is missing, and take what is known.

        Args:
            message: Says which row or field is missing.
            costs: What is known all the same.
        """
        super().__init__(message)
        self.costs = dict(costs or {})
