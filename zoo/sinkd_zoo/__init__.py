"""The zoo: pre-distilled students to list, download, verify and publish.

``download("NAME")`` returns a folder that ``from_pretrained`` takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sinkd_zoo.downloading import download

__all__ = ["download"]


def __getattr__(name: str) -> Any:
    """Load ``download`` on first use, so that ``import sinkd_zoo`` stays light."""
    if name != "download":
        raise AttributeError(f"module 'sinkd_zoo' has no attribute {name!r}")
    from sinkd_zoo.downloading import download

    return download
