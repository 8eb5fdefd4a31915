"""Zero-cost proxies: what says, on one batch and before any training, how good a candidate may be.

They need JAX, which is loaded with this package.
"""

from .catalogue import PROXIES as PROXIES
from .evaluator import ZeroCostEvaluator as ZeroCostEvaluator
from .proxy import Proxy as Proxy
from .scoring import zero_cost_scores as zero_cost_scores
