"""A card as README.md, with the ``model-index`` that hubs read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from sinkd_plugin.specs import ZooCard

LOADERS = {
    "ForSequenceClassification": ("AutoModelForSequenceClassification", "text-classification"),
    "ForConditionalGeneration": ("AutoModelForSeq2SeqLM", "text2text-generation"),
    "ForCausalLM": ("AutoModelForCausalLM", "text-generation"),
}
"""Class that loads a student, and its kind of task on a hub, by the end of the class that was saved."""

_UNKNOWN_LOADER = ("AutoModel", "feature-extraction")


def render(card: ZooCard, saved_class: str) -> str:
    """README.md of a student.

    It says nothing of its own revision or date: publishing the same student again gives the same file.

    Args:
        card: The card; README.md itself is not among its files yet.
        saved_class: Name of the model class that ``config.json`` names.
    """
    loader, pipeline = next((LOADERS[end] for end in LOADERS if saved_class.endswith(end)), _UNKNOWN_LOADER)
    parts = [
        f"# {card.name}\n\n{card.summary}\n",
        _use(card, loader),
        _scores(card),
        _costs(card.details.get("costs"), str(card.details.get("metric"))),
        _latency(card.details.get("latency")),
        _origin(card),
        _files(card),
    ]
    return _front_matter(card, pipeline) + "\n" + "\n".join(part for part in parts if part)


def _front_matter(card: ZooCard, pipeline: str) -> str:
    from huggingface_hub import ModelCardData

    data = card.details.get("data", {})
    teacher = str(card.details.get("teacher", {}).get("model") or "")
    metadata = ModelCardData(
        license=card.license.lower(),
        language=data.get("language", "en"),
        library_name="transformers",
        pipeline_tag=pipeline,
        tags=["knowledge-distillation", "sinkd"],
        base_model=teacher if teacher and ":" not in teacher else None,
        model_name=card.name,
        eval_results=_results(card, pipeline),
    )
    return f"---\n{metadata.to_yaml()}\n---\n"


def _results(card: ZooCard, pipeline: str) -> list[Any]:
    from huggingface_hub import EvalResult

    intervals = card.details.get("interval", {})
    return [
        EvalResult(
            task_type=pipeline,
            dataset_type=card.task,
            dataset_name=card.task,
            dataset_split=str(card.details.get("split", "test")),
            dataset_args={"n": card.n},
            metric_type=metric,
            metric_value=value,
            metric_args={"interval_95": intervals[metric]} if metric in intervals else None,
        )
        for metric, value in card.metrics.items()
    ]


def _use(card: ZooCard, loader: str) -> str:
    return f"""```python
from sinkd_zoo import download
from transformers import {loader}, AutoTokenizer

folder = download("{card.name}")
model, tokenizer = {loader}.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
```
"""


def _scores(card: ZooCard) -> str:
    details = card.details
    student = {"test": card.metrics, "interval": details.get("interval", {}), "parameters": card.parameters}
    rows = {"**this student**": student, **_others(card)}
    agreement = details.get("agreement_with_teacher")
    shared = "" if agreement is None else f"\nIt gives the same answer as its teacher on {agreement:.1%} of them.\n"
    where = f"On the {details.get('split', 'test')} split of `{card.task}`, n = {card.n}"
    heading = f"## Scores\n\n{where}, with 95 % intervals:\n"
    lines = [
        f"| model | parameters | {' | '.join(card.metrics)} |",
        "|---|---|" + "---|" * len(card.metrics),
        *(_score_row(name, scores, card.metrics) for name, scores in rows.items()),
    ]
    return f"{heading}\n" + "\n".join(lines) + f"\n{shared}"


def _others(card: ZooCard) -> dict[str, Mapping[str, Any]]:
    teacher = card.details.get("teacher", {})
    baselines = card.details.get("baselines", {})
    named = {f"the same without the transport term (`{name}`)" if name == "kl" else f"`{name}`": scores
             for name, scores in baselines.items()}  # fmt: skip
    return {**named, **({"teacher": teacher} if teacher.get("test") else {})}


def _score_row(name: str, scores: Mapping[str, Any], metrics: Mapping[str, float]) -> str:
    cells = [_score(scores, metric) for metric in metrics]
    parameters = scores.get("parameters")
    return f"| {name} | {'' if parameters is None else f'{parameters:,}'} | {' | '.join(cells)} |"


def _score(scores: Mapping[str, Any], metric: str) -> str:
    value, bounds = scores["test"].get(metric), scores.get("interval", {}).get(metric)
    if value is None:
        return ""
    return f"{value:.3f}" if bounds is None else f"{value:.3f} ({bounds[0]:.3f} – {bounds[1]:.3f})"


def _costs(costs: Sequence[Mapping[str, Any]] | None, metric: str) -> str:
    if not costs:
        return ""
    lines = [
        "## What making it small cost",
        "",
        "The same weights after each step, scored on the same split:",
        "",
        f"| step | bytes of the weights | {metric} |",
        "|---|---|---|",
        *(f"| {row['step']} | {row['bytes']:,} | {row['score']:.3f} |" for row in costs),
    ]
    return "\n".join(lines) + "\n"


def _latency(latency: Mapping[str, Any] | None) -> str:
    if not latency:
        return ""
    return (
        f"## Latency\n\nMedian of a forward pass over {latency['shape']} (batch × tokens), "
        f"{latency['threads']} thread, {latency['machine']}: {latency['median_ms']:.2f} ms (`{latency['command']}`).\n"
    )


def _origin(card: ZooCard) -> str:
    details = card.details
    teacher, data = details.get("teacher", {}), details.get("data", {})
    recipe = {name: value for name, value in details.get("recipe", {}).items() if value}
    finetuned = ", trained on the task" if teacher.get("finetuned") else ""
    examples = f"{data.get('train_examples', 'unknown')} training examples"
    versions = ", ".join(f"{name} {version}" for name, version in details.get("versions", {}).items())
    facts = {
        "licence of the weights": card.license,
        "teacher": f"{_teacher_name(teacher)}{finetuned} (licence: {teacher.get('license')})",
        "data": f"{data.get('task')}, {examples} (licence: {data.get('license')})",
        "seed": details.get("seed"),
        "recipe": f"{details.get('recipe_file') or 'config.yaml'}, sha256 {details.get('recipe_sha256')}",
        "commit": details.get("commit") or "unknown",
        "versions": versions or "unknown",
    }
    lines = [f"- {name}: {value}" for name, value in facts.items()]
    return "## How it was made\n\n" + "\n".join(lines) + f"\n\n```yaml\n{yaml.safe_dump(recipe, sort_keys=False)}```\n"


def _teacher_name(teacher: Mapping[str, Any]) -> str:
    fresh = teacher.get("from_config")
    return (
        f"a {fresh.get('model_type')} of random weights" if fresh else teacher.get("model") or "a model of its author"
    )


def _files(card: ZooCard) -> str:
    lines = [f"| {name} | {card.sizes[name]:,} | `{digest}` |" for name, digest in card.files.items()]
    return "\n".join(["## Files", "", "| file | bytes | sha256 |", "|---|---|---|", *lines]) + "\n"
