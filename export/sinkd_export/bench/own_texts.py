"""A task's own texts in ids, in batches as they come or in batches of about one length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sinkd_export.batches import by_length
from sinkd_export.bench.inputs import Inputs
from sinkd_export.lengths import smallest_length
from sinkd_export.model_folder import load_config, load_tokenizer, trained_length
from sinkd_export.prompt import open_prompt
from sinkd_export.tokens import UNBOUNDED, open_tokens
from sinkd_export.trial import Text
from sinkd_plugin.errors import UserError

BATCH = 32
"""Most texts of a batch, as in the runtime."""


@dataclass(frozen=True, kw_only=True)
class Texts:
    """A task's texts in ids.

    Args:
        ids: Of each text, cut.
        types: Token types of each, for pairs.
        max_length: What they were cut to.
        pad_id: What they are padded with.
    """

    ids: tuple[tuple[int, ...], ...]
    types: tuple[tuple[int, ...], ...]
    max_length: int
    pad_id: int

    def batch(self, positions: Sequence[int], length: int) -> Inputs:
        """Some of them as inputs ``(batch, length)``."""
        shape = (len(positions), length)
        ids = np.full(shape, self.pad_id, np.int64)
        mask, types = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        for row, position in enumerate(positions):
            size = len(self.ids[position])
            ids[row, :size], mask[row, :size] = self.ids[position], 1
            types[row, :size] = self.types[position]
        return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}

    def padded(self, positions: Sequence[int]) -> list[Inputs]:
        """Batches in this order, padded to the maximum."""
        parts = (positions[start : start + BATCH] for start in range(0, len(positions), BATCH))
        return [self.batch(part, self.max_length) for part in parts]

    def sorted(self, positions: Sequence[int]) -> list[tuple[list[int], Inputs]]:
        """Batches of about one length, as the runtime makes them, with the positions in each."""
        lengths = [len(self.ids[position]) for position in positions]
        groups = ([positions[index] for index in group] for group in by_length(lengths, batch_size=BATCH))
        return [(group, self.batch(group, max(len(self.ids[position]) for position in group))) for group in groups]


def encoded(folder: Path, texts: Sequence[Text], max_length: int | None) -> Texts:
    """A task's texts in the ids of a model, cut as they were in training unless told otherwise.

    A student that is asked about its texts gets its question about each of them.
    """
    tokenizer = load_tokenizer(folder, load_config(folder))
    limit = int(tokenizer.model_max_length)
    length = max_length or min(trained_length(folder, least=smallest_length(tokenizer)) or limit, limit)
    prompt = open_prompt(folder)
    if prompt is not None:
        tokens = open_tokens(folder, max_length=length)
        texts = [prompt.ask(text, tokens)[0] for text in texts]
    # lists, as in training: of a pair alone an empty half would lose the token that closes it
    columns = [[text] if isinstance(text, str) else list(text) for text in texts]
    rows = [tokenizer(*([column] for column in row), truncation=True, max_length=length) for row in columns]
    ids = tuple(tuple(row["input_ids"][0]) for row in rows)
    if length >= UNBOUNDED:  # a model without a position table, and no record of its training
        length = max(map(len, ids))
    types = tuple(tuple(row.get("token_type_ids", [[0] * len(kept)])[0]) for row, kept in zip(rows, ids, strict=True))
    return Texts(ids=ids, types=types, max_length=length, pad_id=int(tokenizer.pad_token_id or 0))


def check_length(folder: Path, max_length: int | None) -> None:
    """Check that a model takes as many tokens, and was trained on as many as make a text.

    Raises:
        ModelReferenceError: If the trainer's record of it says what cannot be.
        UserError: If it takes fewer.
    """
    tokenizer = load_tokenizer(folder, load_config(folder))
    limit = int(tokenizer.model_max_length)
    trained_length(folder, least=smallest_length(tokenizer))
    if max_length is not None and max_length > limit:
        raise UserError(f"--max-length must be at most {limit}, as '{folder.name}' takes it.", received=max_length)
