"""The quick ways compute what the plain ones compute; their dropout is dropout."""

import copy
import os
from functools import partial

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers import MPNetConfig, MPNetForSequenceClassification

from ina import InaConfig, config, models, speed
from ina.adapter import InaLinear
from ina.tasks import Head

N = 1_000_003  # no multiple of the four masks that a random word gives


def kept(p: float, seed: int = 1, dtype: torch.dtype = torch.float32) -> np.ndarray:
    torch.manual_seed(seed)
    return speed.drop(torch.ones(N, dtype=dtype), p).bool().numpy()


def within_chance(successes: float, trials: int, p: float) -> bool:
    """Whether a binomial count lies within 4.5 standard deviations of its mean: wrong once in 150,000 times."""
    return abs(successes - trials * p) < 4.5 * (trials * p * (1 - p)) ** 0.5


# --- dropout


@pytest.mark.parametrize("p", [0.1, 0.5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_number_of_dropped_elements_is_binomial(p, dtype):
    counts = [N - kept(p, seed, dtype).sum() for seed in range(8)]
    assert all(within_chance(count, N, p) for count in counts)
    assert len(set(counts)) > 1
    # and it varies as much as it should: the sum of squared deviations is chi-square with 8 degrees of freedom
    assert 0.9 < sum((count - N * p) ** 2 for count in counts) / (N * p * (1 - p)) < 32


@pytest.mark.parametrize("lane", range(4))
def test_each_of_the_four_elements_of_a_random_word_is_dropped_at_the_same_rate(lane):
    mask = kept(0.1)[lane::4]
    assert within_chance(mask.sum(), len(mask), 0.9)


@pytest.mark.parametrize("lag", [1, 2, 3, 4, 5, 8, 384, 12 * 384])
def test_elements_are_dropped_independently_of_those_before_them(lag):
    dropped = ~kept(0.1)
    assert within_chance((dropped[lag:] & dropped[:-lag]).sum(), N - lag, 0.01)


def test_sites_steps_and_seeds_that_follow_each_other_have_independent_masks():
    torch.manual_seed(1)
    first, *others = ((speed.drop(torch.ones(N), 0.1) == 0).numpy() for _ in range(5))
    assert all(within_chance((first & other).sum(), N, 0.01) for other in others)
    assert within_chance((~kept(0.1, seed=1) & ~kept(0.1, seed=2)).sum(), N, 0.01)


def test_the_mean_stays_as_it_is_whatever_the_rounded_probability():
    p = 1.4 / 2**16  # becomes 1 / 2**16
    torch.manual_seed(0)
    found = speed.drop(torch.ones(1000), p)
    assert found.max() == torch.tensor(2**16 / (2**16 - 1))
    torch.manual_seed(0)
    assert speed.drop(torch.ones(N), 0.1).unique().tolist() == pytest.approx([0, 65536 / (65536 - 6554)], rel=1e-7)


def test_the_seed_decides_the_masks_and_they_go_on_from_a_saved_state_of_the_generator():
    assert np.array_equal(kept(0.1, seed=3), kept(0.1, seed=3))
    assert not np.array_equal(kept(0.1, seed=3), kept(0.1, seed=4))
    state = torch.get_rng_state()
    expected = speed.drop(torch.ones(50), 0.5)
    torch.set_rng_state(state)
    assert torch.equal(speed.drop(torch.ones(50), 0.5), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_gradient_goes_through_the_same_mask(dtype):
    x = torch.randn(7, 11).to(dtype).requires_grad_()
    y = speed.drop(x, 0.4)
    y.sum().backward()
    torch.testing.assert_close(y, x * x.grad)
    assert x.grad.unique().tolist() == pytest.approx([0, 1 / 0.6], rel=4e-3)


def test_modules_drop_in_training_only_and_leave_other_kinds_of_tensors_to_torch():
    model = nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.0))
    speed.cheaper_dropout(model)
    x = torch.ones(100)
    assert torch.equal(model.eval()(x), x)
    torch.manual_seed(0)
    expected = speed.drop(x, 0.5)
    torch.manual_seed(0)
    assert torch.equal(model.train()(x), expected)
    for p, given in ((0.5, x.double()), (1.0, x), (0.0, x)):
        torch.manual_seed(0)
        expected = nn.functional.dropout(given, p)
        torch.manual_seed(0)
        assert torch.equal(speed.drop(given, p), expected)


# --- models


def build(family: str) -> nn.Module:
    if family == "mpnet":
        torch.manual_seed(1)
        shape = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, vocab_size=200)
        return MPNetForSequenceClassification(MPNetConfig(**shape))
    given = config.ModelConfig(name="tiny", label="tiny", tiny=family)
    return models.load(given, Head("classification", 2), seed=1)


