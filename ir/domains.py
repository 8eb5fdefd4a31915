"""The sets that hyperparameters take their values from.

Every domain can say whether it holds a value, draw one at random, and how many it holds. The
finite ones also index their values from 0, in order, without making a list of them.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from .constants import Constant, as_constant, format_constant
from .errors import AssignmentError, SpaceError

if TYPE_CHECKING:
    import numpy as np

_INT64 = range(-(2**63), 2**63)  # what NumPy draws
_GREATEST = 1e307  # floats go a little further, but sums and differences have to be finite too
_SHOWN = 8  # values that a message lists before it says how many more there are


class Domain(ABC):
    """What a hyperparameter may be.

    Example:
        >>> import jarch as ja
        >>> domain = ja.trace(ja.spaces.digits_dense).next.domain
        >>> list(domain), domain.size, domain[0], domain.index(3), 4 in domain
        ([1, 2, 3], 3, 1, 2, False)
    """

    __slots__ = ()

    @property
    @abstractmethod
    def size(self) -> int | None:
        """How many values the domain holds; None where they cannot be counted."""

    @abstractmethod
    def canonical(self, value: object) -> Constant:
        """Return the domain's own form of `value`, or raise `AssignmentError`."""

    @abstractmethod
    def sample(self, rng: np.random.Generator) -> Constant:
        """Draw a value at random, uniform over the domain (over its logarithm with `log`)."""

    @abstractmethod
    def __getitem__(self, index: int) -> Constant:
        """Return the value at `index` in the order; raises IndexError outside 0..size-1."""

    @abstractmethod
    def index(self, value: object) -> int:
        """Return where `value` stands in the domain's order, or raise `AssignmentError`."""

    def __len__(self) -> int:
        """Return `size`, for finite domains; Python has no `len` of 2**63 or more."""
        if self.size is None:
            raise SpaceError(f"{self} has no end; only finite domains have a length")
        return self.size

    def __iter__(self) -> Iterator[Constant]:
        """Yield the values in order, for finite domains."""
        return (self[i] for i in range(len(self) if self.size is None else self.size))

    def __contains__(self, value: object) -> bool:
        """Say whether the domain holds `value`."""
        try:
            self.canonical(value)
        except SpaceError:
            return False
        return True

    def _refuse(self, value: object) -> AssignmentError:
        return AssignmentError(f"value {value!r} is not in {self}; pick one of these")


