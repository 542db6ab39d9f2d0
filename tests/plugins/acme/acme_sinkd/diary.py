"""A diary of finished students in their run folder, and the command ``sinkd acme`` that reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sinkd_plugin.specs import CommandSpec, DistillationPlan

if TYPE_CHECKING:
    import click

FILE = "acme.jsonl"


def write(plan: DistillationPlan, result: Mapping[str, Any]) -> None:
    entry = {"loss": plan.distill_config.base_kd_loss_type, "n": result["n"], **result["test"]}
    with (Path(plan.train_config.output_dir) / FILE).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(entry) + "\n")


def command() -> click.Command:
    import click

    @click.command("acme", epilog="Example: sinkd acme runs/mine")
    @click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
    def acme(run: Path) -> None:
        """Show the diary of the run folder RUN."""
        click.echo((run / FILE).read_text(encoding="utf-8"), nl=False)

    return acme


SPEC = CommandSpec(name="acme", summary="Show the students that a run has finished.", load=command)
