"""The same mathematics as plain loops, compiled by numba, so that a small problem costs no more than its arithmetic.

Files named ``…_loops`` hold the loops: arrays in, arrays filled. Files named ``loop_…`` hand them the memory of
tensors. ``batch_loops`` is all of the paper's Eqs. 13-18 in one function. Nothing here is needed: ``ot.engine`` tells
when it is used.
"""
