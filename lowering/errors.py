"""What can go wrong between an architecture and a program."""

from jarch.ir import SpaceError


class LoweringError(SpaceError):
    """An architecture that cannot become a program as asked; the message says why."""
