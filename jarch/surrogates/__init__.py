"""Surrogates: encodings of architectures, and models that predict scores with an uncertainty."""

from .catalogue import SURROGATES as SURROGATES, make_surrogate as make_surrogate
from .encoder import Encoder as Encoder, FittedEncoder as FittedEncoder
from .surrogate import (
    Fitted as Fitted,
    FloatArray as FloatArray,
    Prediction as Prediction,
    Surrogate as Surrogate,
    SurrogateError as SurrogateError,
    check_observations as check_observations,
)
