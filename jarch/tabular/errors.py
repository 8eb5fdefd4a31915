"""What can be wrong with a table."""


class TableError(ValueError):
    """A table that cannot be read or asked; the message says what is missing, and where."""
