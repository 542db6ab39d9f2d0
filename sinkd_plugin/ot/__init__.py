"""Entropy-regularised optimal transport between the predictions of a student and a teacher: pure functions of tensors.

``cost`` measures, ``problem`` states, ``sinkhorn`` solves, ``result`` tells how well it went, ``transport`` ties them.
"""
