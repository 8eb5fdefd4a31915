"""The run folder: what a search writes down while it runs, and how it is read back."""

from .evaluation import (
    Evaluation as Evaluation,
    Scores as Scores,
    Status as Status,
    finite_scores as finite_scores,
)
from .folder import (
    BEST_JSON as BEST_JSON,
    BEST_TEXT as BEST_TEXT,
    EVALUATIONS as EVALUATIONS,
    RESULTS as RESULTS,
    SETTINGS as SETTINGS,
    WEIGHTS as WEIGHTS,
    Run as Run,
    RunError as RunError,
    append_evaluation as append_evaluation,
    begin_run as begin_run,
    is_run as is_run,
    read_run as read_run,
    resume_run as resume_run,
    versions as versions,
    write_best as write_best,
    write_results as write_results,
)
from .journal import Journal as Journal
from .locking import locked_run as locked_run
