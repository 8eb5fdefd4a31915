"""Searchers that evaluate many candidates briefly, and the better ones again for longer."""

from .asha import AshaConfig as AshaConfig, AshaSearcher as AshaSearcher
from .async_hyperband import (
    AsyncHyperbandConfig as AsyncHyperbandConfig,
    AsyncHyperbandSearcher as AsyncHyperbandSearcher,
)
from .bohb import BohbConfig as BohbConfig, BohbSearcher as BohbSearcher
from .halving import (
    SuccessiveHalvingConfig as SuccessiveHalvingConfig,
    SuccessiveHalvingSearcher as SuccessiveHalvingSearcher,
)
from .hyperband import HyperbandConfig as HyperbandConfig, HyperbandSearcher as HyperbandSearcher
from .ladder import brackets as brackets, levels as levels
from .narrowing import (
    SuccessiveNarrowingConfig as SuccessiveNarrowingConfig,
    SuccessiveNarrowingSearcher as SuccessiveNarrowingSearcher,
)
