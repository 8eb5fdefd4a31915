"""Search a small convolutional space on scikit-learn's digits, then train the best.

Takes some 15 seconds on two cores: `python examples/digits_search.py`.
"""

import jarch as ja
from jarch import nn


def space() -> ja.Fragment:
    """One to three layers that share their width and kernel size."""
    features = ja.Discrete([16, 32, 64], name="features")
    kernel_size = ja.Discrete([3, 5], name="kernel_size")
    normalize = ja.Bool("normalize")

    def layer() -> ja.Fragment:
        conv = nn.conv(features=features, kernel_size=kernel_size)
        return ja.sequential(conv, ja.optional(nn.batch_norm, normalize), nn.relu)

    layers = ja.repeat(layer, ja.Discrete([1, 2, 3], name="depth"))
    return ja.sequential(layers, nn.max_pool(window=2), nn.flatten, nn.dense(features=10))


data = ja.load_data("digits")
evaluate = ja.TrainingEvaluator(data, ja.TrainConfig(epochs=5))
result = ja.random_search(space, evaluate, evaluations=5, seed=0)
for place, found in enumerate(result.ranked(), 1):
    print(f"{place}. accuracy {found.metrics['accuracy']:.3f} {dict(found.decisions)}")

assert result.best_architecture is not None
print(result.best_architecture)
trained = ja.fit(result.best_architecture, data, ja.TrainConfig(epochs=15))
print(f"test accuracy {trained.evaluate(data.x_test, data.y_test)['accuracy']:.3f}")
