"""What can go wrong between an architecture and a program."""

from jarch.ir import SpaceError


class LoweringError(SpaceError):
    """An architecture that cannot become a program as asked; the message says why.

    Example:
        >>> import jarch as ja
        >>> model = ja.lower(ja.replay(ja.trace(ja.nn.relu), []))
        >>> try:
        ...     model.init(0)
        ... except ja.LoweringError as error:
        ...     print(error)
        0 arrays for the inputs ['in']; pass one for each, in order
    """
