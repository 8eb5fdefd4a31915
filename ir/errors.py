"""What can go wrong in a search space, as exceptions that name the culprit and the remedy."""


class SpaceError(ValueError):
    """A space, or what is done with it, is wrong; the message says where and what to do.

    Example:
        >>> import jarch as ja
        >>> try:
        ...     ja.trace(lambda: ja.nn.dense(ja.Discrete([])))
        ... except ja.SpaceError as error:
        ...     print(error)
        a discrete domain has no values; give it at least one
    """


class AssignmentError(SpaceError):
    """A value that the domain of a hyperparameter does not hold, or nothing left to assign.

    Example:
        >>> import jarch as ja
        >>> try:
        ...     ja.assign(ja.trace(ja.spaces.digits_dense), 4)
        ... except ja.AssignmentError as error:
        ...     print(error)
        depth: value 4 is not in {1, 2, 3}; pick one of these
    """


class InvalidArchitecture(SpaceError):
    """Raised by a user's function in a space: these values make no valid architecture.

    Searchers, `enumerate_architectures` and `count` skip such architectures.

    Example:
        >>> import jarch as ja
        >>> def narrow(depth, width):
        ...     if depth * width > 64:
        ...         raise ja.InvalidArchitecture(f"{depth} layers of width {width} are too much")
        ...     return ja.sequential(*[ja.nn.dense(width) for _ in range(depth)])
        >>> def space():
        ...     depth, width = ja.Discrete([1, 2, 3], "depth"), ja.Discrete([16, 32], "width")
        ...     return ja.substitution(narrow, {"depth": depth, "width": width})
        >>> ja.count(ja.trace(space))  # of 6: three layers of 32 are not among them
        5
    """


class ShapeError(SpaceError):
    """Shapes that do not fit; the message names the node, the shapes and the decisions.

    Attributes:
        node: The key of the node; "" where no node is to blame.
        reason: What does not fit there, without the rest of the message.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(lambda: ja.nn.max_pool(window=3)), [])
        >>> try:
        ...     ja.analyze(net, {"in": (2, 2, 1)})
        ... except ja.ShapeError as error:
        ...     print(error.node, "|", error.reason.partition(";")[0])
        max_pool | a window of (3, 3) does not fit into (2, 2) without padding
    """

    def __init__(self, message: str, node: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.node = node
        self.reason = reason or message


class ParseError(SpaceError):
    """A text or JSON form that does not describe an architecture; the message says where.

    Example:
        >>> import jarch as ja
        >>> try:
        ...     ja.parse("architecture(@in) -> (out=%a) {")
        ... except ja.ParseError as error:
        ...     print(error)
        line 1: the block that begins here has no closing brace
    """
