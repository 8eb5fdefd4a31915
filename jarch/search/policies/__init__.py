"""Searchers that learn a policy over the decisions of a space, by policy gradients in JAX."""

from .config import PolicyConfig as PolicyConfig
from .network import Network as Network
from .ppo import PpoConfig as PpoConfig, PpoSearcher as PpoSearcher
from .reinforce import ReinforceConfig as ReinforceConfig, ReinforceSearcher as ReinforceSearcher
from .rounds import PolicySearcher as PolicySearcher
