"""Bridges to Optuna: its samplers as searchers, and searches as its studies.

Optuna is an extra, `pip install jarch[optuna]`, and is imported when one of these is used.
"""

from .recording import StudyRecorder as StudyRecorder, record_evaluations as record_evaluations
from .sampler import OptunaConfig as OptunaConfig, OptunaSearcher as OptunaSearcher
