"""Graph isomorphism networks over the nodes of architectures: the predictor of NPENAS."""

# pyright: reportUnknownMemberType=false
# JAX leaves types out

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from jarch.ir import Architecture
from jarch.surrogates.checks import check_above_zero, check_at_least
from jarch.surrogates.surrogate import FloatArray, SurrogateError, check_observations

from .fitted import FittedNetworks, initial_layer, standardized
from .node_arrays import NodeArrays, fit_nodes
from .training import Recipe, Tree, train

_ROWS = 64  # graphs of which the scores are predicted at once
_VISITS = 51_200  # a fit sees no more observations than that, each as often as there are epochs
_LARGEST_BATCH = 32


@dataclass(frozen=True, slots=True)
class GraphNetwork:
    """Graph isomorphism networks that differ in how they begin; their spread is the doubt.

    In each of three layers a node adds what its neighbours say to its own and passes the sum
    through two dense layers; the mean over the nodes goes through two more to the score. That is
    the predictor of the paper, but for this:

    - The paper's nodes are those of a cell. Here they are all modules of the architecture, each
      told by its operation and properties, hashed into columns; so the network works on every
      space. Operations that carry nothing are left out, as in all encodings.
    - Messages go both ways along an edge, since a module matters by what follows too (as in Wen et
      al. 2020). Each node is normalised by itself, not by the batch, in which there may be one.
    - The doubt is the spread over five networks, where the paper's NPENAS-BO has a network that
      predicts a variance: the spread is large where nothing was seen. So there is no dropout.
    - Layers are 16 wide instead of 32, and a fit takes 100 epochs instead of 300, since there are
      more nodes and more networks. Beyond 512 observations there are fewer epochs, so that a fit
      takes no longer than one of 512; and beyond 64 a batch is of 32.
    - Scores are standardised, and the last layer is linear.

    A fit takes time in proportion to the number of nodes.

    Attributes:
        members: How many networks.
        layers: Rounds of messages.
        width: Of a layer.
        features: Columns into which what a node is gets hashed.
        epochs: Passes over the observations.
        batch: Observations a step.
        learning_rate: Of Adam; it falls to nothing in a cosine.
        decay: Penalty on squared weights.

    Raises:
        SurrogateError: A number is out of range.

    Reference:
        Wei, Niu, Tang, Wang, Hu and Liang 2022, "NPENAS: neural predictor guided evolution for
        neural architecture search", IEEE Transactions on Neural Networks and Learning Systems, and
        the authors' code. Xu, Hu, Leskovec and Jegelka 2019, "How powerful are graph neural
        networks?", ICLR. Wen et al. 2020, "Neural predictor for neural architecture search", ECCV.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> config = ja.SmboConfig("graph-network", {"members": 3}, initial=20)
        >>> searcher = ja.SmboSearcher(space, config)  # fits it from the twentieth result on
        >>> searcher = ja.SmboSearcher(space, surrogate=GraphNetwork(members=3))  # or by itself
        >>> searcher.options()["surrogate"]
        'jarch.surrogates.networks.graph_network.GraphNetwork'
    """

    members: int = 5
    layers: int = 3
    width: int = 16
    features: int = 32
    epochs: int = 100
    batch: int = 16
    learning_rate: float = 0.005
    decay: float = 1e-4

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_at_least(self, 1, "members", "layers", "width", "features", "epochs", "batch")
        check_above_zero(self, "learning_rate")
        if not self.decay >= 0:
            raise SurrogateError(f"decay is {self.decay}; use 0 or more")

    def fit(
        self, architectures: Sequence[Architecture], scores: FloatArray, rng: np.random.Generator
    ) -> FittedNetworks:
        """Train the networks, all at once.

        Raises:
            SurrogateError: Scores are missing or not finite.
        """
        scores = check_observations(architectures, scores)
        targets, location, scale = standardized(scores)
        nodes = fit_nodes(architectures, self.features)
        recipe = Recipe(
            self.epochs,
            self.batch,
            self.learning_rate,
            decay=self.decay,
            annealed=True,
            loss="squared",
            largest=_LARGEST_BATCH,
            visits=_VISITS,
        )
        trained = train(
            apply_messages,
            self._initial(rng),
            nodes(architectures),
            targets,
            np.ones(len(targets)),
            rng,
            recipe,
        )
        return FittedNetworks(apply_messages, trained, nodes, location, scale, _ROWS)

    def _initial(self, rng: np.random.Generator) -> Tree:
        """Return the parameters to begin with."""
        messages: list[Any] = []
        inputs = self.features
        for _ in range(self.layers):
            # of the node and what comes before it, and of what comes after
            first = initial_layer(rng, self.members, 2 * inputs, self.width)
            second = initial_layer(rng, self.members, self.width, self.width)
            scale = np.ones((self.members, self.width), np.float32)
            messages.append((first, second, (scale, np.zeros_like(scale))))
            inputs = self.width
        head = initial_layer(rng, self.members, self.width, self.width)
        return messages, head, initial_layer(rng, self.members, self.width, 1)


