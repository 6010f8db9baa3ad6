"""The speed-ups compute the same as the plain code, and their dropout is correct dropout."""

import copy
import os

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from tiny_models import LOAD, PAIR, tiny_config
from torch import nn
from transformers import MPNetConfig, MPNetForSequenceClassification

from ina import InaConfig, speed
from ina.tasks import Head

N = 1_000_003  # no multiple of the four masks that a random word gives
BOTH = [torch.float32, torch.bfloat16]


# --- dropout


def dropped(p: float, seed: int = 1, dtype: torch.dtype = torch.float32) -> np.ndarray:
    torch.manual_seed(seed)
    return (speed.drop(torch.ones(N, dtype=dtype), p) == 0).numpy()


def within_chance(successes: float, trials: int, p: float) -> bool:
    """Whether a binomial count lies within 4.5 standard deviations of its mean: wrong once in 150,000 times."""
    return abs(successes - trials * p) < 4.5 * (trials * p * (1 - p)) ** 0.5


@pytest.mark.parametrize("p", [0.1, 0.5])
@pytest.mark.parametrize("dtype", BOTH)
def test_the_number_of_dropped_elements_is_binomial(p, dtype):
    counts = [dropped(p, seed, dtype).sum() for seed in range(8)]
    assert all(within_chance(count, N, p) for count in counts)
    # the counts vary as they should: the sum of squared deviations is chi-square with 8 degrees of freedom
    assert 0.9 < sum((count - N * p) ** 2 for count in counts) / (N * p * (1 - p)) < 32


def test_neighbouring_elements_sites_steps_and_seeds_have_independent_masks():
    mask = dropped(0.1)
    for lag in (1, 2, 3, 4, 5, 8, 384, 12 * 384):
        assert within_chance((mask[lag:] & mask[:-lag]).sum(), N - lag, 0.01), lag
    others = [(speed.drop(torch.ones(N), 0.1) == 0).numpy() for _ in range(4)]  # the generator advances
    assert all(within_chance((mask & other).sum(), N, 0.01) for other in [*others, dropped(0.1, seed=2)])


def test_the_seed_decides_the_masks_and_they_go_on_from_a_saved_state_of_the_generator():
    assert np.array_equal(dropped(0.1, seed=3), dropped(0.1, seed=3))
    state = torch.get_rng_state()
    expected = speed.drop(torch.ones(50), 0.5)
    torch.set_rng_state(state)
    assert torch.equal(speed.drop(torch.ones(50), 0.5), expected)


@pytest.mark.parametrize("dtype", BOTH)
def test_the_gradient_goes_through_the_same_mask_and_the_mean_stays(dtype):
    x = torch.randn(7, 11).to(dtype).requires_grad_()
    y = speed.drop(x, 0.4)
    y.sum().backward()
    torch.testing.assert_close(y, x * x.grad)
    threshold = round(0.4 * 2**16)  # p is rounded to 16 bits, and the scale uses the rounded p
    exact = 1e-7 if dtype == torch.float32 else 4e-3
    assert x.grad.unique().tolist() == pytest.approx([0, 2**16 / (2**16 - threshold)], rel=exact)


def test_modules_drop_in_training_only_and_leave_other_kinds_of_tensors_to_torch():
    def seeded(drop, *given):
        torch.manual_seed(0)
        return drop(*given)

    model = nn.Sequential(nn.Dropout(0.5))
    speed.cheaper_dropout(model)
    x = torch.ones(100)
    assert torch.equal(model.eval()(x), x)
    assert torch.equal(seeded(model.train(), x), seeded(speed.drop, x, 0.5))
    for p, given in ((0.5, x.double()), (1.0, x), (0.0, x)):
        assert torch.equal(seeded(speed.drop, given, p), seeded(nn.functional.dropout, given, p))


# --- models


def build(family: str, head: Head = PAIR) -> nn.Module:
    """Without dropout."""
    if family == "mpnet":
        torch.manual_seed(1)
        shape = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, vocab_size=200)
        model = MPNetForSequenceClassification(MPNetConfig(**shape))
    else:
        model = LOAD(tiny_config(family), head)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model.train()


