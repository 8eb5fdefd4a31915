"""The operations of jarch: for each its shapes, its variables and its FLOPs, in pure Python.

Every rule takes shapes without the batch axis. FLOPs are those of one example in inference, as
XLA counts them before it optimises: a multiply-accumulate is two, zeros of padding are none.

The initialisers that variables name:

- `zeros`, `ones`
- `lecun_normal`: truncated normal of variance 1 / fan-in, the fan-in being the product of all axes
  but the last
- `lecun_normal_first_axis`: the same, the fan-in being the first axis alone
- `embedding_normal`: normal, not truncated, of variance 1 / last axis
"""

from collections.abc import Mapping
from types import MappingProxyType

from jarch.ir.operations import Op

from .activation import (
    ACTIVATION,
    ACTIVATION_NAMES as ACTIVATION_NAMES,
    ELU,
    GELU,
    HARD_SWISH,
    LEAKY_RELU,
    RELU,
    RELU6,
    SELU,
    SIGMOID,
    SILU,
    SOFTMAX,
    SOFTPLUS,
    TANH,
)
from .attention import ATTENTION, SQUEEZE_EXCITE
from .convolution import CONV, DEPTHWISE_CONV, SEPARABLE_CONV
from .dense import DENSE, EMBEDDING
from .merging import ADD, CONCATENATE, FLATTEN, IDENTITY, MULTIPLY, ZERO
from .normalization import BATCH_NORM, DROP_PATH, DROPOUT, GROUP_NORM, LAYER_NORM
from .pooling import AVG_POOL, GLOBAL_AVG_POOL, GLOBAL_MAX_POOL, MAX_POOL
from .rules import check_property as check_property

OPS: Mapping[str, Op] = MappingProxyType(
    {
        "activation": ACTIVATION,
        "add": ADD,
        "attention": ATTENTION,
        "avg_pool": AVG_POOL,
        "batch_norm": BATCH_NORM,
        "concatenate": CONCATENATE,
        "conv": CONV,
        "dense": DENSE,
        "depthwise_conv": DEPTHWISE_CONV,
        "drop_path": DROP_PATH,
        "dropout": DROPOUT,
        "elu": ELU,
        "embedding": EMBEDDING,
        "flatten": FLATTEN,
        "gelu": GELU,
        "global_avg_pool": GLOBAL_AVG_POOL,
        "global_max_pool": GLOBAL_MAX_POOL,
        "group_norm": GROUP_NORM,
        "hard_swish": HARD_SWISH,
        "identity": IDENTITY,
        "layer_norm": LAYER_NORM,
        "leaky_relu": LEAKY_RELU,
        "max_pool": MAX_POOL,
        "multiply": MULTIPLY,
        "relu": RELU,
        "relu6": RELU6,
        "selu": SELU,
        "separable_conv": SEPARABLE_CONV,
        "sigmoid": SIGMOID,
        "silu": SILU,
        "softmax": SOFTMAX,
        "softplus": SOFTPLUS,
        "squeeze_excite": SQUEEZE_EXCITE,
        "tanh": TANH,
        "zero": ZERO,
    }
)
"""All operations of jarch, by name."""
