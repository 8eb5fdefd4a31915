"""What can be wrong with a table."""


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
