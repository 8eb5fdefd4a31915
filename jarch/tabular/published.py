"""NAS-Bench-201: its names of architectures, its table, and what an evaluation costs there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from jarch.ir import Architecture
from jarch.spaces.cells import CELL_DECISIONS, CELL_EDGES, CELL_OPERATIONS

from .errors import TableError
from .evaluator import TabularEvaluator
from .reading import read_table
from .table import Key, Table

TEST_COLUMNS: Mapping[str, str] = {
    "c10v_val_12": "c10_test_200",
    "c100_val_12": "c100_test_200",
    "in16_val_12": "in16_test_200",
}
"""The signals of a search, and what tests its result: accuracies in percent.

A signal is the validation accuracy after 12 epochs, the test accuracy that after 200.
"""

EPOCH_FACTORS: Mapping[str, float] = {
    "c10v_val_12": 1.0,
    "c100_val_12": 2.0,
    "in16_val_12": 6.068,
}
"""How much longer an epoch takes than on the half of CIFAR-10 that CIFAR-10's signal trains on."""

_ARCH = re.compile(r"\|(.+)~0\|\+\|(.+)~0\|(.+)~1\|\+\|(.+)~0\|(.+)~1\|(.+)~2\|")


def to_arch_string(architecture: Architecture | Sequence[str]) -> str:
    """Return the benchmark's name of an architecture.

    Args:
        architecture: Of the space `nasbench201` or `nasbench201_cell`, or the six operations in
            the order of `CELL_EDGES`.

    Raises:
        TableError: It has not the six decisions.

    Example:
        >>> to_arch_string(["skip_connect"] * 5 + ["none"])
        '|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|none~2|'
    """
    a, b, c, d, e, f = cell_operations(architecture)
    return f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"


def from_arch_string(text: str) -> dict[str, str]:
    """Return the six decisions of the architecture of a name, by key, in the order of the name.

    Raises:
        TableError: It is no name of the benchmark.

    Example:
        >>> import jarch as ja
        >>> name = "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|skip_connect~2|"
        >>> net = ja.replay(ja.trace(ja.spaces.nasbench201_cell), from_arch_string(name))
        >>> to_arch_string(net) == name
        True
    """
    match = _ARCH.fullmatch(text)
    if match is None:
        raise TableError(f"{text!r} is not of the form |op~0|+|op~0|op~1|+|op~0|op~1|op~2|")
    return dict(zip(CELL_DECISIONS, _known(match.groups()), strict=True))


def cell_operations(architecture: Architecture | Sequence[str]) -> tuple[str, ...]:
    """Return the six operations of a cell in the order of `CELL_EDGES`.

    Raises:
        TableError: There are not six, or one is unknown.

    Example:
        >>> import jarch as ja
        >>> name = "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|skip_connect~2|"
        >>> net = ja.replay(ja.trace(ja.spaces.nasbench201_cell), from_arch_string(name))
        >>> cell_operations(net)
        ('none', 'none', 'none', 'nor_conv_3x3', 'none', 'skip_connect')
    """
    if not isinstance(architecture, Architecture):
        return _known(tuple(architecture))
    decisions = dict(architecture.decisions)
    if not decisions.keys() >= set(CELL_DECISIONS):
        raise TableError(
            f"an architecture with the decisions {sorted(decisions)} is none of NAS-Bench-201, "
            f"which has {', '.join(CELL_DECISIONS)}; use jarch.spaces.nasbench201_cell"
        )
    return tuple([str(decisions[name]) for name in CELL_DECISIONS])


def _known(operations: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [name for name in operations if name not in CELL_OPERATIONS]
    if unknown or len(operations) != len(CELL_EDGES):
        raise TableError(
            f"{operations} are not {len(CELL_EDGES)} operations of {', '.join(CELL_OPERATIONS)}"
        )
    return operations


def cost_column(signal: str) -> str:
    """Return the name of the column that says what an evaluation by a signal costs.

    Example:
        >>> cost_column("c10v_val_12")
        'c10v_val_12_seconds'
    """
    return f"{signal}_seconds"


def read_nasbench201(path: str | Path) -> Table:
    """Read the table of NAS-Bench-201 from a CSV file, which may be compressed by gzip.

    It needs the column `arch`, the benchmark's names; which of the others it needs is for the
    evaluator to say. From `train_s_per_epoch`, the seconds t of an epoch on half of CIFAR-10, it
    makes a column of simulated seconds for each signal: 12 t for training and 1.009 + 0.2487 t
    for the validation, where t grows with the size of the data set (`EPOCH_FACTORS`). So the
    clock of the paper ran; the second term is an estimate.

    Args:
        path: Of the file.

    Raises:
        TableError: There is no such file, it is no such table, a name is none of the benchmark's,
            or a column is missing.

    Example:
        >>> import os, tempfile
        >>> name = "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|skip_connect~2|"
        >>> lines = ["arch,c10v_val_12,train_s_per_epoch", f"{name},84.5,10"]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "table.csv"
        ...     _ = path.write_text(os.linesep.join(lines))
        ...     table = read_nasbench201(path)
        >>> table.value(0, cost_column("c10v_val_12"))  # simulated seconds
        123.496
    """
    table = read_table(path, ["arch"], _arch_key, check=lambda key: from_arch_string(key[0]))
    epoch = table.column("train_s_per_epoch")
    return table.with_columns(
        {
            cost_column(signal): 12 * factor * epoch + 1.009 + 0.2487 * factor * epoch
            for signal, factor in EPOCH_FACTORS.items()
        }
    )


def nasbench201_evaluator(
    table: Table, signal: str = "c10v_val_12", others: Sequence[str] = ()
) -> TabularEvaluator:
    """Return the evaluator of NAS-Bench-201: `validation`, `test` and `cost` of an architecture.

    Args:
        table: From `read_nasbench201`.
        signal: One of `TEST_COLUMNS`.
        others: More columns to return.

    Raises:
        TableError: The signal is none, or the table lacks a column.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> name = "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|skip_connect~2|"
        >>> numbers = {"c10v_val_12": 84.5, "c10_test_200": 93.0, "c10v_val_12_seconds": 123.5}
        >>> columns = {column: np.array([number]) for column, number in numbers.items()}
        >>> table = Table("201", {(name,): 0}, columns, lambda net: (to_arch_string(net),))
        >>> evaluate = nasbench201_evaluator(table)
        >>> net = ja.replay(ja.trace(ja.spaces.nasbench201_cell), from_arch_string(name))
        >>> evaluate(net)
        {'validation': 84.5, 'test': 93.0, 'cost': 123.5}
    """
    if signal not in TEST_COLUMNS:
        raise TableError(f"signal {signal!r} is none of {', '.join(TEST_COLUMNS)}")
    return TabularEvaluator(table, signal, TEST_COLUMNS[signal], cost_column(signal), others)


def _arch_key(architecture: Architecture) -> Key:
    return (to_arch_string(architecture),)
