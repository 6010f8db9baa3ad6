"""Every family with default targets, built by the installed transformers, supports all that LoRA's users do."""

from functools import partial
from pathlib import Path

import pytest
import torch
from families import FAMILIES, VARIANTS, build, inputs, output
from peft import PeftModel, get_peft_model, prepare_model_for_kbit_training
from peft.import_utils import is_bnb_available
from torch import nn
from transformers import AutoModel, BitsAndBytesConfig, TorchAoConfig
from transformers.pytorch_utils import Conv1D

from ina import InaConfig
from ina.adapter import InaLinear, load
from ina.adapter.sites import FUSED, PROJECTIONS, default_targets

PAGE = Path(__file__).parent.parent / "docs" / "method.md"


@pytest.fixture(autouse=True)
def no_packed_weights(monkeypatch):
    """On AVX512-BF16, bitsandbytes packs 4-bit weights into blocks that are too large for tiny layers."""
    if is_bnb_available():
        monkeypatch.setattr("bitsandbytes.nn.modules.has_avx512bf16", lambda: False)


def adapted(model: nn.Module, seed: int = 1, **settings) -> PeftModel:
    torch.manual_seed(seed)
    return get_peft_model(model, InaConfig(init_weights=False, **settings)).eval()


def losses(model: PeftModel, given: dict[str, torch.Tensor]) -> list[float]:
    """The losses of four training steps towards a random output."""
    torch.manual_seed(2)
    target = torch.randn_like(output(model, given))
    optimizer = torch.optim.Adam([weight for weight in model.parameters() if weight.requires_grad], lr=3e-3)
    found = []
    for _ in range(4):
        loss = nn.functional.mse_loss(output(model, given), target)
        found.append(loss.item())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return found


def adapted_names(model: PeftModel) -> list[str]:
    """The last part of each adapted module's name; for fused projections, the names of the adapted parts."""
    sites = ((name, module) for name, module in model.named_modules() if isinstance(module, InaLinear))
    return [part or name.split(".")[-1] for name, module in sites for part in module.parts["default"] or ("",)]


def trains(name, folder):
    model, given = build(name), inputs(name)
    keys, base = set(model.state_dict()), output(model, given)
    model = adapted(model)
    names = adapted_names(model)
    assert len(set(names)) == 2 and names.count(names[0]) == names.count(names[1])  # query and key
    assert not torch.allclose(output(model, given), base, atol=1e-5)
    with model.disable_adapter():
        torch.testing.assert_close(output(model, given), base, rtol=1e-4, atol=1e-4)
    first, *_, last = losses(model, given)
    assert last < first
    assert set(model.unload().state_dict()) == keys


def saves_and_loads(name, folder):
    model, given = adapted(build(name)), inputs(name)
    expected = output(model, given)
    model.save_pretrained(folder)
    for reopen in (PeftModel.from_pretrained, partial(PeftModel.from_pretrained, low_cpu_mem_usage=True), load):
        loaded = reopen(build(name), folder).eval()
        assert not any(weight.is_meta for weight in loaded.parameters())
        assert torch.equal(output(loaded, given), expected)


def mixes_adapters_in_a_batch(name, folder):
    given = inputs(name, rows=3)
    model = adapted(build(name))
    torch.manual_seed(3)
    model.add_adapter("other", InaConfig(r=2, init_weights=False))
    with torch.no_grad():
        mixed = output(model, given, adapter_names=["other", "__base__", "default"])
        with model.disable_adapter():
            rows = {"__base__": output(model, given)[1]}
        rows["default"] = output(model, given)[2]
        model.set_adapter("other")
        rows["other"] = output(model, given)[0]
    for row, expected in zip(mixed, (rows["other"], rows["__base__"], rows["default"]), strict=True):
        torch.testing.assert_close(row, expected, rtol=1e-4, atol=1e-4)


def trains_on(quantization):
    def trains(name, folder):
        build(name).save_pretrained(folder)
        base = AutoModel.from_pretrained(folder, quantization_config=quantization())
        model = adapted(prepare_model_for_kbit_training(base, use_gradient_checkpointing=False))
        sites = [module for module in model.modules() if isinstance(module, InaLinear)]
        assert all(type(site.get_base_layer().weight) is not nn.Parameter for site in sites), "not quantised"
        first, *_, last = losses(model, inputs(name))
        assert last < first

    return trains


def int8():
    how = "pip install --constraint constraints.txt torchao"
    return TorchAoConfig(pytest.importorskip("torchao.quantization", reason=how).Int8WeightOnlyConfig())


