"""AdaLoRA's rank budget, which moves between the adapted projections during training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from peft.tuners.adalora import AdaLoraModel
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

_MOMENTS = ("ipt", "exp_avg_ipt", "exp_avg_unc")


class RankAllocation(TrainerCallback):
    """Reallocates the budget after every optimiser step. The config's schedule is rescaled to the steps of the run.

    Checkpoints also save the allocator's averages of past gradients; without them a resumed run would differ.
    """

    def __init__(self, tuner: AdaLoraModel) -> None:
        self.tuner = tuner
        [self.config] = tuner.peft_config.values()
        self.pattern = self.config.rank_pattern

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, *_: Any, **__: Any) -> None:
        stretch = state.max_steps / self.config.total_step
        self.config.tinit = round(self.config.tinit * stretch)
        self.config.tfinal = round(self.config.tfinal * stretch)
        self.config.total_step = state.max_steps
        if state.global_step:  # the run is resumed
            saved = torch.load(_file(args, state))
            self.pattern = saved.pop("pattern")
            vars(self.tuner.rankallocator).update(saved)

    def on_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self.config.rank_pattern = self.pattern
        self.tuner.update_and_allocate(state.global_step)
        # with the pattern in its config, PEFT would save too few ranks to resume
        self.pattern, self.config.rank_pattern = self.config.rank_pattern, None

    def on_save(self, args: TrainingArguments, state: TrainerState, *_: Any, **__: Any) -> None:
        if state.is_world_process_zero:
            moments = {name: getattr(self.tuner.rankallocator, name) for name in _MOMENTS}
            torch.save(moments | {"pattern": self.pattern}, _file(args, state))


def _file(args: TrainingArguments, state: TrainerState) -> Path:
    return Path(args.output_dir) / f"checkpoint-{state.global_step}" / "ranks.pt"
