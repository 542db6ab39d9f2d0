"""Goal and measurement side by side, in benchmarks/README.md.

Run: python benchmarks/table.py
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
BETWEEN = re.compile(r"(<!-- table -->\n).*?(<!-- end of table -->)", re.DOTALL)
SMALL = [("batch", 16, 2), ("batch", 32, 2), ("batch", 32, 3), ("batch", 64, 3)]
WIDE = [("batch", rows, 50_257) for rows in (32, 64, 256)]


def with_table(page: str) -> str:
    """The page with the table of ``results/loss.json``."""
    result = json.loads((HERE / "results" / "loss.json").read_text(encoding="utf-8"))
    return BETWEEN.sub(lambda match: match[1] + table(result) + match[2], page)


def table(result: dict[str, Any]) -> str:
    """Markdown; the columns are what is asked for, with numba, and with PyTorch alone."""
    lines = ["| case | goal | with numba | PyTorch alone |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows(result))]) + "\n"


def rows(result: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """What is to be reached, and what was found."""
    yield "16 × 2, 32 × 2, 32 × 3, 64 × 3", "≥ 2×", *both_engines(result, SMALL, "plain")
    compiled = [case for case in SMALL if case[1] > 16]
    yield "32 × 2, 32 × 3, 64 × 3, `torch.compile`", "≥ 3×", *both_engines(result, compiled, "plain", "-compiled")
    shares = (f"{100 * result['step']['share_of_step'][name]['median']:.3f} %" for name in ("sinkd", "sinkd-torch"))
    yield "of a step of BERT-L6-H384, 32 × 64 tokens", "≤ 0.05 %", *shares
    yield "kernels launched, 32 × 3", "≤ 200", "–", str(result["launches"]["sinkd-torch"])
    yield "1,024 × 3", "≥ 10×", *both_engines(result, [("batch", 1024, 3)], "plain")
    yield "1,024 × 3 against POT", "≥ 3×", *both_engines(result, [("batch", 1024, 3)], "pot")
    yield "1,024 × 3, memory", "≤ 17 MB", *peaks(result, ("batch", 1024, 3))
    yield "4,096 × 3", "≥ 15×", *both_engines(result, [("batch", 4096, 3)], "plain")
    yield "4,096 × 3, memory", "≤ 280 MB", *peaks(result, ("batch", 4096, 3))
    yield "1,024 × 2", "≥ 31×", *both_engines(result, [("batch", 1024, 2)], "plain")
    yield "4,096 × 2", "≥ 1,176×", *both_engines(result, [("batch", 4096, 2)], "plain")
    yield "1,000,000 × 2", "≤ 2.2 s", *seconds(result, ("batch", 1_000_000, 2))
    yield "32, 64, 256 × 50,257", "≥ 2.5×", *both_engines(result, WIDE, "plain")
    yield "32, 64 × 50,257, `torch.compile`", "≥ 3×", *both_engines(result, WIDE[:2], "plain", "-compiled")
    yield "the same, memory over KL's", "≤ 1.3", *over_kl(result)
    yield "the same, distances over their floor", "≤ 2", *over_floor(result)
    yield "Eq. 20, 32 · 32 points", "≥ 34×", *both_engines(result, [("flattened", 32, 32)], "plain")
    yield "Eq. 20, 64 · 64 points", "≥ 857×", *both_engines(result, [("flattened", 64, 64)], "plain")
    yield "Eq. 20, 1,000,000 points", "≤ 1.9 s", *seconds(result, ("flattened", 100_000, 10))
    yield "each row apart, 32 × 50,257", "≤ 2 s", *seconds(result, ("sample", 32, 50_257))


Case = tuple[str, int, int]


def found(entries: list[dict[str, Any]], case: Case) -> dict[str, Any]:
    """The entry of a case."""
    (entry,) = (entry for entry in entries if (entry["cost"], entry["rows"], entry["classes"]) == case)
    return entry


def both_engines(result: dict[str, Any], cases: list[Case], against: str, suffix: str = "") -> Iterator[str]:
    """How many times as fast as another method, value and gradient, for each case."""
    for engine in ("sinkd", "sinkd-torch"):
        ratios = []
        for case in cases:
            raw = found(result["cases"], case)["cpu_ms"]
            pairs = zip(raw[against]["both"], raw[engine + suffix]["both"], strict=True)
            ratios.append(median(theirs / ours for theirs, ours in pairs))
        yield ", ".join(f"{ratio:,.0f}×" if ratio >= 10 else f"{ratio:.1f}×" for ratio in ratios)


def peaks(result: dict[str, Any], case: Case) -> Iterator[str]:
    """Memory at the peak beyond the logits."""
    for engine in ("sinkd", "sinkd-torch"):
        yield f"{found(result['memory'], case)['peak_mb'][engine]:.0f} MB"


def seconds(result: dict[str, Any], case: Case) -> Iterator[str]:
    """Of value and gradient."""
    for engine in ("sinkd", "sinkd-torch"):
        yield f"{median(found(result['scaling'], case)['cpu_ms'][engine]) / 1e3:.1f} s"


def over_kl(result: dict[str, Any]) -> Iterator[str]:
    """Memory at the peak, over that of ``F.kl_div``."""
    for engine in ("sinkd", "sinkd-torch"):
        entries = [found(result["memory"], case)["peak_mb"] for case in WIDE]
        yield ", ".join(f"{peaks[engine] / peaks['kl_div']:.1f}" for peaks in entries)


def over_floor(result: dict[str, Any]) -> Iterator[str]:
    """The distances' forward pass over the least time for it."""
    for engine in ("sinkd", "sinkd-torch"):
        yield ", ".join(f"{entry['times_the_floor'][engine]['median']:.1f}" for entry in result["floor"])


if __name__ == "__main__":
    target = HERE / "README.md"
    target.write_text(with_table(target.read_text(encoding="utf-8")), encoding="utf-8")
