"""Texts that are the same but for case, punctuation and spacing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from itertools import combinations

Texts = tuple[str, ...]
"""The texts of one example: one, or two for a pair."""

_SEPARATORS = re.compile(r"[\W_]+")


def normalised(texts: Texts) -> Texts:
    """The texts in folded case, with every run of other characters than letters and digits as one space.

    A text of nothing but such characters stays as it is, so that ``:)`` and ``:(`` do not become the same.
    """
    return tuple(_SEPARATORS.sub(" ", text.casefold()).strip() or text for text in texts)


def digest(texts: Texts) -> str:
    """A fingerprint that duplicates share, in hex; orders examples the same way on every machine and version."""
    return hashlib.sha256("\x1f".join(normalised(texts)).encode("utf-8", "surrogatepass")).hexdigest()


def crossing(splits: Mapping[str, Sequence[Texts]]) -> dict[tuple[str, str], int]:
    """How many different texts each two splits have in common; pairs of splits with none are left out."""
    fingerprints = {name: {digest(texts) for texts in examples} for name, examples in splits.items()}
    common = {pair: len(fingerprints[pair[0]] & fingerprints[pair[1]]) for pair in combinations(splits, 2)}
    return {pair: count for pair, count in common.items() if count}
