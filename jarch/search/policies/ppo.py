"""Proximal policy optimisation of a recurrent policy that proposes architectures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from jarch.search.checks import check_at_least
from jarch.search.searcher import SearchError

from .config import PolicyConfig
from .network import Network
from .rounds import PolicySearcher
from .trajectory import Batch
from .updates import improve


@dataclass(frozen=True, slots=True)
class PpoConfig(PolicyConfig):
    """The policy and its learning, as for NASNet.

    Zoph et al. 2018 do not tell the settings of PPO itself: `clip` and `epochs` are those of
    Schulman et al. 2017 for continuous control.

    Attributes:
        layers: See `PolicyConfig`.
        units: The same.
        scale: The same.
        learning_rate: The same.
        batch: The same.
        exponent: The same.
        entropy: The same.
        clip: A ratio of probabilities pays no more once it is so far from 1.
        epochs: How many steps are made on a batch.

    Raises:
        SearchError: A number is out of range.

    Example:
        >>> import jarch as ja
        >>> config = ja.PpoConfig(units=32, learning_rate=0.01, clip=0.1, epochs=4)
        >>> searcher = ja.PpoSearcher(ja.trace(ja.spaces.digits_dense), config)
        >>> searcher.options()["batch"]  # so many results are learned from at a time
        20
    """

    layers: int = 1
    units: int = 100
    scale: float = 0.1
    learning_rate: float = 3.5e-4
    batch: int = 20
    exponent: float = 1.0
    entropy: float = 1e-5
    clip: float = 0.2
    epochs: int = 10

    def __post_init__(self) -> None:
        """Check the numbers."""
        PolicyConfig.__post_init__(self)
        check_at_least(self, 1, "epochs")
        if not self.clip > 0:
            raise SearchError(f"clip is {self.clip}; use a number above 0")


@dataclass(slots=True)
class PpoSearcher(PolicySearcher[PpoConfig]):
    """Follows a policy that is changed by several steps on each batch, none of them too far.

    A step raises the mean of min(r A, clip(r, 1 - c, 1 + c) A) over the choices of a batch, where r
    is the probability of a choice over what it was when the choice was made, and A the reward over
    the baseline. So results that come late, from an older policy, count as they should.

    See `PolicySearcher` for the policy, the rewards and the rounds. There is no critic: the
    advantage of all choices of an architecture is the same.

    Reference:
        Schulman, Wolski, Dhariwal, Radford and Klimov 2017, "Proximal policy optimization
        algorithms". Zoph, Vasudevan, Shlens and Le 2018, "Learning transferable architectures for
        scalable image recognition", CVPR; appendices A.2 and A.3.

    Example:
        >>> import jarch as ja
        >>> searcher = ja.make_searcher("ppo", ja.trace(ja.spaces.digits_dense))
        >>> found = ja.run_search(searcher, lambda a, seed: {"accuracy": a.values[1] / 128}, 8)
        >>> searcher.network.updates  # the twentieth result will bring ten
        0
    """

    name: ClassVar[str] = "ppo"

    config: PpoConfig = field(default_factory=PpoConfig)

    def _improve(self, network: Network, batch: Batch) -> None:
        config = self.config
        improve(
            network,
            batch,
            "ppo",
            learning_rate=config.learning_rate,
            entropy=config.entropy,
            clip=config.clip,
            epochs=config.epochs,
        )
