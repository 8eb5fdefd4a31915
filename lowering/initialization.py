"""The variables that a model starts with, computed with NumPy: nothing is compiled.

Each variable has a random stream of its own, which depends on the key, the node's key and the
variable's path alone. So two architectures that share a node start it equally.
"""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX and Flax are partial)

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeAlias, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import DTypeLike
from numpy.typing import NDArray

from jarch.ir import Architecture, Basic, Shape, Source, Variable, analyze

from .errors import LoweringError
from .flax_module import alone, architecture_module
from .initializers import INITIALIZERS

Key: TypeAlias = "int | jax.Array"
Variables: TypeAlias = "dict[str, dict[str, Any]]"
"""Nested dicts: the collection, the node's key, then the path below the node."""

OWN = "own"
"""The initialiser of variables that the operation's rule makes and initialises by itself."""

_Owned: TypeAlias = tuple[str, Variable]
_Words: TypeAlias = NDArray[np.uint32]


def initial_variables(
    architecture: Architecture,
    key: Key,
    shapes: Mapping[str, Shape],
    param_dtype: DTypeLike = jnp.float32,
) -> Variables:
    """Return the variables that a model of the architecture starts with.

    Args:
        architecture: Any.
        key: A JAX random key, of the old kind or the new; or an integer, which stands for
            `jax.random.key` of it. It may be traced: the numbers are the same.
        shapes: Of each input, without the batch axis.
        param_dtype: What parameters are kept in. Other collections, such as statistics, are
            float32, as Flax has them.

    Returns:
        Arrays, such as `variables["params"]["stem/conv"]["kernel"]`.

    Raises:
        LoweringError: The key is no key, or a variable's initialiser is unknown.
        ShapeError: The shapes do not fit.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(lambda: ja.nn.dense(features=2)), [])
        >>> params = initial_variables(net, 0, {"in": (3,)})["params"]
        >>> {name: value.shape for name, value in params["dense"].items()}
        {'kernel': (3, 2), 'bias': (2,)}
    """
    words = _words(key)
    drawn: list[_Owned] = []
    variables: Variables = {}
    known = {Source("", name): tuple(shape) for name, shape in shapes.items()}
    nodes = analyze(architecture, shapes).nodes
    for (_, basic), node in zip(architecture.nodes, nodes, strict=True):
        drawn += [(node.key, v) for v in node.variables if v.initializer != OWN]
        if any(v.initializer == OWN for v in node.variables):
            inputs = [known[source] for _, source in basic.inputs]
            _merge(variables, _own(node.key, basic, inputs, key, param_dtype))
        known.update({Source(node.key, name): shape for name, shape in node.outputs.items()})
    dtype = jax.dtypes.canonicalize_dtype(param_dtype)
    for (node_key, variable), value in zip(drawn, _draw(drawn, words, dtype), strict=True):
        _place(variables, (variable.collection, node_key, *variable.path), value)
    return variables


def _words(key: Key) -> _Words | jax.Array:
    """Return the words that a random key consists of.

    Raises:
        LoweringError: It is no key.
    """
    if isinstance(key, (int, np.integer)):
        if not 0 <= key < 1 << 64:
            raise LoweringError(f"key {key} must be from 0 to 2**64 - 1")
        return np.array([int(key) >> 32, int(key) & 0xFFFFFFFF], np.uint32)
    if isinstance(key, (jax.Array, np.ndarray)):  # pyright: ignore[reportUnnecessaryIsInstance]
        if jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
            key = jax.random.key_data(key)
        if key.dtype == np.uint32 and key.ndim == 1:
            return cast(jax.Array, key) if isinstance(key, Tracer) else np.asarray(key)
    raise LoweringError(f"{key!r} is no random key; pass jax.random.key(seed) or the seed")


def _draw(owned: list[_Owned], words: _Words | jax.Array, dtype: np.dtype[Any]) -> list[jax.Array]:
    """Return the values of the variables, on the device.

    Of a traced key nothing is known yet, so the program that is being traced calls NumPy.
    """
    if not isinstance(words, Tracer):
        values = _draw_now(owned, dtype, np.asarray(words))
        return cast("list[jax.Array]", jax.device_put(values))
    struct: Callable[..., Any] = jax.ShapeDtypeStruct
    expected = [struct(v.shape, _dtype(v, dtype)) for _, v in owned]
    now = partial(_draw_now, owned, dtype)
    drawn = jax.pure_callback(now, expected, words, vmap_method="sequential")
    return cast("list[jax.Array]", drawn)


def _draw_now(owned: list[_Owned], dtype: np.dtype[Any], words: _Words) -> list[NDArray[Any]]:
    start = np.asarray(words).astype("<u4").tobytes()
    return [
        _value(variable, _stream(start, (node_key, *variable.path)), _dtype(variable, dtype))
        for node_key, variable in owned
    ]


def _value(variable: Variable, rng: np.random.Generator, dtype: np.dtype[Any]) -> NDArray[Any]:
    initializer = INITIALIZERS.get(variable.initializer)
    if initializer is None:
        raise LoweringError(
            f"initialiser {variable.initializer!r} of {'/'.join(variable.path)} is none of "
            f"{sorted([*INITIALIZERS, OWN])}; use one of these"
        )
    wide = np.dtype(np.float64 if dtype == np.float64 else np.float32)  # NumPy draws in these
    return initializer(rng, variable.shape, wide).astype(dtype, copy=False)


def _stream(start: bytes, path: Iterable[str]) -> np.random.Generator:
    """Return a generator whose numbers depend on the bytes and the path alone."""
    text = start + "\0".join(path).encode()
    seed = hashlib.blake2b(text, digest_size=16).digest()
    return np.random.Generator(np.random.SFC64(int.from_bytes(seed, "little")))


def _dtype(variable: Variable, param_dtype: np.dtype[Any]) -> np.dtype[Any]:
    return param_dtype if variable.trainable else np.dtype(np.float32)


def _own(
    node_key: str, node: Basic, inputs: list[Shape], key: Key, param_dtype: DTypeLike
) -> Variables:
    """Return the variables that a node's rule makes, run alone."""
    jax_key = cast(Any, key)
    if isinstance(key, (int, np.integer)):
        jax_key = cast(Any, jax.random.wrap_key_data(jnp.asarray(_words(key))))
    arrays = [jnp.zeros((1, *shape)) for shape in inputs]
    module = architecture_module(alone(node_key, node), param_dtype=param_dtype)
    return cast(Variables, module.init(jax_key, *arrays))


def _merge(variables: Variables, more: Variables) -> None:
    for collection, nodes in more.items():
        variables.setdefault(collection, {}).update(nodes)


def _place(tree: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    for name in path[:-1]:
        tree = tree.setdefault(name, {})
    tree[path[-1]] = value
