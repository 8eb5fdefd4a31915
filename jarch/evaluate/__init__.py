"""Evaluators: what a candidate is worth."""

from .final import merge_validation as merge_validation, train_final as train_final
from .training import TrainingEvaluator as TrainingEvaluator, input_shapes as input_shapes
