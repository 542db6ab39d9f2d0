"""Runs scripts, each in a process and a folder of its own, forked from one that has imported what is heavy.

Run: python corpus_runner.py FOLDER, with a JSON list of [name, script, "stock" | "run" | "swap"] on stdin.
Prints a JSON object of the last line that each script printed, or of its error. TextBrewer and sinkd are imported in
the forked processes only.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import traceback
import warnings
from pathlib import Path

import torch.utils.tensorboard
from transformers import (
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    GPTNeoForCausalLM,
)

HEAVY = (
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    GPTNeoForCausalLM,
    torch,
)


def run(script: str, way: str, folder: Path) -> None:
    """The script as ``__main__``, its output in the folder; never returns."""
    os.chdir(folder)
    with Path("out").open("w", encoding="utf-8") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    warnings.simplefilter("ignore")
    code = 1
    try:
        sys.argv = [script]
        if way == "run":
            from sinkd_plugin.textbrewer.script import run_script

            run_script(script, [])
        else:
            runpy.run_path(script, run_name="__main__")
        code = 0
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    os._exit(code)


def main(root: Path) -> None:
    """Run them one after another."""
    results = {}
    for name, script, way in json.load(sys.stdin):
        folder = root / name
        folder.mkdir()
        child = os.fork()
        if child == 0:
            run(script, way, folder)
        _, status = os.waitpid(child, 0)
        said = (folder / "out").read_text(encoding="utf-8")
        results[name] = {"code": os.waitstatus_to_exitcode(status), "said": said}
    sys.stdout.write(json.dumps(results) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
