"""From a Transformers folder to ONNX graphs: export, optimise, quantise, merge."""
