"""Leave out of a BERT's vocabulary what its texts hardly use: each token costs a row of the embedding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sinkd_plugin.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_BLOCK = 1000


def kept_tokens(tokenizer: PreTrainedTokenizerBase, texts: Iterable[str], minimum_count: int) -> list[int]:
    """The token numbers to keep, in their order.

    Special tokens stay, and so do single characters, of which any word can be put together that misses its pieces.

    Args:
        tokenizer: A WordPiece tokenizer.
        texts: What to count tokens in.
        minimum_count: How often a token must occur.
    """
    counts: Counter[int] = Counter()
    waiting = list(texts)
    for start in range(0, len(waiting), _BLOCK):
        for ids in tokenizer(waiting[start : start + _BLOCK], add_special_tokens=False)["input_ids"]:
            counts.update(ids)
    special = set(tokenizer.all_special_ids)
    letters = {number for token, number in tokenizer.get_vocab().items() if len(token.removeprefix("##")) == 1}
    return sorted(special | letters | {number for number, count in counts.items() if count >= minimum_count})


def prune_vocabulary(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, kept: list[int], folder: Path
) -> PreTrainedTokenizerBase:
    """Keep only some rows of a model's token embedding, and make the tokenizer that goes with them.

    Texts whose tokens are all kept give the same output as before; others are cut into smaller pieces.

    Args:
        model: Changed in place.
        tokenizer: The WordPiece tokenizer it has.
        kept: Token numbers, in ascending order.
        folder: Where the vocabulary is written, as ``vocab.txt``.

    Raises:
        UserError: If the tokenizer is not one of BERT's.
    """
    from transformers import BertTokenizerFast

    if not isinstance(tokenizer, BertTokenizerFast):
        raise UserError(
            "Only the vocabulary of a BERT can be pruned.",
            received=type(tokenizer).__name__,
            cure="Leave 'shrink.minimum_count' out of the recipe.",
        )
    path = folder / "vocab.txt"
    path.write_text("".join(f"{token}\n" for token in tokenizer.convert_ids_to_tokens(kept)), encoding="utf-8")
    settings: dict[str, Any] = {
        name: tokenizer.init_kwargs[name] for name in _SETTINGS if name in tokenizer.init_kwargs
    }
    smaller = BertTokenizerFast(vocab_file=str(path), **settings)
    _keep_rows(model, kept)
    model.config.pad_token_id = smaller.pad_token_id
    return smaller


_SETTINGS = ("do_lower_case", "strip_accents", "tokenize_chinese_chars", "model_max_length")


def _keep_rows(model: PreTrainedModel, kept: list[int]) -> None:
    import torch

    old = model.get_input_embeddings()
    new = torch.nn.Embedding(len(kept), old.embedding_dim, padding_idx=0, dtype=old.weight.dtype)
    with torch.no_grad():
        new.weight.copy_(old.weight[torch.tensor(kept)])
    model.set_input_embeddings(new)
    model.config.vocab_size = len(kept)


def keep_positions(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, positions: int) -> None:
    """Keep the first rows of the table of positions alone; changes model and tokenizer in place."""
    import torch

    table = model.base_model.embeddings
    old = table.position_embeddings
    new = torch.nn.Embedding(positions, old.embedding_dim, dtype=old.weight.dtype)
    with torch.no_grad():
        new.weight.copy_(old.weight[:positions])
    table.position_embeddings = new
    model.config.max_position_embeddings = positions
    tokenizer.model_max_length = positions
