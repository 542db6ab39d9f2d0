"""The README.md of an exported folder: the source's metadata, how to run it, and how it was proven."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from sinkd_export.environment import int8_instructions
from sinkd_export.report import ExportReport
from sinkd_export.source import UNBOUNDED, Source

_BODY = """
# {name} in ONNX

Exported from `{reference}` ({form}, {precision}), and compared with PyTorch before it was written.

{use}
{facts}

| compared with PyTorch on | rows | largest difference | mean difference | same {unit} |
|---|---|---|---|---|
{rows}

{gate} Sentences: {sentences}.
{variants}
Versions, sizes and sha256 of every file: `export.json`.
"""

_CLASSIFIER = """```python
from sinkd_export.runtime import Student  # needs onnxruntime and tokenizers, not torch

student = Student.load("path/to/this/folder")
student.predict(["A warm and funny film."])
```
"""

_GENERATOR = """```python
from optimum.onnxruntime import {kind}
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("path/to/this/folder")
model = {kind}.from_pretrained("path/to/this/folder")
written = model.generate(**tokenizer("A warm and funny film.", return_tensors="pt"))
```
{head_size}"""

_HEAD_SIZE = """
optimum-onnx 0.1 mistakes the width of this model's attention heads. After loading, run
`model.decoder.embed_size_per_head = {width}`.
"""


def card(source: Source, report: ExportReport) -> str:
    """The text of the card.

    Args:
        source: The model it was exported from; the metadata of its own card is kept.
        report: What was found.
    """
    parity = report.parity
    body = _BODY.format(
        name=source.folder.name,
        form=report.form,
        precision="its own form" if report.precision is None else f"{report.precision}, opset {report.opset}",
        reference=source.reference,
        use=_CLASSIFIER if report.form == "classification" else _generator(source),
        facts=_facts(report),
        unit="label" if report.form == "classification" else "token",
        rows="\n".join(_rows(report)),
        gate=f"Largest difference relative to the range of the logits: {parity.relative_difference:.2g}"
        + ("." if parity.tolerance is None else f" (accepted: {parity.tolerance:g})."),
        sentences=report.sentences,
        variants=_variants(report),
    )
    return f"---\n{yaml.safe_dump(_metadata(source, report), sort_keys=False, allow_unicode=True)}---\n{body}"


def _generator(source: Source) -> str:
    kind = "ORTModelForSeq2SeqLM" if source.family == "encoder_decoder" else "ORTModelForCausalLM"
    width, config = getattr(source.config, "d_kv", None), source.config
    mistaken = width is not None and width * config.num_attention_heads != config.hidden_size
    return _GENERATOR.format(kind=kind, head_size=_HEAD_SIZE.format(width=width) if mistaken else "")


def _facts(report: ExportReport) -> str:
    labels = f"Labels: {', '.join(f'`{label}`' for label in report.labels)}. " if report.labels else ""
    limit = "texts of any length" if report.max_length >= UNBOUNDED else f"at most {report.max_length} tokens"
    return f"{labels}The graph takes {limit}; `sinkd_export.runtime` cuts a text where training cut it."


def _rows(report: ExportReport) -> list[str]:
    return [
        f"| {case.case} | {case.rows} | {case.max_difference:.2g} | {case.mean_difference:.2g} "
        f"| {case.argmax_agreement:.1%} |"
        for case in report.parity.cases
    ]


def _variants(report: ExportReport) -> str:
    """A table of every form that was made and its score, where a task is known or a lower precision was asked for."""
    if report.trial is None and report.price is None:
        return ""
    trial = report.trial
    scored = "score" if trial is None else f"{trial.metric} ({trial.task}, {trial.split}, n = {trial.n})"
    lines = [f"| form | MB | {scored} | same label |", "|---|---|---|---|"]
    for record in report.variants:
        score = "" if record.score is None else f"{record.score:.4f}"
        same = "" if record.same_label is None else f"{record.same_label:.1%}"
        lines.append(f"| {record.name} | {record.size_bytes / 1e6:.1f} | {score} | {same} |")
    price = report.price
    if price is not None:
        told = f"`{price.variant}` is {'shipped' if price.kept else f'not shipped: {price.reason}'}."
        lines += ["", f"{told} Measured with {int8_instructions(price.instruction_sets)}."]
    return "\n".join(["", *lines, ""])


def _metadata(source: Source, report: ExportReport) -> dict[str, Any]:
    kept = _front_matter(source.folder / "README.md")
    tags = [tag for tag in kept.get("tags") or [] if tag != "onnx"]
    pipelines = {"encoder_decoder": "text2text-generation", "decoder": "text-generation"}
    generates = report.form == "generation"
    pipeline = pipelines.get(source.family or "", "") if generates else "text-classification"
    return {**kept, "library_name": "onnx", "pipeline_tag": pipeline, "tags": [*tags, "onnx"]}


def _front_matter(path: Path) -> dict[str, Any]:
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    if not text.startswith("---\n"):
        return {}
    header, _, _ = text.removeprefix("---\n").partition("\n---")
    try:
        data = yaml.safe_load(header)
    except yaml.YAMLError:  # a card that cannot be read has no metadata to keep
        return {}
    return data if isinstance(data, dict) else {}
