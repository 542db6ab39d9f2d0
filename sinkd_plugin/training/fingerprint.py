"""What a stage of a run depends on, as one hash: a finished stage is reused only if nothing of that changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from datasets import Dataset

from sinkd_plugin.storage import sha256
from sinkd_plugin.version import __version__

_MODEL_FILES = ("*.safetensors", "config.json", "tokenizer*.json", "vocab.*", "*.model")


def fingerprint(**parts: Any) -> str:
    """The hash of named parts (JSON-compatible each) and of the versions that compute them."""
    text = json.dumps({**parts, "versions": versions()}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def versions() -> dict[str, str]:
    """The versions that everything computed here depends on."""
    return {"sinkd": __version__, "torch": torch.__version__, "transformers": transformers.__version__}


def split_fingerprint(split: Dataset, columns: Sequence[str]) -> str:
    """The hash of a split's columns: texts, and what is to be found."""
    digest = hashlib.sha256()
    for row in zip(*(split[column] for column in columns), strict=True):
        digest.update(json.dumps(row).encode())
    return digest.hexdigest()


def model_fingerprint(reference: str) -> str:
    """The hashes of a model's weights, configuration and tokenizer where they lie in a folder, else its hub id."""
    folder = Path(reference)
    if not folder.is_dir():
        return reference
    paths = sorted(path for pattern in _MODEL_FILES for path in folder.glob(pattern))
    return " ".join(f"{path.name} {sha256(path)}" for path in paths)
