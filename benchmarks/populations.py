"""Populations trained by one program against the same candidates trained one after the other.

`python -m benchmarks.populations` prints the figures. The serial loop is the best that we know: one
compiled program for all candidates, called in turn, steps given to the device without waiting, data
on the device, the batch gathered in the program. It validates after each epoch, as populations do.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (the annotations of JAX, Flax and optax are partial)

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen

import jarch as ja
from jarch import lowering, nn
from jarch.lowering.training.batches import device_data, epoch_order
from jarch.lowering.training.judging import on_host
from jarch.lowering.training.kinds import kind_of
from jarch.lowering.training.populations.choosing import CHOICE, Executor, measured
from jarch.lowering.training.populations.members import Member
from jarch.lowering.training.preparation import Run, prepare
from jarch.lowering.training.probes import forget_choices, remembered_probe
from jarch.lowering.training.steps import Epoch, forward, make_step, start, variables_of
from jarch.lowering.training.trained import measure

from .measure import Pair, time_in_turn, warm
from .programs import no_stored_programs

MEMBERS = 16

_jit = cast("Callable[..., Callable[..., Any]]", jax.jit)  # JAX does not say the types of these
_finish: Callable[[object], object] = jax.block_until_ready
_forget: Callable[[], None] = jax.clear_caches


@dataclass(frozen=True)
class Candidate:
    """One of a population.

    Attributes:
        rate: Of dropout.
        config: How it is trained.
    """

    rate: float
    config: ja.TrainConfig


def mlp_population_ratio(rounds: int = 9) -> float:
    """Return a population of MLPs side by side against the serial loop: `mlp_population_ratio`."""
    return compare_mlps(rounds).ratio


def cnn_population_ratio(rounds: int = 7) -> float:
    """Return 16 CNNs, trained as the probe chooses, against the loop: `cnn_population_ratio`."""
    return compare_cnns(rounds).ratio


def same_program_ratio(rounds: int = 1) -> float:
    """Return 16 candidates of one program against 16 that are compiled: `same_program_ratio`."""
    return compare_separate(rounds).ratio


def compare_mlps(rounds: int = 9, executor: Executor = "vmap") -> Pair:
    """Time five epochs of 16 MLPs, all compiled before."""
    return _compare(mlp, candidates(epochs=5), executor, rounds)


def compare_cnns(rounds: int = 7, executor: Executor = "auto") -> Pair:
    """Time four epochs of 16 CNNs, all compiled before; for fewer nothing would be measured."""
    return _compare(cnn, candidates(epochs=4), executor, rounds)


def compare_separate(rounds: int = 1) -> Pair:
    """Time 16 CNNs of 10 epochs from nothing, the probe included, against as many programs.

    Each of the others is written in plain Flax and optax with its numbers in it, as one does who
    writes a loop over hyperparameters: jit of init, jit of the step, jit of the outputs.
    """
    data, all_of_them = ja.load_data("digits"), candidates(epochs=10)

    def ours() -> Callable[[], object]:
        _forget()
        lowering.forget_programs()
        forget_choices()
        return lambda: _population(cnn, data, all_of_them, "auto")

    def theirs() -> Callable[[], object]:
        _forget()
        return lambda: [_separately(data, candidate) for candidate in all_of_them]

    with _no_caches():
        return time_in_turn(ours, theirs, rounds)


def candidates(number: int = MEMBERS, epochs: int = 10) -> list[Candidate]:
    """Return candidates of one program, which differ in learning rate, decay, dropout and seed."""
    rng = np.random.default_rng(0)
    config = ja.TrainConfig(epochs=epochs, batch_size=64)
    return [
        Candidate(
            float(rng.uniform(0.1, 0.5)),
            replace(
                config,
                learning_rate=float(10 ** rng.uniform(-4, -2)),
                weight_decay=float(10 ** rng.uniform(-5, -2)),
                seed=seed,
            ),
        )
        for seed in range(number)
    ]


def mlp(rate: float) -> ja.Architecture:
    """Return a net of two hidden layers."""
    layer = nn.dense(64), nn.relu, nn.dropout(rate)
    hidden = nn.dense(64), nn.relu
    pieces = nn.flatten, *layer, *hidden, nn.dense(10)
    return ja.replay(ja.trace(lambda: ja.sequential(*pieces)), [])


def cnn(rate: float) -> ja.Architecture:
    """Return a net of two convolutions."""
    first = nn.conv(16, 3), nn.batch_norm, nn.relu
    second = nn.conv(32, 3, strides=2), nn.batch_norm, nn.relu
    pieces = *first, *second, nn.flatten, nn.dropout(rate), nn.dense(10)
    return ja.replay(ja.trace(lambda: ja.sequential(*pieces)), [])


class Cnn(linen.Module):
    """The same net as one writes it in Flax.

    Attributes:
        rate: Of dropout.
    """

    rate: float

    @linen.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        """Return the logits of images (batch, height, width, channels)."""
        for features, strides in ((16, 1), (32, 2)):
            x = linen.Conv(features, (3, 3), strides)(x)
            x = linen.relu(linen.BatchNorm(use_running_average=not train)(x))
        x = linen.Dropout(self.rate, deterministic=not train)(x.reshape(len(x), -1))
        return linen.Dense(10)(x)


def probe_of(net: Callable[[float], ja.Architecture]) -> Any:
    """Return what the probe says of a population, with the seconds of a step by executor."""
    data = ja.load_data("digits")
    members = [
        Member(i, prepare(net(each.rate), data, each.config)) for i, each in enumerate(candidates())
    ]
    key, names = kind_of(members[0].run, members=len(members)), ["serial", "vmap"]
    return remembered_probe(CHOICE, key, lambda: measured(members, names), names=names)


def _compare(
    net: Callable[[float], ja.Architecture],
    all_of_them: Sequence[Candidate],
    executor: Executor,
    rounds: int,
) -> Pair:
    data = ja.load_data("digits")
    runs = [prepare(net(each.rate), data, each.config) for each in all_of_them]

    def population() -> object:
        return _population(net, data, all_of_them, executor)

    def serial() -> object:
        return [_in_turn(run) for run in runs]

    with _no_caches():
        population()
        serial()
        return time_in_turn(warm(population), warm(serial), rounds)


def _population(
    net: Callable[[float], ja.Architecture],
    data: ja.Dataset,
    all_of_them: Sequence[Candidate],
    executor: Executor,
) -> object:
    nets, configs = [net(each.rate) for each in all_of_them], [each.config for each in all_of_them]
    return ja.fit_population(nets, data, configs, executor=executor)


def _in_turn(run: Run) -> object:
    """Train a candidate by the program that it shares with the others."""
    data, targets = run.data, run.data.y_validation
    device = device_data(data, run.batch_size)
    state = start(run.program, run.model.init(run.config.seed, data.x_train[:1]))
    history: list[dict[str, float]] = []
    for number, rates in enumerate(run.rates, 1):
        order = epoch_order(len(data.x_train), run.batch_size, run.config.seed, number)
        given = jax.device_put((Epoch(order, rates), run.numbers))
        step = make_step(run.program, state, device.x, device.y, *given)
        for _ in range(len(order)):
            state = step(state)
        variables = variables_of(run.model.module, state)
        made = [forward(run.model.module, variables, batch) for batch in device.validation]
        outputs = np.concatenate([np.asarray(each) for each in made])[: len(targets)]
        history.append(measure(run.config, run.signature, outputs, targets))
    return on_host(variables_of(run.model.module, state)), history


def _separately(data: ja.Dataset, candidate: Candidate) -> object:
    """Train a candidate by programs of its own."""
    config, model, steps = candidate.config, Cnn(candidate.rate), len(data.x_train) // 64
    key = jax.random.key(config.seed)
    variables = _jit(model.init)(key, data.x_train[:1])
    schedule = optax.cosine_decay_schedule(cast(float, config.learning_rate), config.epochs * steps)
    optimizer = optax.adamw(schedule, weight_decay=config.weight_decay)
    state: Any = (variables["params"], variables["batch_stats"])
    state = (*state, optimizer.init(state[0]))

    def step(state: Any, x: Any, y: Any, key: Any) -> Any:
        params, statistics, slots = state

        def loss_of(params: Any) -> Any:
            given = {"params": params, "batch_stats": statistics}
            drop = {"dropout": key}
            logits, changed = model.apply(given, x, True, rngs=drop, mutable=["batch_stats"])
            losses = optax.softmax_cross_entropy_with_integer_labels(logits, y)
            return jnp.mean(losses), changed["batch_stats"]

        gradients, statistics = jax.grad(loss_of, has_aux=True)(params)
        updates, slots = optimizer.update(gradients, slots, params)
        return optax.apply_updates(params, updates), statistics, slots

    take, outputs = _jit(step, donate_argnums=0), _jit(model.apply)
    accuracies: list[float] = []
    for epoch in range(config.epochs):
        order = epoch_order(len(data.x_train), 64, config.seed, epoch)
        for i, batch in enumerate(order):
            drop = jax.random.fold_in(key, epoch * steps + i)
            state = take(state, data.x_train[batch], data.y_train[batch], drop)
        given = {"params": state[0], "batch_stats": state[1]}
        logits = np.asarray(outputs(given, data.x_validation))
        accuracies.append(float((logits.argmax(-1) == data.y_validation).mean()))
    return _finish(state), accuracies


@contextmanager
def _no_caches() -> Generator[None]:
    """Keep nothing in folders, neither programs nor choices."""
    before = os.environ.get("JARCH_CACHE")
    os.environ["JARCH_CACHE"] = "off"
    try:
        with no_stored_programs():
            yield
    finally:
        del os.environ["JARCH_CACHE"]
        if before is not None:
            os.environ["JARCH_CACHE"] = before


def main() -> None:
    """Print the figures."""
    for name, pair in (
        ("16 MLPs side by side, against the serial loop", compare_mlps()),
        ("16 CNNs as the probe chooses, against the serial loop", compare_cnns()),
        ("16 CNNs side by side, against the serial loop", compare_cnns(3, "vmap")),
        ("16 CNNs from nothing, against 16 programs", compare_separate()),
    ):
        first, second = pair.first.median, pair.second.median
        print(f"{name}: {first:.3f} s against {second:.3f} s, ratio {pair.ratio:.3f}")
    for name, net in (("MLP", mlp), ("CNN", cnn)):
        probe = probe_of(net)
        milliseconds = {way: round(1e3 * each, 2) for way, each in probe.seconds.items()}
        print(f"{name}: {probe.choice}, a step of all 16 in ms: {milliseconds}")


if __name__ == "__main__":
    main()
