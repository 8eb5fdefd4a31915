"""How the members of a program are computed: in turn, side by side, or spread over devices."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, inf
from typing import Any, Literal, TypeAlias, cast

import jax
from jax.sharding import Mesh

from jarch.lowering.training.errors import TrainConfigError, TrainingFailed
from jarch.lowering.training.feeding import place_of
from jarch.lowering.training.kinds import kind_of
from jarch.lowering.training.memory import available_bytes
from jarch.lowering.training.preparation import require_memory_for
from jarch.lowering.training.probes import overruling, remembered_choice
from jarch.lowering.training.ways import MOST_STEPS

from .grouping import bytes_of, parameters_of
from .members import Member
from .meshes import check_mesh, local_devices, population_mesh
from .stacks import Stack

Executor: TypeAlias = Literal["auto", "serial", "vmap", "sharded"]
"""In turn by one program; side by side in one; spread over devices; or what is fastest."""

EXECUTORS = ("auto", "serial", "vmap", "sharded")
CHOICE = "population"
"""The kind of choice that `probes.overrule_choice` may overrule."""

_REMEDY = "let executor be 'serial' or 'auto', or train fewer at a time"
_LEAST_SECONDS, _MOST_STEPS, _ROUNDS = 0.03, 64, 3
_DeviceError = cast(type[RuntimeError], jax.errors.JaxRuntimeError)


@dataclass(frozen=True, slots=True)
class Means:
    """What the caller said of executor, devices and memory.

    Attributes:
        executor: Which.
        mesh: Over which to spread; None for all devices of this process.
        memory_limit: As of `fit`.
    """

    executor: Executor
    mesh: Mesh | None
    memory_limit: float | None = None


def means_of(
    executor: Executor,
    mesh: Mesh | None,
    devices: Sequence[Any] | None,
    memory_limit: float | None = None,
) -> Means:
    """Return what is to be used.

    Raises:
        TrainConfigError: There is no such executor, or it takes no mesh and no devices.
    """
    if executor not in EXECUTORS:
        raise TrainConfigError(f"executor is {executor!r}; it must be one of {[*EXECUTORS]}")
    given = mesh is not None or devices is not None
    if given and (executor in ("serial", "vmap") or (mesh is not None and devices is not None)):
        raise TrainConfigError(
            "mesh or devices, one of them, says over which devices members are spread; leave out "
            f"the other, and let executor be 'sharded' or 'auto', not {executor!r}"
        )
    if mesh is None and devices is not None:
        mesh = population_mesh(devices)
    return Means("sharded" if given else executor, mesh, memory_limit)


def refuse_too_large(members: Sequence[Member], limit: float | None) -> None:
    """Let those fail that surely do not fit into memory, each alone, before any of it is taken."""
    for member in members:
        try:
            require_memory_for(member.run, limit)
        except TrainingFailed as failure:
            member.failure = failure.with_traceback(None)


def stacks_of(members: Sequence[Member], means: Means, keeps: bool = False) -> list[Stack]:
    """Return the members of one program in stacks that are trained one after the other.

    By `"auto"` each is trained as `fit` would where they take few steps in all; and so it goes on,
    whatever the executor, if that is by programs of segments, whose state is another. Else no more
    of them go together than the memory probably holds; it would not be an error but the end of the
    process that says so on a CPU.

    Args:
        members: With as many steps behind them, and alike in whether they go on in segments.
        means: What the caller said.
        keeps: Whether they are to be kept, see `Stack`.
    """
    begun = members[0].begins is not None
    auto = means.executor == "auto"
    if members[0].in_segments if begun else auto and _take_few_steps(members):
        return [Stack([member], only=True, keeps=keeps) for member in members]
    parts = _parts(members) if auto else [members]
    return [each for part in parts for each in _stacks(part, _chosen(part, means), means, keeps)]


def _take_few_steps(members: Sequence[Member]) -> bool:
    """Say whether compiling their program for going together takes longer than it can save.

    On a CPU `fit` trains for few steps by programs that other architectures share.
    """
    if overruling(CHOICE) is not None or jax.default_backend() != "cpu":
        return False
    return sum(int(member.run.rates.size) for member in members) <= MOST_STEPS


def _parts(members: Sequence[Member]) -> list[Sequence[Member]]:
    """Return as few parts as fit in half of the memory, of about the same length."""
    available = available_bytes()
    if available is None:
        return [members]
    most = max(1, available // 2 // max(1, bytes_of(members[0].run)))
    length = ceil(len(members) / ceil(len(members) / most))
    return [members[i : i + length] for i in range(0, len(members), length)]


def _chosen(members: Sequence[Member], means: Means) -> str:
    if not parameters_of(members[0].run):
        return "serial"  # there is nothing to be stacked
    if means.executor != "auto":
        return means.executor
    if place_of(members[0].run.data) == "host":
        return "serial"  # each draws other batches, which would all have to be sent
    names = ["serial"]
    names += ["vmap"] if len(members) > 1 else []
    names += ["sharded"] if len(members) > 1 and len(local_devices()) > 1 else []
    if len(names) == 1:
        return names[0]
    key = kind_of(members[0].run, members=len(members))
    return remembered_choice(CHOICE, key, lambda: measured(members, names), names=names)


def measured(members: Sequence[Member], names: Sequence[str]) -> dict[str, float]:
    """Return how many seconds a step of all members takes, by executor.

    The members are not trained by it: they begin anew later.
    """
    takes: dict[str, Callable[[], float]] = {}
    for name in names:
        stack = _stacks(members, name, Means("auto", None))[0]
        times = len(members) if name == "serial" else 1
        try:
            takes[name] = _timer(stack, times)
        except _DeviceError:  # too large, say
            continue
    found = dict.fromkeys(names, inf)
    for _ in range(_ROUNDS):  # in turn, because machines drift
        for name, take in takes.items():
            found[name] = min(found[name], take())
    return found


def _timer(stack: Stack, times: int) -> Callable[[], float]:
    """Return what measures the seconds of a step, `times` over."""
    take, _ = stack.begin()
    take()
    stack.wait()

    def seconds(steps: int) -> float:
        began = time.perf_counter()
        for _ in range(steps):
            take()
        stack.wait()
        return (time.perf_counter() - began) / steps

    steps = max(2, min(_MOST_STEPS, round(_LEAST_SECONDS / max(seconds(2), 1e-6))))
    return lambda: seconds(steps) * times


def _stacks(
    members: Sequence[Member], executor: str, means: Means, keeps: bool = False
) -> list[Stack]:
    if executor == "serial":
        only = len(members) == 1 and not keeps
        return [Stack([member], only=only, keeps=keeps) for member in members]
    if executor == "vmap":
        require_memory_for(members[0].run, means.memory_limit, len(members), _REMEDY)
        return [Stack(members, keeps=keeps)]
    size = members[0].run.batch_size
    return [Stack(members, check_mesh(means.mesh or _no_larger(members), size), keeps=keeps)]


def _no_larger(members: Sequence[Member]) -> Mesh:
    """Return a mesh of the devices of this process, no more than there are members."""
    return population_mesh(local_devices()[: len(members)])
