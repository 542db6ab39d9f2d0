"""How long a student takes for a sentence: by ``sinkd bench`` where it knows the family, else by a plain loop."""

from __future__ import annotations

import platform
import statistics
import time
from pathlib import Path
from typing import Any

from sinkd_plugin.storage import read_json
from sinkd_zoo.own_commands import run_command

BATCH, LENGTH = 1, 32
"""Shape of what is timed: a sentence."""

_SHAPE = f"{BATCH} × {LENGTH}"
_CLASSIFIER = "ForSequenceClassification"
_WARM_UP, _ROUNDS = 10, 100


def latency(folder: Path, loader: str) -> dict[str, Any]:
    """The median latency of a forward pass, with the command that measured it.

    Args:
        folder: The student.
        loader: The class of transformers that loads it.
    """
    saved_class = str(read_json(folder / "config.json")["architectures"][0])
    return _benched(folder) if saved_class.endswith(_CLASSIFIER) else _timed(folder, loader)


def _benched(folder: Path) -> dict[str, Any]:
    options = ("--shape", f"{BATCH}x{LENGTH}", "--threads", "1", "--seconds", "5")
    report = run_command("bench", str(folder), *options, threads=1)
    (measured,) = report["measurements"]
    return {
        "command": f"sinkd bench MODEL {' '.join(options)}",
        "shape": _SHAPE,
        "threads": 1,
        "median_ms": measured["latency_ms"]["p50"],
        "machine": str(report.get("machine", {}).get("cpu") or platform.processor()),
    }


def _timed(folder: Path, loader: str) -> dict[str, Any]:
    """One forward pass over a prompt of random tokens; an encoder-decoder also takes one token of an answer."""
    import torch
    import transformers

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        model = getattr(transformers, loader).from_pretrained(folder, local_files_only=True).eval()
        tokens = torch.arange(BATCH * LENGTH).reshape(BATCH, LENGTH) % model.config.vocab_size
        inputs = {"input_ids": tokens}
        if model.config.is_encoder_decoder:
            inputs["decoder_input_ids"] = tokens[:, :1]
        with torch.inference_mode():
            times_ms = [_pass_ms(model, inputs) for _ in range(_WARM_UP + _ROUNDS)][_WARM_UP:]
    finally:
        torch.set_num_threads(before)
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return {
        "command": "sinkd zoo build NAME",
        "shape": _SHAPE,
        "threads": 1,
        "median_ms": statistics.median(times_ms),
        "machine": str(capabilities.get("cpu_name") or platform.processor() or platform.machine()),
    }


def _pass_ms(model: Any, inputs: dict[str, Any]) -> float:
    start = time.perf_counter()
    model(**inputs)
    return (time.perf_counter() - start) * 1000
