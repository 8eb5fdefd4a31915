"""Matrix products and table look-ups."""

from __future__ import annotations

from math import prod

from jarch.ir.operations import Inference, Op, Properties, Shapes, Variable

from .rules import BOOLEAN, POSITIVE, Rule, channels_of, integer, only_shape


def infer_dense(properties: Properties, shapes: Shapes) -> Inference:
    """Infer a matrix product over the last axis."""
    channels, features = channels_of(shapes), integer(properties, "features")
    output = (*only_shape(shapes)[:-1], features)
    variables = [Variable(("kernel",), (channels, features), "lecun_normal")]
    flops = 2 * channels * prod(output)
    if properties["use_bias"]:
        variables.append(Variable(("bias",), (features,), "zeros"))
        flops += prod(output)
    return Inference({"out": output}, tuple(variables), flops)


def infer_embedding(properties: Properties, shapes: Shapes) -> Inference:
    """Infer a vector for each integer of the input."""
    count, features = integer(properties, "num_embeddings"), integer(properties, "features")
    table = Variable(("embedding",), (count, features), "embedding_normal")
    # A look-up multiplies nothing, but JAX compares each integer with the table's ends, and selects
    # NaN where it is past them; with one row there is nothing to look up.
    checks = prod(only_shape(shapes)) * (features + 6) if count > 1 else 0
    return Inference({"out": (*only_shape(shapes), features)}, (table,), checks)


DENSE = Op("dense", Rule({"features": POSITIVE, "use_bias": BOOLEAN}, infer_dense))
EMBEDDING = Op(
    "embedding", Rule({"num_embeddings": POSITIVE, "features": POSITIVE}, infer_embedding)
)
