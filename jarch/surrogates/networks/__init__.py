"""Surrogates that are neural networks, in JAX, which is loaded with this package."""

from .ensemble import DeepEnsemble as DeepEnsemble
from .fitted import FittedNetworks as FittedNetworks
from .graph_network import GraphNetwork as GraphNetwork
