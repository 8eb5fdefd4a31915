"""How much energy the processor has used, where the system tells. Without JAX."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_POWERCAP = Path("/sys/class/powercap")
_MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Zone:
    """A counter of energy that grows up to a range and begins again at 0.

    Attributes:
        counter: The file that holds it, in microjoules.
        range: One more than the most that it holds.
    """

    counter: Path
    range: int

    def read(self) -> int:
        """Return the counter."""
        return int(self.counter.read_text(encoding="ascii"))


def energy_zones() -> tuple[Zone, ...]:
    """Return the counters of all processor packages (RAPL), or none where they cannot be read.

    On Linux they are in `/sys/class/powercap`; many systems let the administrator alone read them,
    and few virtual machines have them.
    """
    zones: list[Zone] = []
    for folder in sorted(_POWERCAP.glob("*-rapl:*")):
        try:
            name = (folder / "name").read_text(encoding="ascii")
            most = int((folder / "max_energy_range_uj").read_text(encoding="ascii"))
            zone = Zone(folder / "energy_uj", most + 1)
            zone.read()
        except (OSError, ValueError):
            continue
        if name.startswith("package"):  # the parts of a package are zones too
            zones.append(zone)
    return tuple(zones)


def read_energy(zones: tuple[Zone, ...]) -> tuple[int, ...]:
    """Return the counters of the zones."""
    return tuple(zone.read() for zone in zones)


def joules_between(
    zones: tuple[Zone, ...], before: tuple[int, ...], after: tuple[int, ...]
) -> float:
    """Return the energy used between two readings, in which no counter went round twice.

    Example:
        >>> zones = (Zone(Path("energy_uj"), 1_000_000),)
        >>> joules_between(zones, (900_000,), (100_000,))
        0.2
    """
    pairs = zip(zones, before, after, strict=True)
    return sum((late - early) % zone.range for zone, early, late in pairs) / _MICRO
