"""What can go wrong in a search space, as exceptions that name the culprit and the remedy."""


class SpaceError(ValueError):
    """A space, or what is done with it, is wrong; the message says where and what to do."""


class AssignmentError(SpaceError):
    """A value that the domain of a hyperparameter does not hold, or nothing left to assign."""


class InvalidArchitecture(SpaceError):
    """Raised by a user's function in a space: these values make no valid architecture.

    Searchers, `enumerate_architectures` and `count` skip such architectures.

    Example:
        >>> def narrow(width: int) -> None:
        ...     if width > 64:
        ...         raise InvalidArchitecture(f"width {width} is more than 64")
    """


class ShapeError(SpaceError):
    """Shapes that do not fit; the message names the node, the shapes and the decisions.

    Attributes:
        node: The key of the node; "" where no node is to blame.
        reason: What does not fit there, without the rest of the message.
    """

    def __init__(self, message: str, node: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.node = node
        self.reason = reason or message


class ParseError(SpaceError):
    """A text or JSON form that does not describe an architecture; the message names the line."""
