"""What the tests of pictures draw."""

import jarch as ja
from jarch import nn

SVG = "{http://www.w3.org/2000/svg}"
BLOG_VALUES = [2, 0, 1, 16, 3, 2, 1, 1, 1, 1, 3, 2, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1]


def double(width: int) -> int:
    return 2 * width


def small() -> ja.Fragment:
    width = ja.Discrete([8, 16], name="width")
    twice = ja.Dependent(double, {"width": width}, name="twice")
    return ja.sequential(
        nn.conv(features=width, kernel_size=ja.Discrete([3, 5], name="kernel")),
        ja.optional(nn.batch_norm, ja.Bool("norm")),
        nn.relu,
        ja.repeat(lambda: nn.dense(features=twice), ja.Discrete([1, 2])),
    )
