"""What can be wrong with data."""


class DataError(ValueError):
    """Data that cannot be trained on; the message says what is wrong, where, and what to do."""
