"""`sinkd distill` in which process 1 meets a fault while it sends back its student's gradient; torchrun starts it.

Run: torchrun --nproc-per-node 2 failing_process.py FAULT CONFIG FOLDER [WHICH GRADIENT, 3 if absent [WORDS …]]
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from sinkd_plugin.cli.main import main
from sinkd_plugin.textbrewer.distiller import SinkhornDistiller

fault, config, folder, which = [*sys.argv[1:], "3"][:4]
_backward = SinkhornDistiller._send_back
_sent: list[int] = []


def send_back(self: Any, outputs: Any, leaves: Any) -> None:
    """As the distiller does it, until the fault."""
    _sent.append(1)
    if os.environ["RANK"] == "1" and len(_sent) == int(which):
        if fault == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        raise RuntimeError("no memory is left on process 1")
    _backward(self, outputs, leaves)


SinkhornDistiller._send_back = send_back  # type: ignore[method-assign]
main(["distill", config, "--set", f"training.output_dir={folder}", *sys.argv[5:]])
