"""How a model repository is served and asked, for its card: a client of tokenizers, numpy and the standard library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sinkd_export.source import Source
from sinkd_export.tokens import UNBOUNDED
from sinkd_export.triton import GRAPH, MODEL

_USAGE = """```
tritonserver --model-repository=path/to/this/folder
```

A client makes the ids with the tokenizer at the root; `config.pbtxt` names what the model takes and gives.

```python
import json
from pathlib import Path
from urllib.request import Request, urlopen

import numpy as np
from tokenizers import Tokenizer

folder = Path("path/to/this/folder")
tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
{limits}
{texts}
rows = tokenizer.encode_batch(texts)
values = {{{values}}}
inputs = [
    {{"name": name, "datatype": "INT64", "shape": list(np.shape(table)), "data": table}}
    for name, table in values.items()
]
url = "http://localhost:8000/v2/models/{model}/infer"
with urlopen(Request(url, json.dumps({{"inputs": inputs}}).encode())) as answer:
    (logits,) = json.load(answer)["outputs"]

scores = np.array(logits["data"]).reshape(logits["shape"])
probabilities = np.exp(scores - scores.max(1, keepdims=True))
probabilities /= probabilities.sum(1, keepdims=True)
labels = (folder / "{model}" / "labels.txt").read_text(encoding="utf-8").splitlines()
for text, row in zip(texts, probabilities):
    print(text, dict(zip(labels, row.round(4).tolist())))
```
"""

MULTIPLE = 16
"""Triton computes only requests of one length together, so that lengths are best rounded up."""

_COLUMNS = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}
"""What the tokenizers library calls a graph's inputs."""


def triton_usage(source: Source, folder: Path) -> str:
    """The lines that serve a finished folder and ask it.

    Args:
        source: The model.
        folder: The model repository.
    """
    import onnx

    names = [value.name for value in onnx.load(folder / GRAPH, load_external_data=False).graph.input]
    values = ", ".join(f'"{name}": [row.{_COLUMNS[name]} for row in rows]' for name in names)
    return _USAGE.format(model=MODEL, limits=_limits(source), texts=_texts(source), values=values)


def _limits(source: Source) -> str:
    """How the tokenizer cuts and pads; cutting a whole question would lose its end."""
    length = source.deployed_length
    whole = source.asked is not None
    lines = ["tokenizer.no_truncation()" if whole or length >= UNBOUNDED else f"tokenizer.enable_truncation({length})"]
    if whole and length < UNBOUNDED:
        lines[0] += f"  # shorten a text whose question is longer than {length} tokens"
    return "\n".join((*lines, f"tokenizer.enable_padding({_padding(source, length)})"))


def _padding(source: Source, length: int) -> str:
    token = source.tokenizer.pad_token or ""
    named = f'pad_id={source.tokenizer.pad_token_id or 0}, pad_token="{token}"'
    rounded = -(-length // MULTIPLE) * MULTIPLE
    return f"{named}, pad_to_multiple_of={MULTIPLE}" if rounded <= source.max_length else named


def _texts(source: Source) -> str:
    if source.asked is None:
        return 'texts = ["A warm and funny film.", "Dull."]'
    return "\n".join(
        (
            'template = json.loads((folder / "prompt.json").read_text(encoding="utf-8"))["template"]',
            f"texts = [template.format(**given) for given in [{_given(source.asked.text)}]]",
        )
    )


def _given(names: Sequence[str]) -> str:
    first = ", ".join(f'"{name}": "A warm and funny film."' for name in names)
    second = ", ".join(f'"{name}": "Dull."' for name in names)
    return f"{{{first}}}, {{{second}}}"
