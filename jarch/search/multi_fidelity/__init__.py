"""Searchers that evaluate many candidates briefly, and the better ones again for longer."""

from .asha import AshaConfig as AshaConfig, AshaSearcher as AshaSearcher
from .hyperband import HyperbandConfig as HyperbandConfig, HyperbandSearcher as HyperbandSearcher
from .ladder import brackets as brackets, levels as levels
