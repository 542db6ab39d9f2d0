"""The answers of a generative model in tokens, and where they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from sinkd_plugin.errors import ConfigError

Tokens = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a model may answer.

    Args:
        words: The answer for each label.
        tokens: Each answer's tokens, without the end.
    """

    words: tuple[str, ...]
    tokens: tuple[Tokens, ...]

    @property
    def place(self) -> int:
        """The first position at which not all answers have the same token."""
        shortest = min(map(len, self.tokens))
        return next((place for place in range(shortest) if len({ids[place] for ids in self.tokens}) > 1), shortest)

    @property
    def candidates(self) -> Tokens:
        """Each answer's token at ``place``.

        Raises:
            ConfigError: If two answers have the same one.
        """
        found = tuple(ids[self.place] for ids in self.tokens)
        if len(set(found)) < len(found):
            raise ConfigError(
                "With 'readout: verbaliser' each verbaliser must differ from all others in the first token in which "
                "any of them differ.",
                received=f"{_spelt(self.words)}, which share a token at position {self.place}",
                cure="Choose other verbalisers under prompt:, or readout: answer.",
            )
        return found


def checked(words: Sequence[str], tokens: Sequence[Sequence[int]]) -> Answers:
    """Answers that a model's log-probabilities can tell apart.

    Raises:
        ConfigError: If an answer has no tokens, or begins with the whole of another one, which is then never less
            probable.
    """
    found = Answers(words=tuple(words), tokens=tuple(map(tuple, tokens)))
    for word, ids in zip(found.words, found.tokens, strict=True):
        if not ids:
            raise ConfigError("Each verbaliser must have tokens of the model's vocabulary.", received=f"'{word}'")
        for other, longer in zip(found.words, found.tokens, strict=True):
            if word != other and longer[: len(ids)] == ids:
                raise ConfigError(
                    "No verbaliser may begin with the tokens of another one, which would always be more probable.",
                    received=f"'{word}' and '{other}'",
                    cure="Choose other verbalisers under prompt:.",
                )
    return found


def tokens_after(tokenizer: PreTrainedTokenizerBase, context: str, words: Sequence[str]) -> list[list[int]]:
    """The tokens of words as they follow a context, with a space between where the context does not end in one.

    Args:
        tokenizer: The model's.
        context: What stands before; only how its end joins the words matters.
        words: What follows.
    """
    gap = "" if not context or context[-1].isspace() else " "
    before = _plain(tokenizer, context)
    found = []
    for word in words:
        joint = _plain(tokenizer, f"{context}{gap}{word}")
        # a tokenizer that merges across the gap has no tokens of the word alone
        after = joint[len(before) :] if joint[: len(before)] == before else _plain(tokenizer, f"{gap}{word}")
        found.append(after)
    return found


def _plain(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return ids


def _spelt(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
