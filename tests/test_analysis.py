"""What happens inside an adapted model: hand-made gates with known shares, and attention with the gate in place."""

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import AutoModelForQuestionAnswering

from ina import InaConfig, data, plan, tiny
from ina.adapter import InaLinear
from ina.analysis import attention, gates, texts
from ina.analysis.measure import measure
from ina.analysis.texts import EXAMPLE, KINDS, Passage
from ina.config import check
from ina.projections import split_fused_projections
from ina.tasks.spans import dev_windows

FAMILIES = ("bert", "roberta", "deberta", "deberta-v2")


def adapted(config, family: str = "bert", seed: int = 0) -> nn.Module:
    """A tiny model with a random adapter of some weight, in float64, where no kernel's rounding shows."""
    torch.manual_seed(seed)
    backbone = AutoModelForQuestionAnswering.from_config(tiny.config(family))
    model = get_peft_model(split_fused_projections(backbone), config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "_A" in name or "_B" in name:
                weight.normal_(std=0.5)
    return model.double()


def ina(**settings) -> InaConfig:
    return InaConfig(r=4, task_type="QUESTION_ANS", **settings)


def lora(family: str = "bert") -> LoraConfig:
    return LoraConfig(r=4, task_type="QUESTION_ANS", target_modules=["query", "key"])


def example(family: str = "bert") -> texts.Tokens:
    return texts.tokens(EXAMPLE, tiny.tokenizer(family), 64)


def site(inhibition: float, activation: str = "identity", up: torch.Tensor | None = None) -> gates.Site:
    """A projection whose rank components are its inputs, with W_up and base the identity."""
    layer = InaLinear(nn.Linear(4, 4, bias=False), "default", ina(inhibition=inhibition, activation=activation))
    with torch.no_grad():
        layer.base_layer.weight.copy_(torch.eye(4))
        layer.ina_A["default"].weight.copy_(torch.eye(4))
        layer.ina_B["default"].weight.copy_(torch.eye(4) if up is None else up)
    [found] = gates.sites(nn.ModuleDict({"layer": nn.ModuleDict({"0": nn.ModuleDict({"query": layer})})}))
    return found


def numbers(rows) -> dict[tuple[str, ...], float]:
    """Values by measure and kind of token, of the first site of the first layer."""
    return {(row[2], *filter(None, row[3:5])): row[5] for row in reversed([row for row in rows if row[0] < 2])}


def observed(at: gates.Site, z: list[float]) -> dict[str, float]:
    row = torch.tensor([z])
    with torch.no_grad():
        return {name: float(values[0]) for name, values in gates.observe(at, row, row).items()}


# the gate


def test_a_component_is_inhibited_below_its_share_of_the_strongest():
    z = [10.0, 4.0, 2.0, -1.0]
    found = observed(site(0.0), z)
    assert found["inhibited"] == 1 / 4 and found["negative_peak"] == 0.0 and np.isnan(found["raised"])
    assert observed(site(0.3), z)["inhibited"] == 2 / 4
    assert observed(site(0.5), z)["inhibited"] == 3 / 4


def test_the_update_is_measured_against_the_base_projection():
    z = [10.0, 4.0, 2.0, -1.0]
    assert observed(site(0.0), z)["update"] == pytest.approx(4.0)  # s = alpha / r = 16 / 4
    behind = np.linalg.norm([7.0, 1.0, -1.0, -4.0]) / np.linalg.norm(z)
    assert observed(site(0.3), z)["update"] == pytest.approx(4 * behind)
    assert observed(site(0.3), z)["passed"] == pytest.approx(behind)


def test_the_tail_is_what_inhibited_components_pass_on():
    z = [10.0, 4.0, 2.0, -1.0]
    assert observed(site(0.3), z)["tail"] == pytest.approx((1 + 16) / (49 + 1 + 1 + 16))
    assert observed(site(0.3, "relu"), z)["tail"] == 0.0
    assert observed(site(0.3, "leaky_relu"), z)["tail"] == pytest.approx(17e-4 / (50 + 17e-4))


def test_a_negative_maximum_raises_every_component_and_leaves_all_of_them_inhibited():
    at, z = site(0.3), torch.tensor([[-1.0, -2.0, -3.0, -4.0]])
    assert (at.gate.inhibit(z) > z).all() and (at.gate.inhibit(z) < 0).all()
    found = observed(at, z[0].tolist())
    assert (found["negative_peak"], found["inhibited"], found["tail"]) == (1.0, 1.0, 1.0)
    assert found["raised"] == pytest.approx(np.linalg.norm(z + 0.3) / np.linalg.norm(z))


def test_where_gelus_tail_falls_off_a_negative_maximum_lets_more_through_than_no_threshold():
    assert observed(site(0.3, "gelu"), [-3.0, -3.0, -3.0, -3.0])["raised"] > 1
    assert observed(site(0.3, "gelu"), [-0.3, -0.3, -0.3, -0.3])["raised"] < 1
    assert observed(site(0.3, "leaky_relu"), [-3.0, -3.0, -3.0, -3.0])["raised"] == pytest.approx(0.7)


def test_one_threshold_for_all_tokens_is_observed_as_such():
    at = site(0.3)
    at.gate.threshold = "tensor"
    z = torch.tensor([[10.0, 4.0, 2.0, -1.0], [2.0, 2.0, 2.0, 2.0]])
    with torch.no_grad():
        found = gates.observe(at, z, z)
    assert found["inhibited"].tolist() == [2 / 4, 1.0]
    assert found["negative_peak"].tolist() == [0.0, 0.0]


def test_effective_rank_is_that_of_the_update_over_all_tokens():
    torch.manual_seed(0)
    components, up = torch.randn(50, 4), torch.randn(7, 4)
    singular = torch.linalg.svdvals(components @ up.T)[:4]
    shares = singular / singular.sum()
    expected = torch.exp(-(shares * shares.log()).sum())
    assert gates.effective_rank((components.T @ components).double(), up) == pytest.approx(float(expected), rel=1e-4)


def test_a_watch_averages_over_tokens_of_a_kind_and_leaves_out_what_says_nothing():
    watch = gates.Watch(site(0.3))
    z = torch.tensor([[10.0, 4.0, 2.0, -1.0], [-1.0, -2.0, -3.0, -4.0], [10.0, 9.0, 9.0, 9.0]])
    with torch.no_grad():
        watch.add(z[:2], z[:2], ("answer", "other"))
        watch.add(z[2:], z[2:], ("answer",))
    found = numbers(watch.rows())
    assert [found["inhibited", by] for by in ("answer", "other", "all")] == [1 / 4, 1.0, 1 / 2]
    assert found["raised", "all"] == found["raised", "other"] and np.isnan(found.get(("raised", "answer"), np.nan))


@pytest.mark.parametrize("family", FAMILIES)
def test_sites_are_told_by_layer_and_projection_in_every_family(family):
    found = gates.sites(adapted(ina(), family))
    assert [(of.layer, of.name) for of in found] == [(1, "query"), (1, "key"), (2, "query"), (2, "key")]
    assert all(of.scale == 4.0 and of.gate.inhibition == 0.3 for of in found)


def test_lora_has_sites_without_a_gate_and_full_fine_tuning_none():
    found = gates.sites(adapted(lora()))
    assert len(found) == 4 and all(of.gate is None for of in found)
    assert gates.sites(AutoModelForQuestionAnswering.from_config(tiny.config("bert"))) == []
    z = torch.randn(3, 4, dtype=torch.float64)
    with torch.no_grad():
        assert list(gates.observe(found[0], z.new_ones(3, 32), z)) == ["update"]
    assert torch.equal(found[0].behind_gate(z), z)


# attention


def test_attention_adds_up_to_one_and_mass_is_what_tokens_of_a_kind_get():
    maps = torch.tensor([[[[0.5, 0.25, 0.25], [0.0, 0.5, 0.5], [1.0, 0.0, 0.0]]]])
    [found] = attention.mass(maps, [("special", "answer", "answer")])
    special, answer = KINDS.index("special"), KINDS.index("answer")
    assert found.shape == (1, 1 + len(KINDS), len(KINDS))
    assert found[0, 0, [special, answer]] == pytest.approx([0.5, 0.5])
    assert found[0, 1 + answer, [special, answer]] == pytest.approx([0.5, 0.5])
    assert found[0, 1 + special, [special, answer]] == pytest.approx([0.5, 0.5])
    assert np.isnan(found[0, 1 + KINDS.index("question")]).all()


def test_distance_is_the_share_of_attention_that_goes_elsewhere():
    a, b = torch.tensor([[[[1.0, 0.0], [0.5, 0.5]]]]), torch.tensor([[[[0.0, 1.0], [0.5, 0.5]]]])
    assert attention.distance(a, b).tolist() == [[0.5]]
    assert attention.distance(a, a).tolist() == [[0.0]]


@pytest.mark.parametrize("family", FAMILIES)
def test_merging_the_linear_part_gives_another_map_than_inas(family):
    """As the authors' released picture code does: `merge_and_unload` on InA's factors, and the gate is gone."""
    model, read = adapted(ina(), family), example(family)
    encoder, sites = attention.encoder(model), gates.sites(model)
    unmerged = attention.maps(encoder, read.inputs)
    assert unmerged.shape == (2, 1, len(read.words), len(read.words))
    torch.testing.assert_close(unmerged.sum(dim=-1), unmerged.new_ones(2, 1, len(read.words)))
    with attention.merged(sites):
        merged = attention.maps(encoder, read.inputs)
    assert (attention.distance(unmerged, merged) > 0.05).all()
    assert torch.equal(attention.maps(encoder, read.inputs), unmerged)  # and the model is as it was


def test_what_is_merged_is_loras_product():
    model, read = adapted(ina()), example()
    twin = adapted(lora())
    same = zip(gates.sites(model), gates.sites(twin), strict=True)
    with torch.no_grad():
        for of_ina, of_lora in same:
            of_lora.base.weight.copy_(of_ina.base.weight)
            of_lora.down.weight.copy_(of_ina.down.weight)
            of_lora.up.weight.copy_(of_ina.up.weight * of_ina.scale / of_lora.scale)
    with attention.merged(gates.sites(model)):
        merged = attention.maps(attention.encoder(model), read.inputs)
    torch.testing.assert_close(merged, attention.maps(attention.encoder(twin), read.inputs))


def test_merging_lora_changes_nothing():
    model, read = adapted(lora()), example()
    moved = [row[5] for row in measure(model, [read]) if row[2] == "moved"]
    assert moved == pytest.approx([0.0, 0.0], abs=1e-5)


# texts


def kinds_of(read: texts.Tokens) -> dict[str, list[str]]:
    return {kind: [word for word, of in zip(read.words, read.kinds, strict=True) if of == kind] for kind in KINDS}


def test_the_papers_example_is_told_apart_by_kind():
    found = {kind: "".join(words) for kind, words in kinds_of(example()).items()}
    assert found == {
        "special": "[CLS][SEP][SEP]",
        "punctuation": "?.",
        "question": "Whatisthecolourofmybag",
        "answer": "red",
        "distractor": "blackbag",
        "other": "Iputmybaginthe",
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_kinds_cover_the_same_words_in_every_family(family):
    found = kinds_of(example(family))
    assert "".join(found["answer"]) == "red" and "".join(found["distractor"]) == "blackbag"


def test_words_that_are_not_in_the_text_are_refused():
    with pytest.raises(ValueError, match="answer='blue' does not stand in the text 'I put my red bag"):
        texts.passage(EXAMPLE.text, EXAMPLE.question, "blue")
    with pytest.raises(ValueError, match="distractor='lac' does not stand"):
        texts.passage(EXAMPLE.text, distractor="lac")


def test_a_long_text_is_read_in_the_window_that_holds_the_answer():
    text = "a bag is here. " * 30 + "the red one is there."
    read = texts.tokens(texts.passage(text, "what is red?", "there"), tiny.tokenizer("bert"), 64, stride=16)
    assert len(read.words) <= 64 and "".join(kinds_of(read)["answer"]) == "there"


@pytest.fixture(scope="module")
def distractors():
    one_run = ["experiment=distractors", "model=tiny_bert", "seed=1", "method=ina", "task=squad_v1"]
    cfg = check(plan.compose(one_run))
    return cfg, data.load("squad_v1", cfg.data)


def test_distractors_of_the_embedded_suite_are_the_sentences_that_can_be_left_out(distractors):
    split, passages = texts.dev_passages(*distractors)
    assert (split, len(passages)) == ("validation", 500)
    for one in passages:
        assert len(one.distractors) == 2
        assert not any(a < one.answer[1] and one.answer[0] < b for a, b in one.distractors)
    first = passages[0]
    assert [first.text[slice(*place)] for place in first.distractors] == [
        "Karl never goes out without his beige radio.",
        "Simon never goes out without his black clock.",
    ]


def test_a_passage_is_read_as_the_model_was_trained_to(distractors):
    cfg, examples = distractors
    rows = examples.splits["validation"].select(range(20))
    tokenizer = tiny.tokenizer("bert")
    windows = dev_windows(rows, tokenizer, max_length=256, doc_stride=64, max_question_length=64)
    for one, window in zip(texts.dev_passages(cfg, examples)[1], windows, strict=False):
        assert texts.tokens(one, tokenizer, 256, 64).inputs["input_ids"][0].tolist() == window["input_ids"]


def test_pairs_of_glue_are_read_in_their_order(glue):
    from tiny_runs import configured

    cfg = configured(glue, glue / "out")
    row = data.load("stsb", cfg.data).splits["validation"][0]
    passage = texts.dev_passages(cfg, data.load("stsb", cfg.data))[1][0]
    assert passage == Passage(row["sentence2"], row["sentence1"])


# all of it


def test_findings_of_a_passage_agree_with_the_gate_seen_from_outside():
    model, read = adapted(ina(inhibition=0.5)), example()
    rows = measure(model, [read, read])
    found = numbers(rows)
    layer = next(module for module in model.modules() if isinstance(module, InaLinear))
    seen = []
    handle = layer.ina_A["default"].register_forward_hook(lambda _, __, z: seen.append(z))
    with torch.no_grad():
        model(**read.inputs)
    handle.remove()
    z = seen[0]
    expected = (z < 0.5 * z.max(dim=-1, keepdim=True).values).float().mean()
    assert found["inhibited", "all"] == pytest.approx(float(expected), abs=1e-5)
    assert found["rank_behind", "all"] != found["rank_before", "all"]
    for layer in (1, 2):
        paid = [row[5] for row in rows if row[:4] == (layer, "", "attention", "all")]
        assert len(paid) == len(KINDS) and sum(paid) == pytest.approx(1, abs=1e-5)
    assert sum(row[5] for row in rows if row[2] == "share") == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("threshold", ["token", "tensor"])
def test_passages_that_are_read_together_are_measured_as_if_read_alone(threshold):
    model = adapted(ina(threshold=threshold))
    others = ("She hid my red bag in the big box.", "I put my old cat in the big room.", "A dog runs.")
    read = [
        example(),
        *(texts.tokens(texts.passage(text, EXAMPLE.question), tiny.tokenizer("bert"), 64) for text in others),
    ]
    together, alone = numbers(measure(model, read)), [numbers(measure(model, [one])) for one in read]
    tokens = [len(one.words) for one in read]
    expected = np.average([one["passed", "all"] for one in alone], weights=tokens)
    assert together["passed", "all"] == pytest.approx(expected, abs=1e-5)
    for of in (("attention", "all", "special"), ("moved", "all")):
        assert together[of] == pytest.approx(np.mean([one[of] for one in alone]), abs=1e-5)


def test_full_fine_tuning_has_attention_and_no_sites():
    rows = measure(AutoModelForQuestionAnswering.from_config(tiny.config("bert")).eval(), [example()])
    assert {row[2] for row in rows} == {"share", "attention"} and {row[0] for row in rows} == {0, 1, 2}
