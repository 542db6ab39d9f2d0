"""The names of an exported classifier's labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sinkd_export.settings import bad_setting, read_settings
from sinkd_export.whole_numbers import is_whole


def read_labels(folder: Path) -> tuple[str, ...]:
    """Label names in the order of the logits, as ``config.json`` gives them.

    Args:
        folder: An exported folder.

    Raises:
        ModelReferenceError: If ``id2label`` does not name two or more different labels, numbered from 0 on.
    """
    path = folder / "config.json"
    named = read_settings(path).get("id2label")
    numbered = [named.get(str(number)) for number in range(len(named))] if isinstance(named, Mapping) else []
    labels = tuple(str(label) for label in numbered if isinstance(label, str) or is_whole(label))
    if len(labels) < 2 or len(set(labels)) < len(numbered):
        raise bad_setting(path, "name two or more different labels in id2label, numbered from 0 on", named)
    return labels
