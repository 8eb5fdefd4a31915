"""The graph IR of search spaces and the transitions on it: pure Python on immutable values."""

from .analysis import (
    Analysis as Analysis,
    NodeAnalysis as NodeAnalysis,
    Totals as Totals,
    analyze as analyze,
    totals as totals,
    totals_for as totals_for,
)
from .architecture import Architecture as Architecture, properties as properties
from .checking import Counterexample as Counterexample, check as check
from .constants import Constant as Constant, as_constant as as_constant
from .counting import (
    count as count,
    rank as rank,
    sample_uniform as sample_uniform,
    unrank as unrank,
)
from .domains import (
    DiscreteDomain as DiscreteDomain,
    Domain as Domain,
    FloatDomain as FloatDomain,
    IntegerDomain as IntegerDomain,
    PermutationDomain as PermutationDomain,
)
from .errors import (
    AssignmentError as AssignmentError,
    InvalidArchitecture as InvalidArchitecture,
    ParseError as ParseError,
    ShapeError as ShapeError,
    SpaceError as SpaceError,
)
from .fingerprint import fingerprint as fingerprint
from .graph import (
    SINGLE_INPUT as SINGLE_INPUT,
    SINGLE_OUTPUT as SINGLE_OUTPUT,
    Basic as Basic,
    Fragment as Fragment,
    Node as Node,
    Source as Source,
    Substitution as Substitution,
)
from .hyperparameters import (
    Bool as Bool,
    Dependent as Dependent,
    DependentHyperparameter as DependentHyperparameter,
    Discrete as Discrete,
    Float as Float,
    Hyperparameter as Hyperparameter,
    IndependentHyperparameter as IndependentHyperparameter,
    Integer as Integer,
    OneOfK as OneOfK,
    Permutation as Permutation,
    Property as Property,
    is_hyperparameter as is_hyperparameter,
)
from .operations import (
    Inference as Inference,
    InferenceRule as InferenceRule,
    Op as Op,
    Properties as Properties,
    Shape as Shape,
    Shapes as Shapes,
    Variable as Variable,
)
from .ops import (
    ACTIVATION_NAMES as ACTIVATION_NAMES,
    OPS as OPS,
    check_property as check_property,
)
from .serialization import from_json as from_json, to_json as to_json
from .space import Space as Space, SpaceFunction as SpaceFunction, trace as trace
from .text import parse as parse, to_text as to_text
from .transitions import (
    architecture as architecture,
    assign as assign,
    complete as complete,
    enumerate_architectures as enumerate_architectures,
    replay as replay,
    sample as sample,
)
from .verification import verify as verify
from .wiring import Wiring as Wiring, basic as basic, substitution as substitution

if __name__ != "jarch.ir":  # then each class would exist twice
    raise ImportError("this folder is the package jarch.ir; import it under that name")
