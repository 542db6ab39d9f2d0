"""A T5 and a GPT-Neo of useful size to time generation on: ``python benchmarks/writers.py FOLDER``.

Their weights are random, which no latency depends on, and their sizes those of small students: a T5 of four and two
layers, 512 wide, and a GPT-Neo of four. The bundled students are so small that what a call costs beside the graph
weighs more than the graph.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from transformers import AutoTokenizer, GPTNeoConfig, GPTNeoForCausalLM, T5Config, T5ForConditionalGeneration

from sinkd_export.model_folder import local_folder

T5 = T5Config(
    d_model=512, d_kv=64, num_heads=8, d_ff=2048, num_layers=4, num_decoder_layers=2, vocab_size=32_128,
    decoder_start_token_id=0,
)  # fmt: skip
GPT_NEO = GPTNeoConfig(
    hidden_size=512, num_layers=4, attention_types=[[["global", "local"], 2]], num_heads=8, vocab_size=50_257,
    max_position_embeddings=512, window_size=256,
)  # fmt: skip


def main(folder: Path) -> None:
    """Write both, each with the tokenizer of the bundled student of its family."""
    torch.manual_seed(0)
    T5ForConditionalGeneration(T5).save_pretrained(folder / "t5")
    GPTNeoForCausalLM(GPT_NEO).save_pretrained(folder / "gpt_neo")
    for name, student in (("t5", "zoo:t5-tiny-reviews"), ("gpt_neo", "zoo:neo-tiny-reviews")):
        AutoTokenizer.from_pretrained(local_folder(student)).save_pretrained(folder / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
