"""Functional search spaces for neural architecture search in JAX.

Write a search space with the functions of `jarch` and `jarch.nn`, `trace` it, and decide:
`assign`, `sample` and `replay` lead from the space to an `Architecture`, which `lower` turns into
a Flax model.
"""

from . import nn as nn
from .combinators import (
    choose as choose,
    dense_block as dense_block,
    hyperparameter_aggregator as hyperparameter_aggregator,
    identity as identity,
    nested_repeat as nested_repeat,
    optional as optional,
    permutation as permutation,
    repeat as repeat,
    residual as residual,
    sequential as sequential,
    share as share,
    split_combine as split_combine,
)
from .ir import (
    Analysis as Analysis,
    Architecture as Architecture,
    AssignmentError as AssignmentError,
    Bool as Bool,
    Dependent as Dependent,
    Discrete as Discrete,
    Domain as Domain,
    Float as Float,
    FloatDomain as FloatDomain,
    Fragment as Fragment,
    Integer as Integer,
    InvalidArchitecture as InvalidArchitecture,
    OneOfK as OneOfK,
    ParseError as ParseError,
    Permutation as Permutation,
    ShapeError as ShapeError,
    Space as Space,
    SpaceError as SpaceError,
    Wiring as Wiring,
    analyze as analyze,
    architecture as architecture,
    assign as assign,
    basic as basic,
    count as count,
    enumerate_architectures as enumerate_architectures,
    fingerprint as fingerprint,
    from_json as from_json,
    parse as parse,
    rank as rank,
    replay as replay,
    sample as sample,
    sample_uniform as sample_uniform,
    substitution as substitution,
    to_json as to_json,
    to_text as to_text,
    trace as trace,
    unrank as unrank,
    verify as verify,
)
