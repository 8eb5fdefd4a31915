"""Where the trainings of trials stand that may go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from jarch import lowering

if TYPE_CHECKING:
    from jarch.lowering import Checkpoint

_PREFIX = "trial-"


@dataclass(slots=True)
class Trials:
    """Checkpoints by trial, in memory and, where there is a folder, on disk.

    A checkpoint that is not here any more costs time and nothing else: training from the beginning
    comes to the same.

    Attributes:
        folder: Where another process finds them; None keeps them in memory only.
        keep: At most so many.
    """

    folder: Path | None
    keep: int
    _kept: dict[int, Checkpoint] = field(default_factory=dict[int, "Checkpoint"])

    def find(self, trial: int) -> Checkpoint | None:
        """Return where the trial stands, if that is known."""
        if trial in self._kept or self.folder is None:
            return self._kept.get(trial)
        try:
            return lowering.load_checkpoint(self._place(self.folder, trial))
        except lowering.CheckpointError:
            return None

    def put(self, trial: int, checkpoint: Checkpoint) -> None:
        """Keep where the trial stands now."""
        self._kept.pop(trial, None)
        self._kept[trial] = checkpoint
        if self.folder is not None:
            lowering.save_checkpoint(checkpoint, self._place(self.folder, trial))
        while len(self._kept) > self.keep + 1:  # one more than `retain` leaves
            self.drop(next(iter(self._kept)))

    def drop(self, trial: int) -> None:
        """Forget a trial."""
        self._kept.pop(trial, None)
        if self.folder is not None:
            lowering.remove_checkpoint(self._place(self.folder, trial))

    def retain(self, trials: Sequence[int]) -> None:
        """Forget all but the first of these trials, as many as are to be kept."""
        for trial in {*self._kept, *self._on_disk()} - {*trials[: self.keep]}:
            self.drop(trial)

    def _on_disk(self) -> list[int]:
        if self.folder is None:
            return []
        names = [path.name.removeprefix(_PREFIX) for path in self.folder.glob(f"{_PREFIX}*")]
        return [int(name) for name in names if name.isdecimal()]  # others are somebody else's

    @staticmethod
    def _place(folder: Path, trial: int) -> Path:
        return folder / f"{_PREFIX}{trial}"
