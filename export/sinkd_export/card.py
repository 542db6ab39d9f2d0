"""The README.md of an exported folder: the source's metadata, how to run it, and how it was proven."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from sinkd_export.parity import Parity
from sinkd_export.source import Source

_BODY = """
# {name} in ONNX

`model.onnx` (float32, opset {opset}), exported from `{reference}` and compared with PyTorch before it was written.

```python
from sinkd_export.runtime import Student  # needs onnxruntime and tokenizers, not torch

student = Student.load("path/to/this/folder")
student.predict(["A warm and funny film."])
```

Labels: {labels}. Longest input: {max_length} tokens; what is longer is cut.

| compared with PyTorch on | rows | largest difference | mean difference | same label |
|---|---|---|---|---|
{rows}

Largest difference relative to the range of the logits: {relative:.2g} (accepted: {tolerance:g}).
Sentences: {sentences}. Versions, sizes and sha256 of every file: `export.json`.
"""


def card(source: Source, parity: Parity, sentences: str, opset: int | None) -> str:
    """The text of the card.

    Args:
        source: The model it was exported from; the metadata of its own card is kept.
        parity: Differences from PyTorch.
        sentences: Where the sentences come from.
        opset: Version of the operator set.
    """
    body = _BODY.format(
        name=source.folder.name,
        opset=opset,
        reference=source.reference,
        labels=", ".join(f"`{label}`" for label in source.labels),
        max_length=source.max_length,
        rows="\n".join(_rows(parity)),
        relative=parity.relative_difference,
        tolerance=parity.tolerance,
        sentences=sentences,
    )
    return f"---\n{yaml.safe_dump(_metadata(source), sort_keys=False, allow_unicode=True)}---\n{body}"


def _rows(parity: Parity) -> list[str]:
    return [
        f"| {case.case} | {case.rows} | {case.max_difference:.2g} | {case.mean_difference:.2g} "
        f"| {case.argmax_agreement:.1%} |"
        for case in parity.cases
    ]


def _metadata(source: Source) -> dict[str, Any]:
    kept = _front_matter(source.folder / "README.md")
    tags = [tag for tag in kept.get("tags") or [] if tag != "onnx"]
    return {**kept, "library_name": "onnx", "pipeline_tag": "text-classification", "tags": [*tags, "onnx"]}


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
