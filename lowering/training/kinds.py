"""Of which kind a program is: what decides which of several equal ways is fastest for it."""

from __future__ import annotations

import json
from math import log2
from typing import Any, cast

from .preparation import Run, analysis_of
from .program_key import own_rules


def kind_of(run: Run, **further: int) -> str:
    """Return the kind of a program, as text.

    That are its operations, its work to within a factor of two either way, and the examples of a
    batch.

    Args:
        run: With the program.
        further: What else a choice depends on.
    """
    architecture, analysis = run.model.architecture, analysis_of(run)
    described: dict[str, Any] = {
        "operations": sorted({node.op.name for _, node in architecture.nodes}),
        "own": [name for name, _ in cast(Any, own_rules(run.program.module)) or ()],
        "work": round(log2(max(1, analysis.flops * run.batch_size)) / 2),
        "parameters": round(log2(max(1, analysis.parameters)) / 2),
        "dtype": str(run.program.module.dtype),
        "optimizer": run.program.optimizer if isinstance(run.program.optimizer, str) else None,
        "batch": run.batch_size,
        **further,
    }
    return json.dumps(described, sort_keys=True)
