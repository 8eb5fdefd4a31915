"""Proof that a model on disk is the model in memory: load it, run it, compare."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX and NumPy's files are partial)

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from .errors import ExportError
from .metrics import Array
from .trained import Signature, Trained

_EXAMPLES = 4
_TOLERANCE = 1e-5  # another process may compile to other instructions, and so round differently
_PROGRAM = """\
import sys
import numpy as np
import jarch as ja
batch, found = sys.argv[2:]
np.save(found, ja.load(sys.argv[1]).outputs(np.load(batch)))
"""


def prove_same(trained: Trained, loaded: Trained) -> None:
    """Raise `ExportError` unless two models give the same outputs on a fixed batch.

    Both run one program on one machine, so their bits are equal if their weights are.
    """
    batch = proof_batch(trained.signature)
    expected, found = trained.outputs(batch), loaded.outputs(batch)
    if not np.array_equal(expected, found, equal_nan=True):
        raise ExportError(_differs(expected, found))


def prove_in_new_process(trained: Trained, folder: Path) -> None:
    """Raise `ExportError` unless a new process loads the model and gets the same outputs.

    The process imports from where this one does, but knows nothing else of it.
    """
    batch = proof_batch(trained.signature)
    given, made = folder / "proof.npy", folder / "proved.npy"
    np.save(given, batch)
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(folder), str(given), str(made)],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise ExportError(
            f"a new process cannot load the model: {said[-1] if said else 'it ended early'}\n"
            "make what it needs importable, or save with new_process=False and load with ops="
        )
    expected, found = trained.outputs(batch), np.load(made)
    if not np.allclose(expected, found, rtol=_TOLERANCE, atol=_TOLERANCE, equal_nan=True):
        raise ExportError(_differs(expected, found))


def proof_batch(signature: Signature) -> Array:
    """Return the inputs on which models are compared."""
    shape = (_EXAMPLES, *signature.input_shape)
    if np.issubdtype(np.dtype(signature.input_dtype), np.integer):
        return np.zeros(shape, signature.input_dtype)
    return np.random.default_rng(0).random(shape).astype(signature.input_dtype)


def _differs(expected: Array, found: Array) -> str:
    most = np.max(np.abs(expected - found))
    return f"the model gives other outputs when it is loaded, by up to {most}; it was not saved"
