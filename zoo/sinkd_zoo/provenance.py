"""What a card says of a student's making: the ``details`` that publishing writes."""

from __future__ import annotations

from typing import Any

from sinkd_plugin.catalog import catalog
from sinkd_plugin.references import resolve_model
from sinkd_zoo.run_folder import RunFolder, Scores

_RECIPE_BLOCKS = ("data", "student", "distillation", "optimizer")
"""What of ``config.yaml`` goes onto the card: the blocks that make the student, not those that name local folders."""


def details_of(run: RunFolder) -> dict[str, Any]:
    """Teacher, data, recipe, versions and every score, as plain data that names nothing of the author's machine."""
    result, origin = run.result, run.origin
    return {
        "seed": result.seed,
        "metric": result.metric or next(iter(result.student.test)),
        "split": "test",
        "interval": result.student.interval,
        "agreement_with_teacher": result.student.agreement_with_teacher,
        "teacher": _teacher(run),
        "baselines": {name: _plain(scores) for name, scores in result.baselines.items()},
        "data": _data(run),
        "recipe": {block: run.config[block] for block in _RECIPE_BLOCKS if block in run.config},
        "recipe_file": origin.recipe_file,
        "recipe_sha256": origin.recipe_sha256 or run.config_sha256,
        "commit": origin.commit,
        "versions": result.versions,
        "latency": origin.latency,
        "costs": origin.costs,
    }


def _teacher(run: RunFolder) -> dict[str, Any]:
    block = run.config.get("teacher")
    reference = str(block.get("model") or "") if isinstance(block, dict) else ""
    fresh = block.get("from_config") if isinstance(block, dict) else None
    known = {
        "model": public_name(reference),
        **({"from_config": fresh} if fresh else {}),
        "finetuned": bool(isinstance(block, dict) and block.get("finetune")),
        "license": run.origin.teacher_license or "unknown",
    }
    return known | _plain(run.result.teacher) if run.result.teacher else known


def _data(run: RunFolder) -> dict[str, Any]:
    tasks = catalog().tasks
    license_, language = "unknown", "en"
    if run.result.task in tasks:
        spec = tasks.get(run.result.task)
        license_, language = spec.license, spec.language
    examples = {"train_examples": run.result.train_examples} if run.result.train_examples else {}
    return {"task": run.result.task, "license": license_, "language": language, **examples}


def public_name(reference: str) -> str | None:
    """A model reference that means something elsewhere too, or ``None`` for a folder of this machine."""
    if reference.startswith(("package:", "zoo:")):
        return reference
    looks_local = not reference or reference.startswith((".", "/", "~")) or "\\" in reference
    return None if looks_local or resolve_model(reference) != reference else reference


def _plain(scores: Scores) -> dict[str, Any]:
    return scores.model_dump(exclude_none=True)
