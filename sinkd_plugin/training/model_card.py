"""Model cards: what a model is, how it was made, how it scores, with the metadata that hubs read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from sinkd_plugin.ot.options import SinkdOptions
from sinkd_plugin.textbrewer.configuration import DistillationConfig
from sinkd_plugin.training.card_of_sequences import method_text, risks_text
from sinkd_plugin.training.config import RunConfig
from sinkd_plugin.training.prepare import Prepared
from sinkd_plugin.training.stage import Stage

_WHAT = {"classification": "classifier", "regression": "regressor", "generation": "writer"}
_TITLES = {
    "accuracy": "Accuracy",
    "f1": "F1",
    "matthews_correlation": "Matthews correlation",
    "pearson": "Pearson correlation",
    "spearman": "Spearman correlation",
    "bleu": "BLEU",
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
    "exact_match": "Exact match",
}


def student_card(config: RunConfig, prepared: Prepared, scores: dict[str, Any], teacher: Stage) -> str:
    """README.md of a student: scores beside its teacher's, and what it was trained with."""
    loss, split = DistillationConfig.from_options(config.distillation), config.data.scored_split
    term = f" + {_transport_weight(loss.sinkd)} · SD" if loss.sinkd else ""
    body = f"""
# Student for {prepared.task.spec.name}

Distilled from {_origin(config)} with
`L = {loss.hard_label_weight:g} · CE + {loss.kd_loss_weight:g} · KD{term}`
(KD: `{loss.base_kd_loss_type}` at temperature {loss.temperature:g}{_transport_text(loss.sinkd)}).
{method_text(config.sequence)}
{_scores_tables({"student": scores, "teacher": teacher.report()}, split)}
{_agreement(scores, split)}{risks_text(scores)}
{_use(prepared)}
{_making(config, prepared)}"""
    return _front_matter(config, prepared, scores) + body


def _transport_weight(options: SinkdOptions) -> str:
    return f"β(gradient share {options.gradient_share:g})" if options.weight is None else f"{options.weight:g}"


def teacher_card(config: RunConfig, prepared: Prepared, scores: dict[str, Any]) -> str:
    """README.md of a teacher that was fine-tuned in the run."""
    body = f"""
# Teacher for {prepared.task.spec.name}

{_origin(config).capitalize() if config.teacher.model is None else _origin(config)}, trained on the task.

{_scores_tables({"teacher": scores}, config.data.scored_split)}
{_use(prepared)}
{_making(config, prepared)}"""
    return _front_matter(config, prepared, scores) + body


def _front_matter(config: RunConfig, prepared: Prepared, scores: dict[str, Any]) -> str:
    spec = prepared.task.spec
    splits = {config.data.scored_split: scores, **scores.get("further", {})}
    results = [
        EvalResult(
            task_type=prepared.family.pipeline,
            dataset_type=spec.name,
            dataset_name=spec.name,
            dataset_split=split,
            metric_type=name,
            metric_value=round(value, 4),
        )
        for split, figures in splits.items()
        for name, value in figures["test"].items()
    ]
    data = ModelCardData(
        language=spec.language,
        library_name="transformers",
        pipeline_tag=prepared.family.pipeline,
        tags=["knowledge-distillation", "sinkd"],
        base_model=_hub_id(config, prepared),
        model_name=f"{spec.name} {_WHAT[spec.kind]}",
        eval_results=results,
    )
    return f"---\n{data.to_yaml()}\n---\n"


def _hub_id(config: RunConfig, prepared: Prepared) -> str | None:
    """The teacher's name on the hub, where it has one; folders and packages of this machine mean nothing elsewhere."""
    reference = prepared.teacher.reference
    on_the_hub = reference is not None and reference == config.teacher.model and not Path(reference).is_dir()
    return reference if on_the_hub else None


def _transport_text(transport: SinkdOptions | None) -> str:
    if transport is None:
        return ""
    return (
        f"; SD: batch-wise Sinkhorn distance at temperature {transport.temperature:g}, "
        f"λ = {transport.regularization:g}, T = {transport.iterations}"
    )


def _agreement(scores: dict[str, Any], split: str) -> str:
    share = scores.get("agreement_with_teacher")
    return "" if share is None else f"The student agrees with its teacher on {share:.1%} of the {split} split.\n"


def _scores_tables(models: dict[str, dict[str, Any]], split: str) -> str:
    """The scores on the scored split, and on each further one."""
    further = next(iter(models.values())).get("further", {})
    tables = [_scores_table(models, split)]
    tables += [_scores_table({name: each["further"][one] for name, each in models.items()}, one) for one in further]
    return "\n".join(tables)


def _scores_table(models: dict[str, dict[str, Any]], split: str) -> str:
    first = next(iter(models.values()))
    metrics = list(first["test"])
    lines = [
        f"{split.replace('_', ' ').capitalize()} split, n = {first['n']}, with 95 % bootstrap intervals:",
        "",
        "| | " + " | ".join(_TITLES[metric] for metric in metrics) + " |",
    ]
    lines.append("|---" * (len(metrics) + 1) + "|")
    for model, scores in models.items():
        cells = [_cell(scores, metric) for metric in metrics]
        lines.append(f"| {model} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(scores: dict[str, Any], metric: str) -> str:
    low, high = scores["interval"][metric]
    return f"{scores['test'][metric]:.3f} ({low:.3f} – {high:.3f})"


def _origin(config: RunConfig) -> str:
    return f"`{config.teacher.model}`" if config.teacher.model else config.teacher.origin


def _use(prepared: Prepared) -> str:
    pipeline, prompt = prepared.family.pipeline, prepared.prompt
    code = f"""```python
from transformers import pipeline

{"answer" if prompt else "classify"} = pipeline("{pipeline}", model="PATH_OF_THIS_FOLDER")
```
"""
    if prompt is None:
        return code
    if not prompt.verbalisers:
        return f"{code}\nIt is asked with\n\n```\n{prompt.template}\n```\n\nand writes its answer.\n"
    answers = zip(prompt.verbalisers, prepared.task.spec.labels, strict=True)
    meanings = ", ".join(f"`{word}` for {label}" for word, label in answers)
    return f"""{code}
It is asked with

```
{prompt.template}
```

and answers {meanings}; the scores above compare the log-probabilities of these answers.
"""


def _making(config: RunConfig, prepared: Prepared) -> str:
    splits = prepared.task.splits
    return (
        f"Trained on {len(splits['train'])} examples, seed {config.training.seed}, precision {prepared.precision}; "
        f"texts are cut to {config.data.max_length} tokens. Data licence: {prepared.task.spec.license}. "
        f"The {config.data.scored_split} split was scored once, after the last step.\n"
    )
