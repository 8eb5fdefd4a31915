"""Trained models on disk: three readable parts, proved by loading them."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import jax.numpy as jnp
import numpy as np

from jarch.ir import Op, from_json, to_json
from jarch.lowering.augmentation.kinds import (
    as_augmentations,
    describe_augmentation,
    read_augmentation,
)
from jarch.lowering.model import lower

from .array_files import read_arrays, write_arrays
from .config import TrainConfig
from .errors import ExportError
from .interrupts import to_the_end
from .metrics import METRICS, Metric
from .proofs import prove_in_new_process, prove_same
from .trained import EpochReport, Signature, Trained

_FORMAT = "jarch.trained/1"
_ARCHITECTURE, _CONFIG, _WEIGHTS = "architecture.json", "config.json", "weights"
_PACKAGES = ("jax", "flax", "optax", "orbax-checkpoint", "numpy")


def save(trained: Trained, folder: str | Path, *, new_process: bool = True) -> Path:
    """Write a trained model to a folder, and prove that it loads as the same model.

    The folder then holds `architecture.json`, `config.json` (configuration, shapes, history,
    metrics, versions) and `weights/` (orbax); other files in it stay. The parts are written beside
    their places, loaded from there, and moved only if the loaded model gives the same outputs on a
    fixed batch. A configuration's functions (an optimiser, a schedule) are written as their text.

    Args:
        trained: What `fit` returned.
        folder: Made if it is not there; an earlier model in it is replaced.
        new_process: Prove it also in a new process, which takes some seconds and needs all
            operations of the user's to be importable.

    Returns:
        The folder.

    Raises:
        ExportError: The model does not load, or gives other outputs when it is loaded; what was in
            the folder is as before.
    """
    place = Path(folder).expanduser().absolute()
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place, prefix=".saving-") as temporary:
        written = Path(temporary)
        _write(trained, written)
        prove_same(trained, load(written, _ops_of(trained)))
        if new_process:
            prove_in_new_process(trained, written)
        to_the_end(lambda: _replace(written, place))
    return place


def load(folder: str | Path, ops: Mapping[str, Op] | None = None) -> Trained:
    """Return the trained model in a folder that `save` wrote.

    Functions of its configuration, and metrics that are not jarch's own, do not come back: what
    stands in their place cannot be trained with again.

    Args:
        folder: Where.
        ops: Operations of the user's by name, for those that cannot be imported by it.

    Raises:
        ExportError: There is no complete model in it, or not of this version of jarch.
        ParseError: Its architecture cannot be read.

    Example:
        >>> import tempfile
        >>> import jarch as ja
        >>> space = ja.trace(lambda: ja.sequential(ja.nn.flatten, ja.nn.dense(10)))
        >>> config = ja.TrainConfig(epochs=1)
        >>> trained = ja.fit(ja.replay(space, []), ja.load_data("digits"), config)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     again = load(save(trained, folder, new_process=False))
        >>> again.architecture == trained.architecture
        True
    """
    place = Path(folder).expanduser().absolute()
    missing = [p for p in (_ARCHITECTURE, _CONFIG, _WEIGHTS) if not (place / p).exists()]
    if missing:
        raise ExportError(f"{place} has no {missing[0]}; give a folder that save wrote")
    try:
        read: dict[str, Any] = json.loads((place / _CONFIG).read_text())
        if read["format"] != _FORMAT:
            raise ExportError(f"{place}: format {read['format']!r} is unknown; update jarch")
        return _read(place, read, ops)
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ExportError(f"{place / _CONFIG} is damaged: {error!r}; save it again") from error


def _write(trained: Trained, folder: Path) -> None:
    module = trained.model.module
    description = {
        "format": _FORMAT,
        "config": plain_config(trained.config),
        "signature": asdict(trained.signature),
        "history": [asdict(report) for report in trained.history],
        "validation": dict(trained.validation),
        "dtype": None if module.dtype is None else str(jnp.dtype(module.dtype)),
        "param_dtype": str(jnp.dtype(module.param_dtype)),
        "versions": {name: version(name) for name in _PACKAGES},
    }
    (folder / _ARCHITECTURE).write_text(to_json(trained.architecture, indent=1) + "\n")
    (folder / _CONFIG).write_text(json.dumps(description, indent=1) + "\n")
    write_arrays(folder / _WEIGHTS, _host(trained.variables))


def _read(place: Path, read: Mapping[str, Any], ops: Mapping[str, Op] | None) -> Trained:
    architecture = from_json((place / _ARCHITECTURE).read_text(), ops)
    model = lower(architecture, dtype=read["dtype"], param_dtype=read["param_dtype"])
    signature = Signature(**{k: _tuples(v) for k, v in read["signature"].items()})
    example = np.zeros((1, *signature.input_shape), signature.input_dtype)
    like = {name: tree for name, tree in model.init(0, example).items() if tree}
    try:
        variables = read_arrays(place / _WEIGHTS, _host(like))
    except (OSError, ValueError) as error:
        raise ExportError(f"{place / _WEIGHTS} cannot be read: {error}") from error
    return Trained(
        model,
        variables,
        TrainConfig(**_config_fields(read["config"])),
        signature,
        tuple(EpochReport(**report) for report in read["history"]),
        read["validation"],
    )


def _ops_of(trained: Trained) -> dict[str, Op]:
    return {node.op.name: node.op for _, node in trained.architecture.nodes}


def _replace(written: Path, place: Path) -> None:
    """Put the parts in their places; what was there goes away with the temporary folder."""
    for part in (_WEIGHTS, _ARCHITECTURE, _CONFIG):
        if (place / part).exists():
            shutil.move(place / part, written / f"{part}-before")
        os.replace(written / part, place / part)


def _host(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tree as plain dicts of NumPy arrays, which orbax restores without a device."""
    return {
        name: _host(value) if isinstance(value, Mapping) else np.asarray(value)  # pyright: ignore
        for name, value in variables.items()
    }


def plain_config(config: TrainConfig) -> dict[str, Any]:
    """Return the configuration as JSON takes it."""
    values = {field.name: getattr(config, field.name) for field in fields(config)}
    values["metrics"] = [m.name if isinstance(m, Metric) else m for m in config.metrics]
    values["optimizer_options"] = dict(config.optimizer_options)
    values["augment"] = [describe_augmentation(each) for each in as_augmentations(config.augment)]
    for name in ("optimizer", "learning_rate"):
        if not isinstance(values[name], (str, int, float)):
            values[name] = {"function": repr(values[name])}
    return values


def _config_fields(read: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(read)
    values["metrics"] = tuple(name for name in values["metrics"] if name in METRICS)
    values["augment"] = tuple(read_augmentation(each) for each in values.get("augment", ()))
    for name in ("optimizer", "learning_rate"):
        if isinstance(values[name], dict):
            values[name] = _lost(name, values[name]["function"])
    return values


def _lost(name: str, text: str) -> Callable[..., Any]:
    """Return what stands in the place of a function that was not saved: it says so if called."""

    def lost(*_arguments: Any, **_named: Any) -> Any:
        raise ExportError(f"{name} was the function {text}, which is not saved; give it anew")

    return lost


def _tuples(value: Any) -> Any:
    return tuple(cast(Iterable[Any], value)) if isinstance(value, list) else value
