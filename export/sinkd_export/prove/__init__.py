"""Proof that an export computes what PyTorch computes: form, values, labels, and the task's metric."""