def adapted(family: str, method: str) -> nn.Module:
    sites = {"deberta-v2": ["query_proj", "key_proj"], "deberta": ["in_proj"]}.get(family, ["query", "key"])
    settings = dict(r=4, target_modules=sites, task_type="SEQ_CLS", modules_to_save=["pooler", "classifier"])
    kind = {"lora": LoraConfig, "ina": InaConfig}[method]
    torch.manual_seed(2)
    return get_peft_model(build(family), kind(**settings)).train()


def batch(length: int, **labels: torch.Tensor) -> dict[str, torch.Tensor]:
    ids = torch.randint(5, 200, (6, length), generator=torch.Generator().manual_seed(length))
    mask = (torch.arange(length) < torch.tensor([length, length, length - 1, 5, 4, 3])[:, None]).long()
    return {"input_ids": ids * mask, "attention_mask": mask, **labels}


def labelled(length: int) -> dict[str, torch.Tensor]:
    return batch(length, labels=torch.tensor([0, 1, 0, 1, 0, 1]))


def assert_same(quick: nn.Module, plain: nn.Module, given: dict[str, torch.Tensor]) -> None:
    """The same logits, and gradients of all weights."""
    expected, found = plain(**given), quick(**given)
    torch.testing.assert_close(found.logits, expected.logits, atol=1e-6, rtol=1e-5)
    expected.loss.backward()
    found.loss.backward()
    for one, other in zip(quick.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("length", [7, speed.SDPA_MIN_TOKENS + 8])
@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_attention_computes_what_it_computed_and_drops_weights_in_training(family, length):
    plain = build(family)
    quick = copy.deepcopy(plain)
    speed.short_attention(quick)
    assert quick.config._attn_implementation == "ina_short" != plain.config._attn_implementation
    assert_same(quick, plain, labelled(length))
    with torch.inference_mode():
        found, expected = (model.eval()(**batch(length)).logits for model in (quick, plain))
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
    for layer in quick.base_model.encoder.layer:
        layer.attention.self.dropout.p = 0.5
    torch.manual_seed(0)
    first, second = (quick.train()(**batch(length)).logits for _ in range(2))
    torch.manual_seed(0)
    assert not torch.allclose(first, second) and torch.equal(quick(**batch(length)).logits, first)


@pytest.mark.parametrize("family", ["bert", "roberta", "deberta", "deberta-v2", "mpnet"])
def test_a_last_layer_for_the_first_token_alone_gives_the_same_logits_and_gradients(family):
    plain = build(family)
    quick = copy.deepcopy(plain)
    with speed.first_token_only(quick):
        assert quick.base_model(**batch(9)).last_hidden_state.shape == (6, 1, 32)
        assert_same(quick, plain, labelled(9))
    assert torch.equal(quick(**batch(9)).logits, plain(**batch(9)).logits)
    assert quick.base_model(**batch(9)).last_hidden_state.shape == (6, 9, 32)  # all tokens again


@pytest.mark.parametrize(("sites", "tokens"), [(["query", "key"], 1), ("all-linear", 9)])
def test_a_threshold_over_all_tokens_gets_all_tokens_also_after_the_last_attention(sites, tokens):
    settings = InaConfig(target_modules=sites, threshold="tensor", inhibition=0.9, init_weights=False)
    model = get_peft_model(build("bert"), settings).eval()
    expected = model(**batch(9)).logits
    with speed.first_token_only(model):
        torch.testing.assert_close(model(**batch(9)).logits, expected)
        assert model.base_model.model.base_model(**batch(9)).last_hidden_state.shape == (6, tokens, 32)


@pytest.mark.parametrize("family", ["bert", "roberta", "deberta-v2"])
def test_the_first_token_of_each_ending_is_enough_for_a_choice(family):
    model, ids = build(family, Head("choice", 4)).eval(), torch.arange(5, 5 + 2 * 4 * 6).view(2, 4, 6)
    logits = model(ids).logits
    assert logits.shape == (2, 4)
    with speed.first_token_only(model):
        torch.testing.assert_close(model(ids).logits, logits)


def test_span_heads_read_every_token_and_get_them():
    model = build("bert", Head("span", 2)).eval()
    expected = model(**batch(9)).start_logits
    with speed.first_token_only(model):
        assert torch.equal(model(**batch(9)).start_logits, expected)


@pytest.mark.parametrize("family", ["bert", "roberta", "deberta", "deberta-v2"])
@pytest.mark.parametrize("method", ["lora", "ina"])
def test_a_frozen_base_in_bfloat16_gives_the_loss_and_gradients_of_autocast_up_to_its_precision(family, method):
    plain = adapted(family, method)
    quick = copy.deepcopy(plain)
    speed.cast_frozen(quick, torch.bfloat16)
    formats = {(weight.requires_grad, weight.dtype) for weight in quick.parameters()}
    assert formats == {(True, torch.float32), (False, torch.bfloat16)}
    losses = []
    for model in (plain, quick):
        with torch.autocast("cpu", torch.bfloat16):
            losses.append(model(**labelled(9)).loss.float())
        losses[-1].backward()
    assert losses[1].item() == pytest.approx(losses[0].item(), abs=0.02)
    expected, found = (
        torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.grad is not None])
        for model in (plain, quick)
    )
    assert torch.cosine_similarity(found, expected, dim=0) > 0.98


