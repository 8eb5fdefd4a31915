"""Train one network with augmentation, then tune its numbers as a population, and keep the best.

Takes some 15 seconds on two cores: `python examples/train_many.py`.
"""

import tempfile
from pathlib import Path

import jarch as ja
from jarch import nn


def network() -> ja.Fragment:
    """A small convolutional network: a space in which nothing is left to decide."""
    conv = ja.sequential(nn.conv(16, 3), nn.batch_norm, nn.relu)
    return ja.sequential(conv, nn.max_pool(2), nn.flatten, nn.dropout(0.2), nn.dense(10))


data = ja.load_data("digits")
net = ja.replay(ja.trace(network), [])

# Shifts by a pixel, and pictures with a hole, on the device and anew in each step; what is kept
# are moving averages of the weights.
augmented = ja.TrainConfig(
    epochs=6, learning_rate=1e-2, augment=("crop=1", "cutout=2"), ema_decay=0.99
)
trained = ja.fit(net, data, augmented)
print(f"with augmentation: validation accuracy {trained.validation['accuracy']:.3f}")

# Candidates that differ in numbers alone are one program. After every 2 epochs the better half of
# them goes on.
rates = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
configs = [ja.TrainConfig(epochs=6, learning_rate=rate) for rate in rates]
outcomes = ja.fit_population(net, data, configs, halving=(0.5, 2))
best = trained
for rate, outcome in zip(rates, outcomes, strict=True):
    if isinstance(outcome, ja.TrainingFailed):  # its loss was not finite; the others go on
        print(f"learning rate {rate:g}: {outcome}")
        continue
    accuracy = outcome.validation["accuracy"]
    print(f"learning rate {rate:g}: {len(outcome.history)} epochs, accuracy {accuracy:.3f}")
    if accuracy > best.validation["accuracy"]:
        best = outcome

print(f"best on the test split: {best.evaluate(data.x_test, data.y_test)['accuracy']:.3f}")

with tempfile.TemporaryDirectory() as folder:  # a folder of your own, to keep it
    ja.save(best, Path(folder) / "best")
    again = ja.load(Path(folder) / "best")
    print("predicts", again.predict(data.x_test[:10]), "for", data.y_test[:10])
