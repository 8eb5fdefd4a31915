"""Search for networks that are accurate and small, and print the Pareto front.

Takes some 20 seconds on two cores: `python examples/two_objectives.py`.
"""

import jarch as ja
from jarch.search.multi_objective import evaluations_hypervolume

data = ja.load_data("digits")
space = ja.trace(ja.spaces.digits_dense)
objectives = (ja.Objective("accuracy"), ja.Objective("parameters", maximize=False))

# Nothing with more than 30,000 parameters is suggested, so nothing of that size is trained.
searcher = ja.make_searcher(
    "nsga2",
    space,
    {"population": 6},
    objectives=objectives,
    constraint=ja.within({"in": data.input_shape}, parameters=30_000),
)
evaluate = ja.TrainingEvaluator(data, ja.TrainConfig(epochs=3, learning_rate=3e-3))
found = ja.run_search(searcher, evaluate, evaluations=16, seed=0)

# No candidate is both more accurate and smaller than one of these.
print("accuracy  parameters  decisions")
for each in ja.pareto_front(found.evaluations, objectives):
    accuracy, parameters = each.metrics["accuracy"], each.metrics["parameters"]
    print(f"{accuracy:8.3f}  {parameters:10,}  {dict(each.decisions)}")

# How much of what could be is as good as the front or worse: 1 is a perfect model of no size.
curve = evaluations_hypervolume(found.evaluations, objectives, reference=(0.0, 30_000.0)) / 30_000
print(f"hypervolume after 4, 8, 12, 16 evaluations: {curve[3::4].round(3)}")
