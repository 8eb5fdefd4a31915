"""REINFORCE: a recurrent policy that proposes architectures and is rewarded for good ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from .config import PolicyConfig
from .network import Network
from .rounds import PolicySearcher
from .trajectory import Batch
from .updates import improve


@dataclass(frozen=True, slots=True)
class ReinforceConfig(PolicyConfig):
    """The policy and its learning; the defaults are the paper's as far as it gives them.

    Those are all but `decay`, which is that of Zoph et al. 2018, and `bins`. A batch is what one of
    the paper's controllers waits for; a hundred of them shared their weights. The paper raises the
    accuracy itself to the third power (the best of the last five epochs); here it is stretched to
    0..1 before.

    Raises:
        SearchError: A number is out of range.

    Example:
        >>> import jarch as ja
        >>> config = ja.ReinforceConfig(units=16, learning_rate=0.01, batch=4, exponent=1.0)
        >>> searcher = ja.ReinforceSearcher(ja.trace(ja.spaces.digits_dense), config)
        >>> searcher.options()["decay"]
        0.95
    """


@dataclass(slots=True)
class ReinforceSearcher(PolicySearcher[ReinforceConfig]):
    """Follows a policy that is changed along (reward - baseline) times the gradient of log p.

    See `PolicySearcher` for the policy, the rewards and the rounds.

    Reference:
        Zoph and Le 2017, "Neural architecture search with reinforcement learning", ICLR; section
        3.2. Williams 1992, "Simple statistical gradient-following algorithms for connectionist
        reinforcement learning".

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> config = ReinforceConfig(layers=0, batch=5)
        >>> searcher = ReinforceSearcher(space, config, objective=ja.Objective("size"))
        >>> def largest(architecture, seed):
        ...     return {"size": ja.analyze(architecture, {"in": (8, 8, 1)}).parameters}
        >>> found = ja.run_search(searcher, largest, 20, objective="size")
        >>> searcher.network.updates
        4
    """

    name: ClassVar[str] = "reinforce"

    config: ReinforceConfig = field(default_factory=ReinforceConfig)

    def _improve(self, network: Network, batch: Batch) -> None:
        config = self.config
        improve(
            network,
            batch,
            "reinforce",
            learning_rate=config.learning_rate,
            entropy=config.entropy,
        )
