"""The paper's problem as one kernel of an accelerator, written in Triton: see ``ot.engine`` for when it is used."""