@dataclass(frozen=True, slots=True)
class DiscreteDomain(Domain):
    """Finitely many values in a fixed order.

    Values that Python holds equal, such as 1 and True, may not stand in one domain. A value
    assigned is replaced by the equal one of the domain.

    Attributes:
        values: The values, in order; plain data, at least one, no two equal.

    Raises:
        SpaceError: There are no values, two are equal, or one is not plain data.

    Example:
        >>> domain = DiscreteDomain(((3, 3), (5, 5), None))
        >>> domain.canonical([5, 5]), domain.index(None)
        ((5, 5), 2)
        >>> print(domain)
        {(3, 3), (5, 5), None}
    """

    values: tuple[Constant, ...]
    _positions: dict[Constant, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the values and index them."""
        values = tuple(as_constant(value, "a discrete domain") for value in self.values)
        positions = {value: i for i, value in enumerate(values)}
        if not values:
            raise SpaceError("a discrete domain has no values; give it at least one")
        if len(positions) < len(values):
            twice = next(v for i, v in enumerate(values) if positions[v] != i)
            raise SpaceError(f"a discrete domain holds {twice!r} twice; give each value once")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "_positions", positions)

    @property
    def size(self) -> int:
        """How many values."""
        return len(self.values)

    def canonical(self, value: object) -> Constant:
        """Return the domain's value that equals `value`."""
        return self.values[self.index(value)]

    def index(self, value: object) -> int:
        """Return the position of `value`."""
        try:
            found = self._positions.get(cast(Constant, value))
        except TypeError:  # unhashable: a list stands for the tuple
            found = None
        if found is None:
            try:
                found = self._positions.get(as_constant(value, "value"))
            except SpaceError:
                found = None
        if found is None:
            raise self._refuse(value)
        return found

    def sample(self, rng: np.random.Generator) -> Constant:
        """Draw each value with the same probability."""
        if len(self.values) == 1:
            return self.values[0]
        return self.values[int(rng.random() * len(self.values))]

    def __getitem__(self, index: int) -> Constant:
        """Return the value at `index`."""
        if index < 0:
            raise IndexError(index)
        return self.values[index]

    def __str__(self) -> str:
        """List the values, the first few where there are many."""
        shown = ", ".join(map(format_constant, self.values[:_SHOWN]))
        more = len(self.values) - _SHOWN
        return f"{{{shown}, … {more} more}}" if more > 0 else f"{{{shown}}}"


@dataclass(frozen=True, slots=True)
class PermutationDomain(Domain):
    """All orders of the numbers 0 to n - 1, in lexicographic order, without listing the n! of them.

    Attributes:
        n: How many numbers are ordered; at least 1.

    Raises:
        SpaceError: n is below 1.

    Example:
        >>> list(PermutationDomain(3))
        [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
        >>> PermutationDomain(20).index(range(19, -1, -1)) + 1 == PermutationDomain(20).size
        True
    """

    n: int

    def __post_init__(self) -> None:
        """Check n."""
        if self.n < 1:
            raise SpaceError(f"a permutation of {self.n} items; give it at least one")

    @property
    def size(self) -> int:
        """N!."""
        return math.factorial(self.n)

    def canonical(self, value: object) -> Constant:
        """Return the order as a tuple of ints."""
        try:
            order = tuple(int(i) for i in cast(Iterable[int], value))
        except (TypeError, ValueError):
            raise self._refuse(value) from None
        if sorted(order) != list(range(self.n)):
            raise self._refuse(value)
        return order

    def sample(self, rng: np.random.Generator) -> Constant:
        """Draw each order with the same probability."""
        return tuple(cast(list[int], rng.permutation(self.n).tolist()))

    def __getitem__(self, index: int) -> Constant:
        """Return the order at `index`, read off its factorial digits."""
        if not 0 <= index < self.size:
            raise IndexError(index)
        rest = list(range(self.n))
        order: list[int] = []
        for i in range(self.n - 1, -1, -1):
            digit, index = divmod(index, math.factorial(i))
            order.append(rest.pop(digit))
        return tuple(order)

    def index(self, value: object) -> int:
        """Return the place of an order in lexicographic order."""
        order = cast("tuple[int, ...]", self.canonical(value))
        rest = list(range(self.n))
        place = 0
        for i, item in enumerate(order):
            digit = rest.index(item)
            rest.pop(digit)
            place += digit * math.factorial(self.n - 1 - i)
        return place

    def __str__(self) -> str:
        """Name the domain."""
        return f"the permutations of 0..{self.n - 1}"


@dataclass(frozen=True, slots=True)
class IntegerDomain(Domain):
    """The integers from `low` to `high`, both included.

    Attributes:
        low: The least value.
        high: The greatest value.
        log: Draw uniformly over the logarithm; `low` must be at least 1.

    Raises:
        SpaceError: `low` is above `high`, or below 1 with `log`.

    Example:
        >>> import numpy as np
        >>> widths = IntegerDomain(8, 512, log=True)
        >>> widths.canonical(64.0), 64.5 in widths, widths.size
        (64, False, 505)
        >>> rng = np.random.default_rng(0)
        >>> sorted(widths.sample(rng) for _ in range(5))  # each doubling is as likely
        [8, 9, 23, 111, 233]
    """

    low: int
    high: int
    log: bool = False

    def __post_init__(self) -> None:
        """Check the bounds."""
        _check_range(self.low, self.high, self.log, "integer", 1)

    @property
    def size(self) -> int:
        """How many integers."""
        return self.high - self.low + 1

    def canonical(self, value: object) -> Constant:
        """Return `value` as an int; a float counts where it is whole."""
        number = _as_number(value)
        if number is None or number != int(number) or not self.low <= number <= self.high:
            raise self._refuse(value)
        return int(number)

    def sample(self, rng: np.random.Generator) -> Constant:
        """Draw an integer; with `log`, so that each doubling has the same probability."""
        if not self.log and self.low >= _INT64.start and self.high < _INT64.stop:
            return int(rng.integers(self.low, self.high, endpoint=True))
        if not self.log:
            return self.low + draw_below(self.size, rng)
        edges = math.log(self.low - 0.5), math.log(self.high + 0.5)
        drawn = round(math.exp(edges[0] + rng.random() * (edges[1] - edges[0])))
        return min(max(drawn, self.low), self.high)

    def __getitem__(self, index: int) -> Constant:
        """Return `low + index`."""
        if not 0 <= index < self.size:
            raise IndexError(index)
        return self.low + index

    def index(self, value: object) -> int:
        """Return `value - low`."""
        return cast(int, self.canonical(value)) - self.low

    def __str__(self) -> str:
        """Name the range."""
        return f"the integers {self.low}..{self.high}" + (" (log)" if self.log else "")


@dataclass(frozen=True, slots=True)
class FloatDomain(Domain):
    """The real numbers from `low` to `high`, both included.

    Attributes:
        low: The least value.
        high: The greatest value.
        log: Draw uniformly over the logarithm; `low` must be above 0.

    Raises:
        SpaceError: `low` is above `high`, one is not finite, or `low` is not above 0 with `log`.

    Example:
        >>> import numpy as np
        >>> rates = FloatDomain(1e-4, 1.0, log=True)
        >>> rates.canonical(1), 1.5 in rates, rates.size, FloatDomain(0.5, 0.5).size
        (1.0, False, None, 1)
        >>> rng = np.random.default_rng(0)
        >>> [f"{rates.sample(rng):.0e}" for _ in range(4)]  # each power of ten is as likely
        ['4e-02', '1e-03', '1e-04', '1e-04']
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        """Check the bounds."""
        _check_range(self.low, self.high, self.log, "float", math.ulp(0.0))

    @property
    def size(self) -> int | None:
        """None: not to be counted; 1 where `low` is `high`."""
        return 1 if self.low == self.high else None

    def canonical(self, value: object) -> Constant:
        """Return `value` as a float."""
        number = _as_number(value)
        if number is None or not self.low <= number <= self.high:
            raise self._refuse(value)
        return float(number)

    def sample(self, rng: np.random.Generator) -> Constant:
        """Draw a number, uniform over the range or over its logarithm."""
        if not self.log:
            return self.low + rng.random() * (self.high - self.low)
        low, high = math.log(self.low), math.log(self.high)
        return min(max(math.exp(low + rng.random() * (high - low)), self.low), self.high)

    def __getitem__(self, index: int) -> Constant:
        """Raise: real numbers have no index, unless there is only one."""
        self._check_indexed()
        if index != 0:
            raise IndexError(index)
        return float(self.low)

    def index(self, value: object) -> int:
        """Raise: real numbers have no index, unless there is only one."""
        self._check_indexed()
        self.canonical(value)
        return 0

    def _check_indexed(self) -> None:
        if self.size is None:
            raise SpaceError(f"{self} cannot be enumerated; use a Discrete or an Integer for that")

    def __str__(self) -> str:
        """Name the range."""
        return f"[{self.low}, {self.high}]" + (" (log)" if self.log else "")


def draw_below(total: int, rng: np.random.Generator) -> int:
    """Draw an integer below `total`, of any size, uniformly: draw bits until they fit."""
    bits = total.bit_length()
    while True:
        drawn = int.from_bytes(rng.bytes((bits + 7) // 8), "little") >> (-bits % 8)
        if drawn < total:
            return drawn


def _as_number(value: object) -> int | float | None:
    try:
        constant = as_constant(value, "value")
    except SpaceError:
        return None
    ok = isinstance(constant, (int, float)) and not isinstance(constant, bool)
    return cast("int | float", constant) if ok else None


def _check_range(low: float, high: float, log: bool, kind: str, least: float) -> None:
    if not -math.inf < low <= high < math.inf:
        raise SpaceError(f"{kind} range [{low}, {high}]: low must not be above high, both finite")
    if max(-low, high) > _GREATEST:
        raise SpaceError(f"{kind} range [{low}, {high}]: use bounds between -1e307 and 1e307")
    if log and low < least:
        raise SpaceError(f"{kind} range [{low}, {high}] with log=True: low must be above 0")
