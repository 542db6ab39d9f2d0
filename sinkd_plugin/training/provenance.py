"""What a saved model says of its making, for whoever scores or exports it later."""

from __future__ import annotations

from typing import Any

from sinkd_plugin.training.config import RunConfig, plain


def provenance(config: RunConfig) -> dict[str, Any]:
    """``task`` and ``data_dir`` as the configuration names them, the length limit and the seed."""
    data = plain(config)
    return {
        "task": data["task"],
        "data_dir": data["data_dir"],
        "max_length": config.data.max_length,
        "seed": config.training.seed,
    }
