"""The exporter: students to ONNX, proven equal, measured, and run without torch."""
