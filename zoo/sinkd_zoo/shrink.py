"""Make a student smaller: a pruned vocabulary, fewer positions, float16."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sinkd_plugin.storage import new_folder, read_json, write_json
from sinkd_zoo.draft import RECORD
from sinkd_zoo.readme import LOADERS
from sinkd_zoo.recipe import Shrinking
from sinkd_zoo.vocabulary import keep_positions, kept_tokens, prune_vocabulary

_STALE_KEYS = frozenset({"fingerprint", "scores", "predictions", "parameters"})
"""What of the trainer's record does not hold for the smaller student; how it is asked does."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """A stage of becoming smaller.

    Args:
        name: What was done.
        folder: The student after it.
    """

    name: str
    folder: Path

    @property
    def size(self) -> int:
        """Bytes of its weights."""
        return sum(path.stat().st_size for path in self.folder.glob("*.safetensors"))


def shrink(student: Path, into: Path, options: Shrinking, texts: Sequence[str]) -> list[Step]:
    """Make a student smaller, in steps that can each be scored.

    Args:
        student: The student as it was trained.
        into: Folder for the steps; the last is the student to hand out.
        options: What to do.
        texts: The training texts, which decide on the vocabulary.

    Returns:
        The steps, the student as it was trained first.
    """
    steps = [Step(name="as trained, float32", folder=student)]
    if options.minimum_count is not None or options.positions is not None:
        steps.append(Step(name=_pruned_name(options), folder=into / "pruned"))
        _write(student, steps[-1].folder, options, texts, half=False)
    steps.append(Step(name="float16", folder=into / "student"))
    _write(student, steps[-1].folder, options, texts, half=True)
    return steps


def _pruned_name(options: Shrinking) -> str:
    vocabulary = f"tokens that occur {options.minimum_count} times or more in the training texts"
    positions = f"the first {options.positions} positions"
    parts = [vocabulary] * (options.minimum_count is not None) + [positions] * (options.positions is not None)
    return f"only {' and '.join(parts)}"


def loader_of(student: Path) -> str:
    """The class of transformers that loads a student."""
    saved_class = str(read_json(student / "config.json")["architectures"][0])
    return next(loader for end, (loader, _) in LOADERS.items() if saved_class.endswith(end))


def _write(student: Path, target: Path, options: Shrinking, texts: Sequence[str], *, half: bool) -> None:
    import transformers

    model: Any = getattr(transformers, loader_of(student)).from_pretrained(student, local_files_only=True)
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(student, local_files_only=True)
    with new_folder(target, overwrite=True) as staging:
        if options.minimum_count is not None:
            kept = kept_tokens(tokenizer, texts, options.minimum_count)
            tokenizer = prune_vocabulary(model, tokenizer, kept, staging)
        if options.positions is not None:
            keep_positions(model, tokenizer, options.positions)
        (model.half() if half else model).save_pretrained(staging, safe_serialization=True)
        tokenizer.save_pretrained(staging)
        record = read_json(student / RECORD)
        write_json(staging / RECORD, {key: value for key, value in record.items() if key not in _STALE_KEYS})