def adapted(family: str, method: str) -> nn.Module:
    sites = ["query_proj", "key_proj"] if family == "deberta-v2" else ["query", "key"]
    settings = dict(r=4, target_modules=sites, task_type="SEQ_CLS", modules_to_save=["pooler", "classifier"])
    kind = {"lora": LoraConfig, "ina": InaConfig}[method]
    torch.manual_seed(2)
    return get_peft_model(build(family), kind(**settings))


def batch(length: int) -> dict[str, torch.Tensor]:
    ids = torch.randint(5, 200, (6, length), generator=torch.Generator().manual_seed(length))
    mask = (torch.arange(length) < torch.tensor([length, length, length - 1, 5, 4, 3])[:, None]).long()
    return {"input_ids": ids * mask, "attention_mask": mask, "labels": torch.tensor([0, 1, 0, 1, 0, 1])}


def inputs(length: int) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in batch(length).items() if name != "labels"}


def without_dropout(model: nn.Module) -> nn.Module:
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model


@pytest.mark.parametrize("length", [7, speed.SHORT + 8])
@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_attention_computes_what_it_computed(family, length):
    plain = without_dropout(build(family)).train()
    quick = copy.deepcopy(plain)
    speed.short_attention(quick)
    assert quick.config._attn_implementation == "ina_short" != plain.config._attn_implementation
    expected, found = plain(**batch(length)), quick(**batch(length))
    torch.testing.assert_close(found.logits, expected.logits, atol=1e-6, rtol=1e-5)
    expected.loss.backward()
    found.loss.backward()
    for one, other in zip(quick.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-6, rtol=1e-4)
    with torch.inference_mode():
        found = quick.eval()(**batch(length)).logits
    torch.testing.assert_close(found, expected.logits, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("length", [7, speed.SHORT + 8])
def test_attention_drops_weights_in_training(length):
    model = without_dropout(build("bert"))
    speed.short_attention(model)
    for layer in model.bert.encoder.layer:
        layer.attention.self.dropout.p = 0.5
    torch.manual_seed(0)
    first, second = (model.train()(**batch(length)).logits for _ in range(2))
    assert not torch.allclose(first, second)
    torch.manual_seed(0)
    assert torch.equal(model(**batch(length)).logits, first)


@pytest.mark.parametrize("family", ["bert", "roberta", "deberta", "deberta-v2", "mpnet"])
def test_a_last_layer_for_the_first_token_alone_gives_the_same_logits_and_gradients(family):
    plain = without_dropout(build(family)).train()
    quick = copy.deepcopy(plain)
    expected = plain(**batch(9))
    expected.loss.backward()
    with speed.first_token_only(quick):
        assert quick.base_model(**inputs(9)).last_hidden_state.shape == (6, 1, 32)
        found = quick(**batch(9))
        found.loss.backward()
    torch.testing.assert_close(found.logits, expected.logits, atol=1e-6, rtol=1e-5)
    for one, other in zip(quick.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-6, rtol=1e-4)
    assert torch.equal(quick(**batch(9)).logits, expected.logits)  # all tokens again
    assert quick.base_model(**inputs(9)).last_hidden_state.shape == (6, 9, 32)


def test_span_heads_read_every_token_and_get_them():
    given = config.ModelConfig(name="tiny", label="tiny", tiny="bert")
    model = models.load(given, Head("span", 2), seed=1).eval()
    expected = model(**inputs(9)).start_logits
    with speed.first_token_only(model):
        assert torch.equal(model(**inputs(9)).start_logits, expected)


@pytest.mark.parametrize("method", ["lora", "ina"])
def test_frozen_weights_are_held_in_bfloat16_and_trained_ones_in_float32(method):
    model = adapted("bert", method)
    speed.cast_frozen(model, torch.bfloat16)
    formats = {(weight.requires_grad, weight.dtype) for weight in model.parameters()}
    assert formats == {(True, torch.float32), (False, torch.bfloat16)}


@pytest.mark.parametrize("family", ["bert", "roberta", "deberta-v2"])
@pytest.mark.parametrize("method", ["lora", "ina"])
def test_a_cast_base_gives_the_loss_and_gradients_of_autocast_up_to_its_precision(family, method):
    plain = without_dropout(adapted(family, method)).train()
    quick = copy.deepcopy(plain)
    speed.cast_frozen(quick, torch.bfloat16)
    losses = []
    for model in (plain, quick):
        with torch.autocast("cpu", torch.bfloat16):
            losses.append(model(**batch(9)).loss.float())
        losses[-1].backward()
    assert losses[1].item() == pytest.approx(losses[0].item(), abs=0.02)
    expected, found = (
        torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.grad is not None])
        for model in (plain, quick)
    )
    assert torch.cosine_similarity(found, expected, dim=0) > 0.98


