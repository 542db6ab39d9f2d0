"""Which extra brings a package, so that an import that fails ends in the command that mends it."""

from __future__ import annotations

from sinkd_plugin.errors import MissingDependencyError

_EXTRA_OF = {
    **dict.fromkeys(
        (
            "transformers",
            "datasets",
            "accelerate",
            "safetensors",
            "sklearn",
            "scipy",
            "matplotlib",
            "jinja2",
            "sacrebleu",
            "rouge_score",
        ),
        "train",
    ),
    **dict.fromkeys(("huggingface_hub", "httpx"), "zoo"),
    **dict.fromkeys(("optimum", "onnx", "onnx_ir", "onnxruntime", "onnxscript", "tokenizers"), "export"),
    **dict.fromkeys(("fastapi", "starlette", "uvicorn", "prometheus_client"), "serve"),
    **dict.fromkeys(("optuna", "sqlalchemy"), "sweep"),
    "numba": "fast",
}


def missing_extra(error: ModuleNotFoundError) -> MissingDependencyError | None:
    """The error that names the extra or package to install, or ``None`` if the missing module is one of our own."""
    package = (error.name or "").partition(".")[0]
    extra = _EXTRA_OF.get(package)
    if not package or package.startswith("sinkd"):
        return None
    if extra is None:
        return MissingDependencyError(
            f"This needs the package '{package}', which is not installed.",
            cure="Install it, or whatever brings it; `sinkd plugins` shows which plugin may need it.",
        )
    return MissingDependencyError(
        f"This needs the package '{package}'.", cure=f"Run: pip install 'sinkd-plugin[{extra}]'"
    )
