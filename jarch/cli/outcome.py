"""The end of a search: the best model is trained, judged once on the test split, and kept."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from jarch import lowering
from jarch.data import Dataset
from jarch.evaluate import train_final
from jarch.ir import OPS, Architecture, fingerprint
from jarch.runs import WEIGHTS, Evaluation, read_run, write_results
from jarch.search import SearchResult
from jarch.show import DrawingWarning, draw

from .proxies import PROXY_NAMES
from .tables import SHOWN_COUNTS, format_metric

if TYPE_CHECKING:
    from jarch.lowering import EpochReport, TrainConfig, Trained

COSTS = lowering.COSTS
SNIPPET = "predict.py"
_PICTURE = "best.svg"


def finish_run(
    folder: Path,
    result: SearchResult,
    data: Dataset,
    source: str,
    config: TrainConfig,
    final_epochs: int,
    on_epoch: Callable[[EpochReport], object],
) -> Mapping[str, Any]:
    """Train the best architecture for the last time, and write down what comes out.

    Where the run was finished before with the same best, what came out then is returned.

    Args:
        folder: The run folder.
        result: Of the search, with a best.
        data: What to train on; its test split is looked at here and nowhere else.
        source: What `load_data` finds the data by, from any folder.
        config: How candidates were trained.
        final_epochs: How long to train on the training and validation splits; 0 takes the weights
            of the search.
        on_epoch: Called with a report after each epoch.

    Returns:
        What `results.json` holds.
    """
    best, architecture = result.best, result.best_architecture
    assert best is not None
    assert architecture is not None
    before = read_run(folder).results
    if before is not None and _covers(before, best, final_epochs):
        results: Mapping[str, Any] = {**before, **_counts(result)}
    else:
        config = replace(config, seed=best.seed)
        trained = _train(folder, architecture, data, config, final_epochs, on_epoch)
        results = {
            "best": _describe(best),
            "final_epochs": final_epochs,
            "test": trained.evaluate(data.x_test, data.y_test) if len(data.x_test) else {},
            "test_examples": len(data.x_test),
            **_counts(result),
        }
    _write_picture(folder, architecture)
    _write_snippet(folder, architecture, source)
    write_results(folder, results)
    return results


def print_results(console: Console, folder: Path, results: Mapping[str, Any]) -> None:
    """Print how good the best is, what is in the run folder, and how to use the model."""
    best, test = results["best"], results["test"]
    metrics: Mapping[str, Any] = best["metrics"]
    size = _scores({name: metrics[name] for name in SHOWN_COUNTS if name in metrics})
    console.print(f"\nbest: candidate {best['index']}, {size}")
    apart = {*COSTS, *(cost.spread for cost in COSTS.values())}
    validation = {name: value for name, value in metrics.items() if name not in apart}
    judged = "zero-cost" if set(validation) <= set(PROXY_NAMES) else "validation"
    console.print(f"{judged} {_scores(validation)}")
    measured = {name: metrics[name] for name in metrics if name in COSTS and COSTS[name].measured}
    if measured:
        console.print(f"measured {_scores(measured)}")
    if results["final_epochs"]:
        epochs = results["final_epochs"]
        length = f"{epochs} epoch{'' if epochs == 1 else 's'}"
        console.print(f"trained once more for {length} on training and validation data")
    if test:
        told = Text(f"test {_scores(test)}", style="bold green")
        console.print(told.append(f" on {results['test_examples']:,} examples", style="not bold"))
    console.print(Text(f"\nrun folder {folder}", style="bold"))
    picture = next(folder.glob("best.[sd][vo][gt]"), folder / _PICTURE).name
    console.print(f"  best.txt, best.json, {picture:10}  the architecture")
    console.print(f"  {WEIGHTS}/, results.json           its weights, and its figures")
    console.print("  evaluations.jsonl, run.json      all candidates, and what was asked for")
    snippet = folder / SNIPPET
    if snippet.exists():
        console.print(Text(f"\npredict with it, or run {snippet}:", style="bold"))
        lines = Text(snippet.read_text(encoding="utf-8").rstrip(), style="cyan")
        console.print(lines, soft_wrap=True)  # so that it can be copied


def _train(
    folder: Path,
    architecture: Architecture,
    data: Dataset,
    config: TrainConfig,
    final_epochs: int,
    on_epoch: Callable[[EpochReport], object],
) -> Trained:
    """Return the model to keep, once it is kept."""
    if final_epochs:
        config = replace(config, epochs=final_epochs)
        trained = train_final(architecture, data, config, on_epoch)
    else:
        kept = _kept(folder, architecture)
        if kept is not None:
            return kept
        trained = lowering.fit(architecture, data, config)  # interrupted before it was kept
    lowering.save(trained, folder / WEIGHTS)
    return trained


def _covers(before: Mapping[str, Any], best: Evaluation, final_epochs: int) -> bool:
    """Say whether an earlier part of the run has already trained this one for as long."""
    same: bool = before["best"]["index"] == best.index
    return same and before["final_epochs"] >= final_epochs


def _kept(folder: Path, architecture: Architecture) -> Trained | None:
    """Return the model that the search kept, if it is one of this architecture."""
    ops = {node.op.name: node.op for _, node in architecture.nodes}
    try:
        trained = lowering.load(folder / WEIGHTS, ops)
    except lowering.ExportError:
        return None
    return trained if fingerprint(trained.architecture) == fingerprint(architecture) else None


def _describe(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "index": evaluation.index,
        "values": evaluation.values,
        "fingerprint": evaluation.fingerprint,
        "metrics": dict(evaluation.metrics),
    }


def _counts(result: SearchResult) -> dict[str, Any]:
    return {
        "evaluations": len(result.evaluations),
        "failed": len(result.failed),
        "invalid_draws": result.invalid_draws,
        "stopped": result.stopped,
        "note": result.note,
    }


def _write_picture(folder: Path, architecture: Architecture) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DrawingWarning)  # the DOT file that it wrote is listed
        draw(architecture, folder / _PICTURE)


def _write_snippet(folder: Path, architecture: Architecture, source: str) -> None:
    """Write the lines that load the model and predict."""
    weights = str((folder / WEIGHTS).absolute())
    lines = [
        "import jarch as ja",
        f"print(ja.load({weights!r}).predict(ja.load_data({source!r}).x_test))",
    ]
    for place in _folders_of_own_operations(architecture):
        lines.insert(0, f"import sys; sys.path.append({place!r})  # operations of your own")
    (folder / SNIPPET).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _folders_of_own_operations(architecture: Architecture) -> list[str]:
    """Return where the modules that define the operations which are not jarch's are found."""
    own = {node.op.name for _, node in architecture.nodes} - OPS.keys()
    modules = [sys.modules.get(name.partition(":")[0].partition(".")[0]) for name in own]
    files = [Path(module.__file__) for module in modules if module and module.__file__]
    folders = {f.parents[f.name == "__init__.py"].absolute() for f in files}
    return sorted(str(folder) for folder in folders if folder.name != "site-packages")


def _scores(metrics: Mapping[str, Any]) -> str:
    """Return metrics in words, accuracy before loss and counts after their number."""
    return ", ".join(
        f"{format_metric(name, value)} {'FLOPs' if name == 'flops' else name}"
        if name in SHOWN_COUNTS
        else f"{name} {format_metric(name, value)}"
        for name, value in sorted(metrics.items(), key=lambda item: item[0] == "loss")
    )
