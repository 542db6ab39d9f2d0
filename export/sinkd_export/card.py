"""The README.md of an exported folder: the source's metadata, how to run it, and how it was proven."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from sinkd_export.environment import int8_instructions
from sinkd_export.forms_table import trial_line, variant_cells
from sinkd_export.report import ExportReport
from sinkd_export.source import Source
from sinkd_export.tokens import UNBOUNDED

_BODY = """
# {name} {title}

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

_UNTOLD = """The export target `{target}` wrote this folder; how to load it is told where that target comes from.
"""


def card(source: Source, report: ExportReport, usage: str | None) -> str:
    """The text of the card.

    Args:
        source: The model it was exported from; the metadata of its own card is kept.
        report: What was found.
        usage: How the folder is run, in Markdown; ``None`` where its target does not say.
    """
    parity = report.parity
    body = _BODY.format(
        name=source.folder.name,
        title=f"for {report.target}" if report.opset is None else "in ONNX",
        form=report.form,
        precision="its own form" if report.precision is None else f"{report.precision}, opset {report.opset}",
        reference=source.reference,
        use=_UNTOLD.format(target=report.target) if usage is None else usage,
        facts=_facts(report),
        unit="label" if report.form == "classification" else "token",
        rows="\n".join(_rows(report)),
        gate=f"Largest difference relative to the range of the logits: {parity.relative_difference:.2g}"
        + ("." if parity.tolerance is None else f" (accepted: {parity.tolerance:g})."),
        sentences=report.sentences,
        variants=_variants(report),
    )
    return f"---\n{yaml.safe_dump(_metadata(source, report), sort_keys=False, allow_unicode=True)}---\n{body}"


def _facts(report: ExportReport) -> str:
    labels = f"Labels: {', '.join(f'`{label}`' for label in report.labels)}. " if report.labels else ""
    limit = "texts of any length" if report.max_length >= UNBOUNDED else f"at most {report.max_length} tokens"
    return f"{labels}The {'model' if report.opset is None else 'graph'} takes {limit}."


def _rows(report: ExportReport) -> list[str]:
    return [
        f"| {case.case} | {case.rows} | {case.max_difference:.2g} | {case.mean_difference:.2g} "
        f"| {case.argmax_agreement:.1%} |"
        for case in report.parity.cases
    ]


def _variants(report: ExportReport) -> str:
    """A table of every form that was made and its score, where it was scored or a lower precision was asked for."""
    if report.trial is None and report.price is None:
        return ""
    headings, rows = variant_cells(report)
    lines = [f"| {' | '.join(cells)} |" for cells in (headings, ["---"] * len(headings), *rows)]
    told = [line for line in (trial_line(report), _price(report)) if line]
    return "\n".join(["", *lines, *(text for line in told for text in ("", line)), ""])


def _price(report: ExportReport) -> str:
    price = report.price
    if price is None:
        return ""
    told = f"`{price.variant}` is {'shipped' if price.kept else f'not shipped: {price.reason}'}."
    lost = f" It costs {price.lost:.4f} ({price.measured_as})." if price.kept and price.lost is not None else ""
    return f"{told}{lost} Measured with {int8_instructions(price.instruction_sets)}."


def _metadata(source: Source, report: ExportReport) -> dict[str, Any]:
    kept = _front_matter(source.folder / "README.md")
    tags = [tag for tag in kept.get("tags") or [] if tag != "onnx"]
    pipelines = {"encoder_decoder": "text2text-generation", "decoder": "text-generation"}
    generates = report.form == "generation"
    pipeline = pipelines.get(source.family or "", "") if generates else "text-classification"
    library = {} if report.opset is None else {"library_name": "onnx"}
    return {**kept, **library, "pipeline_tag": pipeline, "tags": [*tags, *library.values()]}


def _front_matter(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
    except UnicodeDecodeError:  # a card that cannot be read has no metadata to keep
        return {}
    if not text.startswith("---\n"):
        return {}
    header, _, _ = text.removeprefix("---\n").partition("\n---")
    try:
        data = yaml.safe_load(header)
    except yaml.YAMLError:  # nor has one whose metadata is no YAML
        return {}
    return data if isinstance(data, dict) else {}
