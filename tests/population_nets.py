"""Nets and a configuration that members of populations are made of."""

from dataclasses import replace

import jarch as ja
from jarch import nn
from jarch.lowering.training.populations.members import Member
from jarch.lowering.training.preparation import prepare

from .training_nets import built

DIGITS = ja.load_data("digits", limit=150)
SGD = ja.TrainConfig(epochs=2, batch_size=32, optimizer="sgd", learning_rate=0.05)


def dense(rate: float = 0.3, momentum: float = 0.9, width: int = 16) -> ja.Architecture:
    norm = nn.batch_norm(momentum=momentum)
    return built(nn.flatten, nn.dense(width), norm, nn.relu, nn.dropout(rate), nn.dense(10))


def conv(rate: float = 0.3, momentum: float = 0.9) -> ja.Architecture:
    norm = nn.batch_norm(momentum=momentum)
    separable = nn.separable_conv(8, 3, strides=2)
    pieces = nn.conv(4, 3), norm, nn.relu, separable, nn.flatten, nn.dropout(rate), nn.dense(10)
    return built(*pieces)


def made(number: int) -> list[Member]:
    configs = [replace(SGD, seed=i) for i in range(number)]
    return [Member(i, prepare(dense(), DIGITS, config)) for i, config in enumerate(configs)]
