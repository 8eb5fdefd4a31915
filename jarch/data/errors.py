"""What can be wrong with data."""


class DataError(ValueError):
    """Data that cannot be trained on; the message says what is wrong, where, and what to do.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> try:
        ...     ja.from_arrays(np.ones((10, 3)), np.arange(9))
        ... except ja.DataError as error:
        ...     print(error)
        data: 10 inputs but 9 targets; give one for each
    """
