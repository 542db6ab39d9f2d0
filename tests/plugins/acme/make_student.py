"""Make the student that this plugin ships: distil it on its own task, and publish it into its own zoo.

python make_student.py
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

HERE = Path(__file__).parent
PACKAGE = HERE / "acme_sinkd"
NAME = "acme-beers"


def save_teacher(folder: Path) -> None:
    """A BERT of random weights that knows the words of the task."""
    text = (PACKAGE / "beers.csv").read_text(encoding="utf-8").lower()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted(set(re.findall(r"\w+|[^\w\s]", text)))]
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(words), max_position_embeddings=32, **shape)).save_pretrained(folder)
    BertTokenizerFast(vocab_file=str(folder / "vocab.txt")).save_pretrained(folder)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        save_teacher(Path(folder, "teacher"))
        shutil.copyfile(HERE / "student.yaml", Path(folder, "student.yaml"))
        sinkd("distill student.yaml", folder)
        sinkd(f"zoo publish run --to zoo --name {NAME}", folder)
        shutil.rmtree(PACKAGE / "students", ignore_errors=True)
        shutil.copytree(Path(folder, "zoo"), PACKAGE / "students", ignore=shutil.ignore_patterns("*.lock"))


def sinkd(words: str, folder: str) -> None:
    subprocess.run([sys.executable, "-m", "sinkd_plugin", *words.split()], cwd=folder, check=True)


if __name__ == "__main__":
    main()
