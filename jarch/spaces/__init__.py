"""Search spaces that come with jarch, to search at once and to learn from.

Each is a function of its sizes, for `jarch.trace`; the input is `in`, the output `out` is logits.
"""

from .cells import nasbench201 as nasbench201, nasbench201_cell as nasbench201_cell
from .digits import digits_conv as digits_conv, digits_dense as digits_dense
from .mobilenets import mobilenet as mobilenet
from .published import mobilenet_blog as mobilenet_blog
