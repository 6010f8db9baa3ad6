"""AdaLoRA's rank budget, which moves between the adapted projections during training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from peft.tuners.adalora import AdaLoraModel
from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

FILE = "ranks.pt"
_MOMENTS = ("ipt", "exp_avg_ipt", "exp_avg_unc")


class RankAllocation(TrainerCallback):
    """Reallocates the budget after every optimiser step. The config's schedule is rescaled to the steps of the run.

    Checkpoints also save the allocator's averages of past gradients; without them a resumed run would differ.
    """

    def __init__(self, tuner: AdaLoraModel, checkpoint: str | None) -> None:
        self.tuner = tuner
        [self.config] = tuner.peft_config.values()
        self.checkpoint = checkpoint
        self.pattern = self.config.rank_pattern

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, *_: Any, **__: Any) -> None:
        stretch = state.max_steps / self.config.total_step
        self.config.tinit = round(self.config.tinit * stretch)
        self.config.tfinal = round(self.config.tfinal * stretch)
        self.config.total_step = state.max_steps
        if self.checkpoint:
            saved = torch.load(Path(self.checkpoint) / FILE)
            self.pattern = saved.pop("pattern")
            vars(self.tuner.rankallocator).update(saved)

    def on_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self.config.rank_pattern = self.pattern
        self.tuner.update_and_allocate(state.global_step)
        # with the pattern in its config, PEFT would save too few ranks to resume
        self.pattern, self.config.rank_pattern = self.config.rank_pattern, None

    def save(self, checkpoint: Path) -> None:
        """Add the file that `on_train_begin` reads to a checkpoint."""
        state = {name: getattr(self.tuner.rankallocator, name) for name in _MOMENTS}
        torch.save(state | {"pattern": self.pattern}, checkpoint / FILE)


def adalora_callback(model: nn.Module, checkpoint: str | None) -> RankAllocation | None:
    """AdaLoRA's callback for a run that is new or resumed from `checkpoint`; None for any other method."""
    tuner = model.base_model if isinstance(model, PeftModel) else None
    return RankAllocation(tuner, checkpoint) if isinstance(tuner, AdaLoraModel) else None
