"""An exported student behind HTTP."""
