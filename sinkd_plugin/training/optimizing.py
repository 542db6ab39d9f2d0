"""AdamW with linear warm-up and decay, for teachers and students."""

from __future__ import annotations

from torch import nn
from torch.optim import AdamW, Optimizer

from sinkd_plugin.training.model_options import OptimizerOptions


def optimizer_of(model: nn.Module, options: OptimizerOptions) -> Optimizer:
    """AdamW that spares biases and layer norms, the one-dimensional weights, from decay."""
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    groups = [
        {"params": [weight for weight in weights if weight.dim() > 1], "weight_decay": options.weight_decay},
        {"params": [weight for weight in weights if weight.dim() <= 1], "weight_decay": 0.0},
    ]
    return AdamW(groups, lr=options.learning_rate)


def schedule(options: OptimizerOptions, steps: int) -> dict[str, int]:
    """Arguments of Transformers' ``get_linear_schedule_with_warmup``."""
    return {"num_warmup_steps": int(options.warmup * steps), "num_training_steps": steps}
