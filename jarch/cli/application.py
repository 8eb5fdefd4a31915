"""The entry point: which command, and how errors are told."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, TypeAlias

import tyro

from jarch import lowering
from jarch.data import DataError
from jarch.ir import SpaceError
from jarch.runs import RunError, versions
from jarch.tabular import TableError

from .calibrating import Calibrate
from .inspecting import Check, Count, Draw, Sample, Summary
from .searching import Search
from .showing import Show
from .tuning import Tune

_named = tyro.conf.subcommand

Command: TypeAlias = (
    Annotated[Search, _named("search")]
    | Annotated[Show, _named("show")]
    | Annotated[Draw, _named("draw")]
    | Annotated[Count, _named("count")]
    | Annotated[Sample, _named("sample")]
    | Annotated[Check, _named("check")]
    | Annotated[Summary, _named("summary")]
    | Annotated[Calibrate, _named("calibrate")]
    | Annotated[Tune, _named("tune")]
)

_DESCRIPTION = (
    "Neural architecture search in JAX. To begin: jarch search mobilenet --data digits\n\n"
    "SPACE is mobilenet, mobilenet_blog, digits_conv, digits_dense, nasbench201 or "
    "nasbench201_cell, which come with jarch, or a space of your own, module:function or "
    "path.py:function. jarch --version prints versions."
)

WRONG = 2
INTERRUPTED = 130  # as shells count a program that SIGINT ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Of the command line; by default those of this process.

    Returns:
        The exit status: 0; 1 where the answer is no; 2 for an error; 130 after an interrupt.

    Example:
        >>> main(["count", "digits_dense"])  # prints the count and returns the status
        36
        0
    """
    given = sys.argv[1:] if arguments is None else arguments
    if list(given) == ["--version"]:
        print(", ".join(f"{name} {version}" for name, version in versions().items()))
        return 0
    try:
        command: Command = tyro.cli(
            Command,
            prog="jarch",
            description=_DESCRIPTION,
            args=given,
            config=(tyro.conf.FlagCreatePairsOff, tyro.conf.PositionalMetavarFromFieldName),
        )
        return command.run()
    except (
        SpaceError,
        DataError,
        RunError,
        TableError,
        lowering.TrainConfigError,
        lowering.TrainingFailed,
        lowering.ExportError,
    ) as error:
        print(f"jarch: error: {error}", file=sys.stderr)
        return WRONG
    except KeyboardInterrupt:
        print("jarch: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has seen enough
        sys.stderr.close()
        return 0