# --- the machine


@pytest.mark.parametrize(
    ("vendor", "error", "chosen"),
    [
        ("AuthenticAMD", None, None),
        ("AuthenticAMD", 3.5e-7, "bf16"),
        ("AuthenticAMD", 2.4e-3, None),
        ("GenuineIntel", 3.5e-7, None),
    ],
)
def test_float32_products_by_onednn_are_chosen_on_amd_where_they_are_exact(vendor, error, chosen, monkeypatch):
    monkeypatch.setattr(speed, "proc", lambda _: vendor)
    before = torch.backends.mkldnn.matmul.fp32_precision
    measured = speed._product_error
    if error:
        errors = iter([3.5e-7, error])
        monkeypatch.setattr(speed, "_product_error", lambda: next(errors))
    with speed.exact_products_by_onednn():
        if error:
            assert torch.backends.mkldnn.matmul.fp32_precision == (chosen or before)
        else:
            assert measured() < 1e-6
    assert torch.backends.mkldnn.matmul.fp32_precision == before


def test_sdpa_runs_with_mkl_inside_a_block_with_onednn(monkeypatch):
    used = []
    monkeypatch.setattr(
        speed,
        "sdpa_attention_forward",
        lambda *_, **__: used.append(torch.backends.mkldnn.matmul.fp32_precision),
    )
    states = torch.randn(1, 2, speed.SDPA_MIN_TOKENS, 4)
    with speed._fp32_precision("bf16"):
        speed._attention(None, states, states, states, None, scaling=0.5)
        assert torch.backends.mkldnn.matmul.fp32_precision == "bf16"
    assert used == ["none"]


@pytest.mark.parametrize(
    ("loads", "idle"), [([0, 0, 0, 0], 3), ([0, 100, 0, 90], 2), ([100, 99, 100, 0], 1), ([100, 100, 100, 100], 1)]
)
def test_idle_cores_are_those_that_the_process_may_use_and_no_other_process_uses(loads, idle, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    monkeypatch.setattr(speed.psutil, "cpu_percent", lambda interval, percpu: loads)
    assert speed.idle_cores.__wrapped__() == idle


# --- all together


@pytest.mark.parametrize("accelerator", [False, True])
def test_an_accelerator_keeps_its_own_dropout_and_attention(accelerator, monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: accelerator)
    model = build("bert")
    with speed.faster(model, "bfloat16"):
        assert model.base_model(**batch(9)).last_hidden_state.shape == (6, 1, 32)
        dropouts = {type(module) is nn.Dropout for module in model.modules() if isinstance(module, nn.Dropout)}
        assert dropouts == {accelerator}
        assert model.config._attn_implementation == ("sdpa" if accelerator else "ina_short")
    model = adapted("bert", "ina")
    with speed.faster(model, "bfloat16"):
        assert model.get_input_embeddings().weight.dtype == torch.bfloat16
