"""Entropy-regularised optimal transport between the predictions of a student and a teacher: pure functions of tensors.

From the outside in: ``transport`` ties all, ``options`` tell it what, ``result`` how it went. ``checks``,
``probabilities`` and ``marginals`` make the inputs usable. ``problem`` chooses between ``batch`` (rows, Eq. 13) and
``on_line`` (single probabilities, Eqs. 7 and 20, and rows of two classes), with ``dense`` for what a line cannot do.
``cost`` and ``distances`` measure, ``solver`` chooses the form of the sweeps, ``scaling`` and ``logarithmic`` sweep
and go back; ``newton`` finds the limit of the sweeps, and ``implicit`` its gradient. ``sinkhorn`` is the definition
that all agree with. ``engine`` tells when ``loops``, compiled, do the same on a CPU.
"""
