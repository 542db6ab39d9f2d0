"""What the quickstart found, gathered from the files that its commands wrote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from sinkd_plugin.console import stdout
from sinkd_plugin.quickstart.steps import BENCH_REPORT, EXPORT_FOLDER, EXPORT_REPORT
from sinkd_plugin.storage import read_json
from sinkd_plugin.training.scores_table import print_models

_WITH_TERM = "student (KL + SinKD)"
_WITHOUT_TERM = "student (KL alone)"
NAMES = {"teacher": "teacher", "kl": _WITHOUT_TERM, "student": _WITH_TERM}
"""The quickstart's models as its tables call them, in their order."""

TIMED = {"teacher": "teacher, PyTorch", "student": "student, PyTorch", EXPORT_FOLDER: "student, ONNX Runtime"}
"""What the timed folders are called in tables and figures."""


def summarize(folder: Path) -> dict[str, Any]:
    """Scores, parity and latencies of a quickstart.

    Args:
        folder: Its run folder, after all of its commands.

    Returns:
        ``result`` (as ``result.json``), ``parity`` (of ``export.json``) and ``bench`` (of ``bench.json``, without raw
        values).
    """
    bench = read_json(folder / BENCH_REPORT)
    export = read_json(folder / EXPORT_FOLDER / EXPORT_REPORT)
    return {
        "result": read_json(folder / "result.json"),
        "parity": {**export["parity"], "sentences": export["sentences"], "sentence_count": export["sentence_count"]},
        "bench": {**bench, "measurements": [_without_raw(entry) for entry in bench["measurements"]]},
    }


def _without_raw(measurement: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in measurement.items() if not name.startswith("raw_")}


def models(summary: Mapping[str, Any]) -> dict[str, Any]:
    """The scores of teacher and students by the names of the tables."""
    result = summary["result"]
    found = {"teacher": result["teacher"], "student": result["student"], **result["baselines"]}
    order = [*NAMES, *(name for name in found if name not in NAMES)]
    return {NAMES.get(name, name): found[name] for name in order if name in found}


def latencies(summary: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Measurements by shape (``batch × length``), then by the model's name in the tables."""
    table: dict[str, dict[str, Any]] = {}
    for entry in summary["bench"]["measurements"]:
        shape = f"{entry['shape']['batch']} × {entry['shape']['length']}"
        table.setdefault(shape, {})[TIMED.get(entry["model"], entry["model"])] = entry
    return table


def print_summary(summary: Mapping[str, Any]) -> None:
    """Print the scores, then parity and latencies."""
    print_models(models(summary), summary["result"]["task"])
    parity = summary["parity"]
    stdout.print(
        f"ONNX against PyTorch on {parity['sentence_count']} sentences: largest difference "
        f"{parity['relative_difference']:.1e} of the logit range (accepted: {parity['tolerance']:g})",
        markup=False,
    )
    stdout.print(_latency_table(summary))


def _latency_table(summary: Mapping[str, Any]) -> Table:
    shapes = latencies(summary)
    names = list(next(iter(shapes.values())))
    table = Table(
        title=f"median latency ({summary['bench']['threads']} thread), and how many times faster than {names[0]}"
    )
    table.add_column("batch × tokens")
    for name in names:
        table.add_column(name, justify="right")
    for shape, entries in shapes.items():
        table.add_row(shape, *(_latency(entries[name]) for name in names))
    return table


def _latency(entry: Mapping[str, Any]) -> str:
    return f"{entry['latency_ms']['p50']:.2f} ms  {entry['ratio']:.1f}×"
