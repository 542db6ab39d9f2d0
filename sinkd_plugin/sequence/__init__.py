"""Sequence-level distillation: objectives over sampled sequences, the samples themselves, and how they are measured."""