BEHAVIOURS = {
    "trains": trains,
    "save, load": saves_and_loads,
    "mixed batch": mixes_adapters_in_a_batch,
    "4-bit": trains_on(lambda: BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_compute_dtype=torch.float32)),
    "8-bit": trains_on(lambda: BitsAndBytesConfig(load_in_8bit=True)),
    "torchao int8": trains_on(int8),
}


# What the base model makes impossible: its module cannot be quantised, or it also projects relative positions, which
# belong to no example (DeBERTa v2 and v3).
OF_THE_BASE = {
    ("deberta-v2", "mixed batch"): "same as the number of inputs",
    ("clip", "torchao int8"): "automatic conversion of the weights",
    ("gpt2", "torchao int8"): "not quantised",
    ("falcon", "4-bit"): "not quantised",
    ("falcon", "8-bit"): "not quantised",
    ("falcon", "torchao int8"): "permute",
}


CASES = [
    (name, behaviour)
    for name, (family, *_) in (FAMILIES | VARIANTS).items()
    for behaviour in BEHAVIOURS
    if (family, behaviour) not in OF_THE_BASE
]


@pytest.mark.parametrize(("name", "behaviour"), CASES)
def test_a_family_trains_loads_mixes_adapters_and_trains_quantised(name, behaviour, tmp_path):
    BEHAVIOURS[behaviour](name, tmp_path)


@pytest.mark.parametrize(("name", "behaviour"), OF_THE_BASE)
def test_a_base_model_fails_where_the_docs_say_that_it_does(name, behaviour, tmp_path):
    with pytest.raises(
        (AssertionError, NotImplementedError, RuntimeError, ValueError), match=OF_THE_BASE[name, behaviour]
    ):
        BEHAVIOURS[behaviour](name, tmp_path)


def table() -> list[str]:
    """Families by the names of their query and key, as listed in docs/method.md."""
    families: dict[str, list[str]] = {}
    for name in sorted(PROJECTIONS):
        targets = default_targets(name)
        names = [targets.replace("|", "\\|")] if isinstance(targets, str) else sorted(targets)
        families.setdefault(", ".join(f"`{one}`" for one in names), []).append(name)
    many_first = sorted(families.items(), key=lambda pair: -len(pair[1]))
    rows = [f"| {names} | {', '.join(found)} |" for names, found in many_first]
    return ["| query and key by default | families |", "|---|---|", *rows]


def exceptions() -> list[str]:
    """What each family cannot do, as listed in docs/method.md."""
    lacks: dict[str, list[str]] = {}
    for name, behaviour in OF_THE_BASE:
        lacks.setdefault(name, []).append(behaviour)
    return [f"- {name}: no {', no '.join(behaviours)}" for name, behaviours in sorted(lacks.items())]


def test_the_docs_list_the_families_of_these_tests_and_what_they_cannot_do():
    lines = PAGE.read_text().splitlines()
    for part in (table(), exceptions()):
        start = lines.index(part[0])
        assert lines[start : start + len(part) + 1] == [*part, ""]


def zeroed(model: nn.Module, part: str) -> None:
    """Set the part `part` of every fused projection to zero."""
    for layer in model.modules():
        if isinstance(layer, InaLinear):
            base, fused = layer.get_base_layer(), layer.fused
            flags = torch.cat([torch.full((width,), name != part) for name, width in fused.widths.items()])
            kept = flags.repeat(fused.groups)
            with torch.no_grad():
                base.weight.mul_(kept if isinstance(base, Conv1D) else kept[:, None])
                if base.bias is not None:
                    base.bias.mul_(kept)


@pytest.mark.parametrize("name", [name for name in [*FAMILIES, *VARIANTS] if (FAMILIES | VARIANTS)[name][0] in FUSED])
def test_parts_of_a_fused_projection_are_the_models_own_query_key_and_value(name):
    """If values are zero, queries and keys have no effect; if queries are zero, keys have none, and vice versa."""
    family = (FAMILIES | VARIANTS)[name][0]
    query, key, value = PROJECTIONS[family].values()
    given = inputs(family)
    for gone, changed in (("value", [query, key]), ("query", [key]), ("key", [query])):
        model = adapted(build(name), target_modules=changed)
        assert not torch.allclose(*both(model, given), atol=1e-2)
        zeroed(model, gone)
        torch.testing.assert_close(*both(model, given), rtol=1e-4, atol=1e-4)


def both(model: PeftModel, given: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """The output with the adapter and without."""
    with torch.no_grad(), model.disable_adapter():
        without = output(model, given)
    return [output(model, given), without]
