"""How an export to ONNX is run, for its card."""

from __future__ import annotations

from pathlib import Path

from sinkd_export.source import Source
from sinkd_export.tokens import UNBOUNDED

_CLASSIFIER = """```python
from sinkd_export.runtime import Student  # needs onnxruntime and tokenizers, not torch

student = Student.load("path/to/this/folder")
student.predict([{text}])
```
{cut}"""

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


def onnx_usage(source: Source, _folder: Path) -> str:
    """The lines that load and run a finished folder."""
    return _classifier(source) if source.form == "classification" else _generator(source)


def _classifier(source: Source) -> str:
    pairs = source.asked is not None and len(source.asked.text) == 2
    length = source.deployed_length
    cut = "" if length >= UNBOUNDED else f"\nIt cuts a text at {length} tokens{_where(source)}.\n"
    return _CLASSIFIER.format(text='("one text", "another")' if pairs else '"A warm and funny film."', cut=cut)


def _where(source: Source) -> str:
    return ", where training cut it" if source.deployed_length == source.trained_length else ""


def _generator(source: Source) -> str:
    kind = "ORTModelForSeq2SeqLM" if source.family == "encoder_decoder" else "ORTModelForCausalLM"
    width, config = getattr(source.config, "d_kv", None), source.config
    mistaken = width is not None and width * config.num_attention_heads != config.hidden_size
    return _GENERATOR.format(kind=kind, head_size=_HEAD_SIZE.format(width=width) if mistaken else "")