def test_nothing_is_cast_where_every_weight_is_trained():
    model = build("bert")
    speed.cast_frozen(model, torch.bfloat16)
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}


# --- embeddings


def fine_tuned(model: nn.Module, weight_decay: float = 0.0, steps: int = 4) -> list[float]:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=weight_decay, fused=True)
    found = []
    for step in range(steps):
        loss = model(**batch(6 + step)).loss
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        found.append(loss.item())
    return found


def ids(steps: int = 4) -> np.ndarray:
    return torch.cat([batch(6 + step)["input_ids"].flatten() for step in range(steps)]).numpy()


@pytest.mark.parametrize("family", ["bert", "roberta", "deberta-v2"])
def test_full_fine_tuning_of_the_used_rows_ends_at_the_same_weights(family):
    # in float64: Adam makes whole steps of gradients that are zero but for rounding
    plain = without_dropout(build(family)).double()
    quick = copy.deepcopy(plain)
    expected = fine_tuned(plain)
    with speed.only_used_rows(quick, ids(), weight_decay=0.0):
        held = quick.get_input_embeddings().weight
        assert len(held) == len(np.unique(ids())) < 200
        assert fine_tuned(quick) == pytest.approx(expected)
    assert quick.get_input_embeddings().weight.shape == plain.get_input_embeddings().weight.shape
    for (name, one), other in zip(quick.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one, other, msg=name)


@pytest.mark.parametrize("case", ["weight decay", "frozen"])
def test_all_rows_stay_where_weight_decay_moves_them_or_nothing_does(case):
    model = build("bert")
    full = model.get_input_embeddings()
    full.weight.requires_grad_(case != "frozen")
    with speed.only_used_rows(model, ids(), weight_decay=0.01 if case == "weight decay" else 0.0):
        assert model.get_input_embeddings() is full


def test_a_token_that_was_not_announced_is_an_error():
    model = build("bert")
    with speed.only_used_rows(model, ids(), weight_decay=0.0), pytest.raises(IndexError):
        model(input_ids=torch.tensor([[999]]))


# --- products


def test_float32_products_stay_exact_whatever_onednn_makes_of_them(monkeypatch):
    monkeypatch.setattr(speed, "_made_by_amd", lambda: True)
    before = torch.backends.mkldnn.matmul.fp32_precision
    with speed.exact_products_by_onednn():
        assert speed._product_error() < 1e-6
    assert torch.backends.mkldnn.matmul.fp32_precision == before


@pytest.mark.parametrize("error, chosen", [(3.5e-7, "bf16"), (2.4e-3, None)])
def test_the_error_decides_whether_onednn_computes_float32_products(monkeypatch, error, chosen):
    monkeypatch.setattr(speed, "_made_by_amd", lambda: True)
    errors = iter([3.5e-7, error])
    monkeypatch.setattr(speed, "_product_error", lambda: next(errors))
    before = torch.backends.mkldnn.matmul.fp32_precision
    with speed.exact_products_by_onednn():
        assert torch.backends.mkldnn.matmul.fp32_precision == (chosen or before)
    assert torch.backends.mkldnn.matmul.fp32_precision == before


def test_the_speedup_of_bfloat16_is_the_median_ratio_without_the_first_and_measured_once(monkeypatch):
    seconds = iter([9.0, 0.1] + [3.0, 1.0] * 4 + [1.0, 1.0] * 3)  # float32 and bfloat16 in turn
    monkeypatch.setattr(speed, "_seconds", lambda x, weight: next(seconds))
    threads = torch.get_num_threads()
    speed.bfloat16_speedup.cache_clear()
    try:
        assert speed.bfloat16_speedup() == speed.bfloat16_speedup() == 3.0
    finally:
        speed.bfloat16_speedup.cache_clear()
    assert torch.get_num_threads() == threads


# --- threads


