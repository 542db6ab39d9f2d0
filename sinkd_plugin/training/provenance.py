"""What a saved model says of its making, for whoever scores or exports it later."""

from __future__ import annotations

from typing import Any

from sinkd_plugin.training.config import RunConfig, plain
from sinkd_plugin.training.prepare import Prepared


def provenance(config: RunConfig, prepared: Prepared) -> dict[str, Any]:
    """``task`` and ``data_dir`` as the configuration names them, the length limit, the seed and the family.

    And how a generative model was asked: ``prompt`` with its text and answers, and ``readout``; where it was to write,
    ``decoding`` and the limit of that length too.
    """
    data, prompt = plain(config), prepared.prompt
    asked = {"template": prompt.template, "verbalisers": list(prompt.verbalisers)} if prompt else None
    writes = prepared.task.spec.kind == "generation"
    writing = {"decoding": data["decoding"], "max_target_length": config.data.max_target_length} if writes else {}
    return {
        "architecture": prepared.family.name,
        **({"prompt": asked, "readout": data["readout"]} if asked else {}),
        **writing,
        "task": data["task"],
        "data_dir": data["data_dir"],
        "max_length": config.data.max_length,
        "seed": config.training.seed,
    }
