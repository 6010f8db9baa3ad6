"""What a run costs, from shapes alone: weights, floating-point operations, memory. Nothing is downloaded or computed.

The cost of a transformer is linear in its layers and, for a batch of B examples of T tokens, of the form
c + d T + e T^2 + B (f + g T + h T^2). So one and two layers of a model, traced on the meta device with six sizes of
batch, give the cost of any batch for the whole model, to the last operation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from . import methods, models
from .config import RunConfig
from .record import Params
from .task import Head, family

_SIZES = [(1, 16), (1, 32), (1, 48), (2, 16), (2, 32), (2, 48)]  # examples, tokens
_HALF = 0.6  # activations under autocast to bfloat16, of those in float32: norms, softmax and residuals keep 32 bits
# Peak memory over what is alive. CPU: 1.4 to 2.0 measured, as what is freed does not all fit what comes next; CUDA: its
# allocator keeps equal blocks for each other, and an allowance.
_SLACK = {"cpu": 2.0, "cuda": 1.2}


@dataclass(frozen=True)
class Step:
    """What one batch costs.

    forward: floating-point operations of the forward pass; a multiplication with its addition counts two
    training: those of forward and backward pass
    activations: bytes of float32 that the forward pass keeps for the backward pass
    """

    forward: float
    training: float
    activations: float


@dataclass(frozen=True)
class Cost:
    """The cost of a model under a method.

    params: numbers of weights, as a run will record them
    layers, width: of the backbone
    terms: the six coefficients of each figure of `Step`, (3, 6)
    """

    params: Params
    layers: int
    width: int
    terms: np.ndarray

    def step(self, examples: float, tokens: float) -> Step:
        """The cost of a batch of `examples` with `tokens` tokens each."""
        return Step(*(self.terms @ _basis(examples, tokens)))

    def memory(
        self, examples: int, tested: int, tokens: int, *, dtype: str, checkpointing: bool = False, device: str = "cpu"
    ) -> float:
        """Bytes that a run needs at its peak: weights, gradients, Adam's two moments, activations; an estimate.

        What the process and its libraries need comes on top.

        Args:
            examples: Examples at once in training.
            tested: Examples at once in evaluation, which keeps one layer at a time.
            tokens: Tokens of the longest of them.
            dtype: "float32", or "bfloat16" for autocast.
            checkpointing: Keep the input of each layer and compute the rest again.
            device: "cpu" or "cuda".
        """
        half = dtype == "bfloat16"
        kept = self.step(examples, tokens).activations
        if checkpointing:
            kept = kept / self.layers + 4 * examples * tokens * self.width * self.layers
        kept += self.step(tested, tokens).activations / self.layers
        weights = 4 * self.params.total + 12 * self.params.trainable + (2 * self.params.total if half else 0)
        return weights + kept * (_HALF if half else 1) * _SLACK[device]


def params(cfg: RunConfig) -> Params:
    """The numbers of weights of a run's model under its method.

    Raises:
        ModelError: The shape of the model is not known here.
    """
    return _prepared(cfg, family(cfg.task.family).head(cfg.task), None)[1]


_known: dict[str, Cost] = {}


def cost(cfg: RunConfig) -> Cost:
    """The cost of a run's model under its method.

    Raises:
        ModelError: The shape of the model is not known here.
    """
    head = family(cfg.task.family).head(cfg.task)
    key = f"{cfg.model!r} {cfg.method!r} {head!r}"
    if key not in _known:
        shape = models.architecture(cfg.model)
        if methods.alike_in_all_layers(cfg.method):
            one, two = (_traced(cfg, head, layers) for layers in (1, 2))
            terms = one + (shape.num_hidden_layers - 1) * (two - one)
        else:
            terms = _traced(cfg, head, None)
        _known[key] = Cost(
            params=params(cfg),
            layers=shape.num_hidden_layers,
            width=shape.hidden_size,
            terms=terms,
        )
    return _known[key]


def _prepared(cfg: RunConfig, head: Head, layers: int | None, device: str = "meta") -> tuple[nn.Module, Params]:
    model = models.untrained(cfg.model, head, device, layers)
    return methods.prepare(cfg.method, model, models.head_modules(cfg.model, model), span=head.kind == "span")


def _traced(cfg: RunConfig, head: Head, layers: int | None) -> np.ndarray:
    """The six coefficients of each figure of `Step`, (3, 6), for a model cut to so many layers; None: whole."""
    model = _prepared(cfg, head, layers)[0].train()
    weights = {weight.untyped_storage()._cdata for weight in model.parameters()}
    figures = []
    for size in _SIZES:
        kept: dict[int, torch.UntypedStorage] = {}

        def keep(tensor: Tensor, kept=kept) -> Tensor:
            storage = tensor.untyped_storage()
            if storage._cdata not in weights:
                kept[storage._cdata] = storage
            return tensor

        # embeddings rather than ids, whose values some models look at
        shape = (size[0], *([head.outputs] if head.kind == "choice" else []), size[1], model.config.hidden_size)
        inputs = torch.zeros(shape, device="meta")
        with FlopCounterMode(display=False) as counter:
            with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
                outputs = model(inputs_embeds=inputs)
            forward = counter.get_total_flops()
            sum(output.sum() for output in outputs.values()).backward()
            model.zero_grad()
        activations = sum(storage.nbytes() for storage in kept.values())
        figures.append((forward, counter.get_total_flops(), activations))
    return np.linalg.solve(np.array([_basis(*size) for size in _SIZES], dtype=float), np.array(figures, dtype=float)).T


def _basis(examples: float, tokens: float) -> np.ndarray:
    return np.kron([1, examples], [1, tokens, tokens**2])