def apply_messages(parameters: Tree, graphs: Any) -> jax.Array:
    """Return what a network says of b graphs, given as `NodeArrays`: shape (b,).

    The nodes of all graphs are one axis, the last: CPUs like one that is long.
    """
    given = NodeArrays(*graphs)
    messages, head, last = parameters
    there: Any = jnp.asarray(given.there)
    b, places = there.shape
    nodes: Any = jnp.asarray(given.features).reshape(b * places, -1).T
    before, after = among_all(given.before), among_all(given.after)
    for first, second, normal in messages:
        from_before = nodes + sum_of_neighbours(nodes, before, after)
        told = _dense(
            first, jnp.concatenate([from_before, sum_of_neighbours(nodes, after, before)])
        )
        nodes = _normalized(normal, jax.nn.relu(_dense(second, jax.nn.relu(told))))
        nodes = nodes * there.reshape(-1)
    mean = nodes.reshape(-1, b, places).sum(axis=2) / there.sum(axis=1)
    return _dense(last, jax.nn.relu(_dense(head, mean)))[0]


def among_all(neighbours: Any) -> jax.Array:
    """Return neighbours (b, M, D) by their places among all nodes: (b M, D), b M for none."""
    b, places, slots = neighbours.shape
    moved = neighbours + places * jnp.arange(b)[:, None, None]
    found: jax.Array = jnp.where(neighbours == places, b * places, moved).reshape(-1, slots)
    return found


def sum_of_neighbours(nodes: Any, neighbours: Any, reverse: Any) -> jax.Array:
    """Return for each node the sum over its neighbours, of shape (C, N).

    The derivative of a gather is a scatter, which is slow on CPUs. Here it is a gather too, since
    the other end of each edge is known.

    Args:
        nodes: Shape (C, N).
        neighbours: For each node its neighbours, and N where there is none: shape (N, D).
        reverse: For each node those whose neighbour it is, likewise.
    """
    found: jax.Array = _sum(nodes, neighbours, reverse)
    return found


def _gathered(nodes: Any, neighbours: Any) -> jax.Array:
    padded: Any = jnp.concatenate([nodes, jnp.zeros_like(nodes[:, :1])], axis=1)
    found = jnp.zeros_like(nodes)
    for slot in range(neighbours.shape[1]):
        found += padded.at[:, neighbours[:, slot]].get(mode="promise_in_bounds")
    return found


def _forward(nodes: Any, neighbours: Any, reverse: Any) -> tuple[jax.Array, Any]:
    return _gathered(nodes, neighbours), reverse


def _backward(reverse: Any, cotangent: Any) -> tuple[jax.Array, None, None]:
    return _gathered(cotangent, reverse), None, None


def _plain(nodes: Any, neighbours: Any, reverse: Any) -> jax.Array:
    return _gathered(nodes, neighbours)


_sum = cast(Any, jax.custom_vjp(_plain))
_sum.defvjp(_forward, _backward)


def _dense(layer: Any, columns: Any) -> jax.Array:
    found: jax.Array = layer[0].T @ columns + layer[1][:, None]
    return found


def _normalized(parameters: Any, columns: Any) -> jax.Array:
    """Return columns of mean 0 and deviation 1, scaled and shifted (Ba et al. 2016)."""
    centred = columns - columns.mean(axis=0)
    variance = jnp.square(centred).mean(axis=0)
    scale, shift = parameters
    found: jax.Array = centred * jax.lax.rsqrt(variance + 1e-5) * scale[:, None] + shift[:, None]
    return found
