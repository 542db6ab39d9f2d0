"""Where a result comes from: versions, processor, load; so that a figure can be judged by somebody else."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "sinkd-plugin", "torch", "transformers", "tokenizers", "optimum", "optimum-onnx", "onnx", "onnxruntime", "numpy",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The processor a figure was measured on.

    Args:
        cpu: Name of the processor.
        architecture: Such as ``x86_64``.
        logical_cpus: Processors of the machine.
        available_cpus: Processors this process may use.
        instruction_sets: Those that matter to matrix multiplication, as torch sees them.
        system: Operating system.
        omp_wait_policy: ``OMP_WAIT_POLICY``; unless it is PASSIVE, torch's waiting threads spin.
    """

    cpu: str
    architecture: str
    logical_cpus: int
    available_cpus: int
    instruction_sets: tuple[str, ...]
    system: str
    omp_wait_policy: str | None


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that an export or a timing depends on."""
    return {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def machine() -> Machine:
    """This machine."""
    from sinkd_export.session import available_threads

    return Machine(
        cpu=_cpu_name(),
        architecture=platform.machine(),
        logical_cpus=os.cpu_count() or 1,
        available_cpus=available_threads(),
        instruction_sets=instruction_sets(),
        system=f"{platform.system()} {platform.release()}",
        omp_wait_policy=os.environ.get("OMP_WAIT_POLICY"),
    )


def _cpu_name() -> str:
    """Name, family and model: virtual machines hide the generation in the name, and it decides matrix speed."""
    info = Path("/proc/cpuinfo")
    first = info.read_text(encoding="utf-8").split("\n\n", 1)[0].splitlines() if info.is_file() else []
    fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in first)}
    if "model name" not in fields:
        return platform.processor() or "unknown"
    return f"{fields['model name']} (family {fields.get('cpu family', '?')}, model {fields.get('model', '?')})"


def int8_instructions(sets: Sequence[str]) -> str:
    """Those of some instruction sets that multiply int8 exactly; without one, sums may saturate and results differ."""
    found = [name for name in sets if any(part in name for part in ("vnni", "int8", "i8mm", "dot"))]
    return ", ".join(found) or "no int8 instructions (sums may saturate)"


def instruction_sets() -> tuple[str, ...]:
    """Those of this processor that matter to matrix multiplication, as torch sees them."""
    import torch

    report = getattr(torch.cpu, "get_capabilities", None)  # torch 2.4 has no such function
    if report is None:
        return (str(torch.backends.cpu.get_cpu_capability()),)
    families = ("avx", "amx", "fma", "f16c", "neon", "asimd", "sve", "bf16", "i8mm", "dot")
    found = (name for name, present in report().items() if present is True and name.startswith(families))
    return tuple(sorted(found))


def commit() -> str | None:
    """The commit of the checkout that this package lies in, marked where it has changes; ``None`` outside of one."""
    words = [
        "git",
        "-C",
        str(Path(__file__).parent),
        "describe",
        "--always",
        "--abbrev=40",
        "--dirty",
        "--exclude",
        "*",
    ]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError:
        return None
    return done.stdout.strip() or None


def load_average() -> float | None:
    """Processes that wanted a processor, averaged over the last minute; None where the system does not tell."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
