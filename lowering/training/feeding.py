"""How steps get their examples: all lie on the device, or one batch is sent after the other.

Data that fit are put on the device once, and a step gathers its batch there. Others stay on the
host, memory-mapped perhaps, and grain gathers the next batch and sends it, in a thread, while the
device works on the one before. A step is the same in both cases, and so is what it comes to.
"""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple, TypeAlias
from weakref import WeakKeyDictionary

import jax
import numpy as np
import numpy.typing as npt

from .batches import Data, batches, device_data, target_rows
from .memory import available_bytes
from .steps import Epoch

Place: TypeAlias = Literal["device", "host"]
"""Where a data set lies while a model is trained on it."""

_PART = 0.5  # of the free memory that a data set may take on the device
_places: WeakKeyDictionary[Data, Place] = WeakKeyDictionary()
_overruled: Place | None = None


class Fed(NamedTuple):
    """What some steps take their batches from. On the device."""

    steps: int  # so many, one after the other
    x: Any  # inputs
    y: Any  # targets
    epoch: Epoch  # whose order says which of these examples make up a batch


def place_of(data: Data) -> Place:
    """Return where a data set lies; decided when it is first asked for."""
    if _overruled is not None:
        return _overruled
    if data not in _places:
        arrays = (data.x_train, data.y_train, data.x_validation)
        free = available_bytes()
        fits = free is None or sum(each.nbytes for each in arrays) <= _PART * free
        _places[data] = "device" if fits else "host"
    return _places[data]


def overrule_place(place: Place | None) -> None:
    """Leave data there in this process, whatever their size; None goes by their size again."""
    global _overruled
    _overruled = place


@contextmanager
def overruled_place(place: Place | None) -> Generator[None]:
    """Overrule meanwhile; see `overrule_place`."""
    before = _overruled
    overrule_place(place)
    try:
        yield
    finally:
        overrule_place(before)


def fed(
    data: Data,
    batch_size: int,
    epoch: Epoch,
    first: int,
    last: int,
    wait: Callable[[], object],
    ahead: int = 8,
) -> Iterator[Fed]:
    """Yield what steps take their batches from: all steps at once where data are on the device.

    Args:
        data: Wherever they lie.
        batch_size: Examples a step.
        epoch: On the host.
        first: The first step of the epoch to take, from 0.
        last: The step after the last.
        wait: Waits for the last step; called every `ahead` steps where batches come one by one,
            so that no more of them than that lie on the device.
        ahead: See `wait`.
    """
    if place_of(data) == "device":
        device = device_data(data, batch_size)
        yield Fed(last - first, device.x, device.y, jax.device_put(epoch))
        return
    order = epoch.order
    rows = np.broadcast_to(np.arange(batch_size, dtype=np.int32), order.shape)
    as_they_are = jax.device_put(epoch._replace(order=rows))
    for step, (x, y) in enumerate(_sent(data, order[first:last])):
        if step % ahead == ahead - 1:
            wait()
        yield Fed(1, x, y, as_they_are)


def begin_validation(
    data: Data, batch_size: int, outputs: Callable[[Any], Any]
) -> Callable[[], npt.NDArray[Any]]:
    """Return what waits for the outputs for the validation split, one example of it at least.

    Where data are on the device, it works on all of them from now on. Others are sent when they are
    waited for.

    Args:
        data: Wherever they lie.
        batch_size: Examples that go together.
        outputs: Gives those of one batch; the device may still be computing them.
    """

    def joined(found: Iterable[Any]) -> npt.NDArray[Any]:
        return np.concatenate([np.asarray(each) for each in found])[: len(data.x_validation)]

    if place_of(data) == "device":
        coming = [outputs(batch) for batch in device_data(data, batch_size).validation]
        return lambda: joined(coming)
    split = batches(data.x_validation, batch_size)
    return lambda: joined(outputs(jax.device_put(batch)) for batch in split)


def _sent(data: Data, order: npt.NDArray[np.int32]) -> Iterator[tuple[Any, Any]]:
    """Yield inputs and targets of batch after batch; the next one is under way meanwhile."""
    import grain  # which takes half a second, and is for large data alone

    targets = target_rows(data.y_train, data.num_classes)

    def send(rows: npt.NDArray[np.int32]) -> Any:
        return jax.device_put((np.asarray(data.x_train[rows]), np.asarray(targets[rows])))

    sent = grain.MapDataset.source(list(order)).map(send)
    yield from sent.to_iter_dataset(grain.ReadOptions(num_threads=1, prefetch_buffer_size=1))
