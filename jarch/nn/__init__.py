"""Operations: each function returns a piece of graph with one node.

A property is a constant or a hyperparameter. Shapes leave out the batch axis in front; channels
are the last axis.
"""

from .activations import (
    activation as activation,
    elu as elu,
    gelu as gelu,
    hard_swish as hard_swish,
    leaky_relu as leaky_relu,
    relu as relu,
    relu6 as relu6,
    selu as selu,
    sigmoid as sigmoid,
    silu as silu,
    softmax as softmax,
    softplus as softplus,
    tanh as tanh,
)
from .attentions import attention as attention, squeeze_excite as squeeze_excite
from .convolutions import (
    conv as conv,
    depthwise_conv as depthwise_conv,
    separable_conv as separable_conv,
)
from .custom import CustomOp as CustomOp, op as op
from .linear import dense as dense, embedding as embedding
from .linen import from_linen as from_linen
from .merging import (
    add as add,
    concatenate as concatenate,
    flatten as flatten,
    identity as identity,
    multiply as multiply,
    zero as zero,
)
from .normalizations import (
    batch_norm as batch_norm,
    drop_path as drop_path,
    dropout as dropout,
    group_norm as group_norm,
    layer_norm as layer_norm,
)
from .pooling import (
    avg_pool as avg_pool,
    global_avg_pool as global_avg_pool,
    global_max_pool as global_max_pool,
    max_pool as max_pool,
)