@pytest.mark.parametrize(
    "loads, idle", [([0, 0, 0, 0], 3), ([0, 100, 0, 90], 2), ([100, 99, 100, 0], 1), ([100, 100, 100, 100], 1)]
)
def test_idle_cores_are_those_the_process_may_use_and_nobody_else_does(loads, idle, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    monkeypatch.setattr(speed.psutil, "cpu_percent", lambda interval, percpu: loads)
    assert speed.idle_cores.__wrapped__() == idle


# --- all together


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("family", ["bert", "roberta", "deberta-v2"])
def test_every_family_learns_quickly_prepared(family, dtype):
    model = adapted(family, "ina").train()
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=1e-2)
    found = []
    with speed.faster(model, dtype, ids(), weight_decay=0.0):
        for _ in range(12):
            with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16"):
                loss = model(**batch(9)).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            found.append(loss.item())
    assert found[-1] < found[0] - 0.1


def test_an_accelerator_keeps_its_own_dropout_and_attention(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    model = adapted("bert", "ina")
    with speed.faster(model, "bfloat16", ids(), weight_decay=0.0):
        assert all(type(module) is nn.Dropout for module in model.modules() if isinstance(module, nn.Dropout))
        assert model.config._attn_implementation == "sdpa"
        assert model.get_input_embeddings().weight.dtype == torch.bfloat16


# --- the gate


def layers(method: str) -> nn.Module:
    settings = dict(r=8, target_modules=["0"])
    torch.manual_seed(0)
    base = nn.Sequential(nn.Linear(64, 64))
    return get_peft_model(base, (InaConfig(**settings) if method == "ina" else LoraConfig(**settings)))


def saved_bytes(layer: nn.Module) -> int:
    """Bytes of the activations kept for the backward pass, each storage once, weights left out."""
    sizes = {}
    weights = {weight.untyped_storage().data_ptr() for weight in layer.parameters()}

    def keep(tensor):
        if tensor.untyped_storage().data_ptr() not in weights:
            sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        out = layer(torch.randn(32, 16, 64, requires_grad=True))
    return sum(sizes.values()) if out.requires_grad else 0


def test_the_gate_keeps_its_input_and_output_once_and_nothing_else():
    rank_components = 32 * 16 * 8 * 4
    positions = 32 * 16 * 8  # of the maxima, int64
    assert saved_bytes(layers("ina")) <= saved_bytes(layers("lora")) + rank_components + positions


@pytest.mark.parametrize("settings", [{}, {"threshold": "tensor", "detach_threshold": True}])
@pytest.mark.parametrize("autocast", [False, True], ids=["float32", "autocast"])
def test_the_layer_compiles_into_one_graph_forward_and_backward_and_computes_the_same(settings, autocast):
    given = InaConfig(r=4, dropout=0.0, init_weights=False, target_modules=["0"], **settings)
    torch.manual_seed(0)
    layer = InaLinear(nn.Linear(16, 12), "default", given)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    (expected, gradients), (found, same) = (passed(each, layer, autocast) for each in (layer, compiled))
    tolerance = dict(rtol=2e-2, atol=2e-2) if autocast else dict(rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found, expected, **tolerance)
    torch.testing.assert_close(same, gradients, **tolerance)


@pytest.mark.parametrize("autocast", [False, True], ids=["float32", "autocast"])
def test_gradient_checkpointing_changes_no_bit_of_the_layer(autocast):
    """Dropout draws the same mask, the threshold finds the same maximum."""
    torch.manual_seed(0)
    config = InaConfig(r=4, dropout=0.3, init_weights=False, target_modules=["0"])
    layer = InaLinear(nn.Linear(16, 12), "default", config)
    checkpointed = partial(checkpoint, layer, use_reentrant=False)
    (expected, gradients), (found, same) = (passed(each, layer, autocast) for each in (layer, checkpointed))
    assert torch.equal(found, expected)
    assert all(torch.equal(one, other) for one, other in zip(same, gradients, strict=True))


def passed(way, layer: nn.Module, autocast: bool) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """What a way to call the layer gives for seeded states, and the gradients of its weights."""
    torch.manual_seed(3)
    x = torch.randn(2, 5, 16)
    layer.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        out = way(x)
    out.float().square().sum().backward()
    return out.detach(), [weight.grad.clone() for weight in layer.parameters() if weight.requires_grad]


def test_a_single_vector_goes_through_the_layer_as_it_goes_through_a_linear_one():
    layer = layers("ina").double()
    x = torch.randn(64, dtype=torch.float64)
    torch.testing.assert_close(layer(x), layer(x[None, :])[0])
