"""Surrogates: encodings of architectures, and models that predict scores with an uncertainty.

Trees and networks are loaded on first use, because scikit-learn and JAX take long to import.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from jarch.ir.lazy_names import lazy_names

from .adjacency import AdjacencyEncoder as AdjacencyEncoder
from .catalogue import SURROGATES as SURROGATES, make_surrogate as make_surrogate
from .encoder import Encoder as Encoder, FittedEncoder as FittedEncoder
from .gaussian import (
    RbfProcess as RbfProcess,
    RidgeSurrogate as RidgeSurrogate,
    WeisfeilerLehmanProcess as WeisfeilerLehmanProcess,
)
from .joined import JoinedEncoder as JoinedEncoder
from .modules import HashingEncoder as HashingEncoder
from .ngrams import NgramEncoder as NgramEncoder
from .numbers import NumberEncoder as NumberEncoder
from .paths import PathEncoder as PathEncoder
from .surrogate import (
    Directed as Directed,
    Fitted as Fitted,
    FloatArray as FloatArray,
    Prediction as Prediction,
    Surrogate as Surrogate,
    SurrogateError as SurrogateError,
    check_observations as check_observations,
    informed as informed,
)
from .weisfeiler_lehman import WeisfeilerLehmanEncoder as WeisfeilerLehmanEncoder

if TYPE_CHECKING:
    from .calibration import (
        LEVELS as LEVELS,
        Calibration as Calibration,
        Judgement as Judgement,
        calibrate as calibrate,
        usable_sizes as usable_sizes,
    )
    from .calibration_plots import (
        matplotlib_figure as matplotlib_figure,
        plot_calibration as plot_calibration,
    )
    from .forest import BoostingSurrogate as BoostingSurrogate, ForestSurrogate as ForestSurrogate
    from .networks import DeepEnsemble as DeepEnsemble, GraphNetwork as GraphNetwork

_LAZY: Mapping[str, str] = {
    "BoostingSurrogate": "forest",
    "Calibration": "calibration",
    "DeepEnsemble": "networks",
    "ForestSurrogate": "forest",
    "GraphNetwork": "networks",
    "Judgement": "calibration",
    "LEVELS": "calibration",
    "calibrate": "calibration",
    "matplotlib_figure": "calibration_plots",
    "plot_calibration": "calibration_plots",
    "usable_sizes": "calibration",
}

if not TYPE_CHECKING:  # checkers see the names above, and so find misspelt ones
    __getattr__, __dir__ = lazy_names(__name__, globals(), _LAZY)
