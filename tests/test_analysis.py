"""Measurements inside an adapted model: hand-made gates with known shares, and attention with the gate in place."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from datasets import Dataset
from peft import AdaLoraConfig, LoraConfig, get_peft_model
from tiny_models import FAMILIES
from tiny_runs import configured
from torch import nn
from transformers import AutoModelForQuestionAnswering

from ina import InaConfig, config, data, tiny
from ina.adapter import InaLinear
from ina.analysis import attention, gates, texts
from ina.analysis.measure import TrainedModel, measure
from ina.analysis.texts import EXAMPLE, KINDS, Passage
from ina.projections import split_fused_projections, target_modules
from ina.tasks.spans import windows

LORA = LoraConfig(r=4, task_type="QUESTION_ANS", target_modules=["query", "key"])


def ina(**settings) -> InaConfig:
    return InaConfig(r=4, task_type="QUESTION_ANS", **settings)


def adapted(config, family: str = "bert") -> nn.Module:
    """A tiny model with a random adapter of noticeable size, in float64 so that rounding does not matter."""
    torch.manual_seed(0)
    backbone = split_fused_projections(AutoModelForQuestionAnswering.from_config(tiny.config(family)))
    config = replace(config, target_modules=set(target_modules(backbone, ("query", "key"))))
    model = get_peft_model(backbone, config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "_A" in name or "_B" in name:
                weight.normal_(std=0.5)
    return model.double()


SQUAD = config.configured(
    ["task=squad_v1", "task.max_length=64", "task.max_question_length=24", "task.doc_stride=16"]
).task
RTE = config.configured(["task=rte", "task.max_length=64"]).task


def read(
    passage: Passage = EXAMPLE, family: str = "bert", task: config.SquadTask | config.GlueTask = SQUAD
) -> texts.Tokens:
    return texts.tokens(passage, tiny.tokenizer(family), task)


def site(inhibition: float, activation: str = "identity", threshold: str = "token") -> gates.Site:
    """A projection whose rank components are its inputs, with W_up and base the identity."""
    config = ina(inhibition=inhibition, activation=activation, threshold=threshold)
    layer = InaLinear(nn.Linear(4, 4, bias=False), "default", config)
    with torch.no_grad():
        for module in (layer.base_layer, layer.ina_A["default"], layer.ina_B["default"]):
            module.weight.copy_(torch.eye(4))
    [found] = gates.sites(nn.ModuleDict({"layer": nn.ModuleDict({"0": nn.ModuleDict({"query": layer})})}))
    return found


Z = [10.0, 4.0, 2.0, -1.0]  # at 0.3 the threshold is 3
PASSED = (67 / 121) ** 0.5  # of 7, 1, -1, -4
NEGATIVE = [-1.0, -2.0, -3.0, -4.0]


@pytest.mark.parametrize(
    ("inhibition", "activation", "z", "expected"),
    [
        (0.0, "identity", Z, {"inhibited": 1 / 4, "update": 4.0, "negative_peak": 0, "raised": np.nan}),  # s = 16 / 4
        (0.3, "identity", Z, {"inhibited": 2 / 4, "update": 4 * PASSED, "passed": PASSED, "tail": 17 / 67}),
        (0.5, "identity", Z, {"inhibited": 3 / 4}),
        (0.3, "relu", Z, {"tail": 0}),
        (0.3, "leaky_relu", Z, {"tail": 17e-4 / (50 + 17e-4)}),
        (0.3, "identity", NEGATIVE, {"negative_peak": 1, "inhibited": 1, "tail": 1, "raised": (24.36 / 30) ** 0.5}),
        (0.3, "gelu", [-3.0] * 4, {"raised": 9.264}),  # f(-2.1) / f(-3): its tail falls off
        (0.3, "gelu", [-0.3] * 4, {"raised": 0.7636}),
        (0.3, "leaky_relu", [-3.0] * 4, {"raised": 0.7}),
    ],
)
def test_a_gate_is_measured_token_by_token(inhibition, activation, z, expected):
    row = torch.tensor([z])
    with torch.no_grad():
        found = gates.observe(site(inhibition, activation), row, row)
    assert {name: found[name].item() for name in expected} == pytest.approx(expected, rel=1e-3, nan_ok=True)


def test_a_threshold_over_all_tokens_is_measured_with_one_maximum():
    z = torch.tensor([Z, [2.0] * 4])
    with torch.no_grad():
        found = gates.observe(site(0.3, threshold="tensor"), z, z)
    assert found["inhibited"].tolist() == [2 / 4, 1.0] and found["negative_peak"].tolist() == [0.0, 0.0]


def test_effective_rank_is_that_of_the_update_over_all_tokens():
    torch.manual_seed(0)
    components, up = torch.randn(50, 4), torch.randn(7, 4)
    singular = torch.linalg.svdvals(components @ up.T)[:4]
    shares = singular / singular.sum()
    expected = torch.exp(-(shares * shares.log()).sum())
    assert gates.effective_rank((components.T @ components).double(), up) == pytest.approx(float(expected), rel=1e-4)


def test_attention_paid_is_summed_over_the_tokens_of_a_kind():
    maps = torch.tensor([[[0.5, 0.25, 0.25], [0.0, 0.5, 0.5], [1.0, 0.0, 0.0]]])
    [found] = attention.attention_by_kind(maps, ("special", "answer", "answer"))
    special, answer = KINDS.index("special"), KINDS.index("answer")
    for by in (0, 1 + special, 1 + answer):
        assert found[by, [special, answer]] == pytest.approx([0.5, 0.5])
    assert np.isnan(found[1 + KINDS.index("question")]).all()


def test_attention_moved_is_the_share_that_goes_to_other_tokens():
    a, b = torch.tensor([[[1.0, 0.0], [0.5, 0.5]]]), torch.tensor([[[0.0, 1.0], [0.5, 0.5]]])
    assert (attention.attention_moved(a, b).tolist(), attention.attention_moved(a, a).tolist()) == ([0.5], [0.0])


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_measured_at_its_sites_and_left_as_it_was(family):
    model, example = adapted(ina(), family), read(family=family)
    before = attention.attention_maps(model, example.inputs)
    rows = measure(model, [example])
    sites = dict.fromkeys((layer, site) for layer, site, *_ in rows if site)
    assert list(sites) == [(1, "query"), (1, "key"), (2, "query"), (2, "key")]
    for layer in (1, 2):
        assert sum(row[5] for row in rows if row[:4] == (layer, "", "attention", "all")) == pytest.approx(1, abs=1e-5)
    assert sum(row[5] for row in rows if row[2] == "share") == pytest.approx(1, abs=1e-5)
    moved = [row[5] for row in rows if row[2] == "moved"]
    assert len(moved) == 2 and min(moved) > 0.05  # merged as the authors' picture code does, the gate is gone
    assert torch.equal(attention.attention_maps(model, example.inputs), before)


def test_gates_are_averaged_over_tokens_and_attention_over_passages():
    model = adapted(ina(inhibition=0.5))
    passages = [read(), read(texts.passage("A dog runs.", EXAMPLE.question))]
    seen, layer = [], next(module for module in model.modules() if isinstance(module, InaLinear))
    layer.ina_A["default"].register_forward_hook(lambda _, __, z: seen.append(z[0]))
    with torch.no_grad():
        paid = [attention.attention_by_kind(attention.attention_maps(model, one.inputs), one.kinds) for one in passages]
    z, kinds = torch.cat(seen), np.concatenate([one.kinds for one in passages])
    below = (z < 0.5 * z.max(dim=-1, keepdim=True).values).double().mean(dim=-1).numpy()
    found = {row[:5]: row[5] for row in measure(model, passages)}
    for kind in ("all", "question", "answer"):
        expected = below[(kinds == kind) | (kind == "all")].mean()
        assert found[1, "query", "inhibited", kind, ""] == pytest.approx(expected, abs=1e-5)
    special = [float(one[1, 0, KINDS.index("special")]) for one in paid]
    assert found[2, "", "attention", "all", "special"] == pytest.approx(np.mean(special), abs=1e-5)
    assert found[1, "", "attention", "answer", "other"] == pytest.approx(
        paid[0][0, 4, 5], abs=1e-5
    )  # only one passage has an answer
    assert found[1, "query", "rank_behind", "all", ""] != found[1, "query", "rank_before", "all", ""]


@pytest.mark.parametrize(("task_type", "reads"), [("QUESTION_ANS", False), (None, True)])
def test_attention_is_read_with_segment_ids_where_the_adapter_was_trained_with_them(task_type, reads):
    model, inputs = adapted(InaConfig(r=4, task_type=task_type)), read().inputs
    without = {name: of for name, of in inputs.items() if name != "token_type_ids"}
    assert inputs["token_type_ids"].any()
    same = torch.allclose(attention.attention_maps(model, inputs), attention.attention_maps(model, without), atol=1e-6)
    assert same != reads


@pytest.mark.parametrize(
    ("threshold", "version_2", "answers"), [(1e9, True, True), (-1e9, True, False), (0, False, True)]
)
def test_a_model_that_answers_nothing_has_no_answer(threshold, version_2, answers):
    opened = TrainedModel.__new__(TrainedModel)  # without the files of a model
    task = config.configured([f"task=squad_v{1 + version_2}", f"task.null_threshold={threshold}"]).task
    opened.cfg, opened.tokenizer = SimpleNamespace(task=task), tiny.tokenizer("bert")
    opened.model = AutoModelForQuestionAnswering.from_config(tiny.config("bert")).eval()
    assert (opened.answer(EXAMPLE) is not None) == answers


def test_merging_leaves_what_lora_computes_with_the_same_factors():
    model, twin = adapted(ina()), adapted(LORA)
    with torch.no_grad():
        for of_ina, of_lora in zip(gates.sites(model), gates.sites(twin), strict=True):
            of_lora.base.weight.copy_(of_ina.base.weight)
            of_lora.down.weight.copy_(of_ina.down.weight)
            of_lora.up.weight.copy_(of_ina.up.weight * of_ina.scale / of_lora.scale)
    with attention.merged(gates.sites(model)):
        merged = attention.attention_maps(model, read().inputs)
    torch.testing.assert_close(merged, attention.attention_maps(twin, read().inputs))


def test_lora_has_only_updates_measured_and_full_fine_tuning_only_attention():
    rows = measure(adapted(LORA), [read()])
    assert {row[2] for row in rows if row[1]} == {"update", "rank_before", "rank_behind"}
    assert [row[5] for row in rows if row[2] == "moved"] == pytest.approx([0.0, 0.0], abs=1e-5)
    adalora = AdaLoraConfig(r=4, target_modules=["query", "key"], total_step=10)
    assert not gates.sites(adapted(adalora))
    rows = measure(AutoModelForQuestionAnswering.from_config(tiny.config("bert")).eval(), [read()])
    assert {row[2] for row in rows} == {"share", "attention"} and {row[0] for row in rows} == {0, 1, 2}


# texts


def words_of(read: texts.Tokens) -> dict[str, str]:
    return {
        kind: "".join(word for word, of in zip(read.words, read.kinds, strict=True) if of == kind) for kind in KINDS
    }


def test_the_kinds_of_the_tokens_in_the_papers_example():
    assert words_of(read()) == {
        "special": "[CLS][SEP][SEP]",
        "punctuation": "?.",
        "question": "Whatisthecolourofmybag",
        "answer": "red",
        "distractor": "blackbag",
        "other": "Iputmybaginthe",
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_kinds_cover_the_same_words_in_every_family(family):
    found = words_of(read(family=family))
    assert (found["answer"], found["distractor"]) == ("red", "blackbag")


@pytest.mark.parametrize(("given", "words"), [({"answer": "blue"}, "blue"), ({"distractor": "lac"}, "lac")])
def test_words_that_are_not_in_the_text_are_refused(given, words):
    with pytest.raises(ValueError, match=f"{next(iter(given))}='{words}' is not in the text 'I put my red bag"):
        texts.passage(EXAMPLE.text, **given)


def test_a_long_text_is_read_in_the_window_that_holds_the_answer():
    text = "a bag is here. " * 30 + "the red one is there."
    found = read(texts.passage(text, "what is red?", "there"))
    assert len(found.words) <= 64 and words_of(found)["answer"] == "there"


def test_passages_of_the_embedded_suite_are_read_as_in_training_and_their_distractors_are_known():
    one_run = ["experiment=distractors", "model=tiny_bert", "seed=1", "method=ina", "task=squad_v1"]
    cfg = config.configured(one_run)
    examples = data.load(cfg.task, cfg.data)
    split, passages = texts.dev_passages(cfg, examples)
    assert (split, len(passages)) == ("validation", 500)
    for one in passages:
        assert len(one.distractors) == 2
        assert not any(a < one.answer[1] and one.answer[0] < b for a, b in one.distractors)
    assert [passages[0].text[slice(*place)] for place in passages[0].distractors] == [
        "Karl never goes out without his beige radio.",
        "Simon never goes out without his black clock.",
    ]
    rows, tokenizer = examples.splits["validation"].select(range(20)), tiny.tokenizer("bert")
    for one, window in zip(passages, windows(cfg.task, rows, tokenizer), strict=False):
        found = read(one, task=cfg.task).inputs["input_ids"][0]
        assert found.tolist() == window.inputs["input_ids"].tolist()


def test_a_long_question_is_cut_as_in_training():
    row = {"id": "0", "question": " what is red here? " * 9, "context": "a bag is here. " * 30}
    [first, *_] = windows(SQUAD, Dataset.from_list([row]), tiny.tokenizer("bert"))
    found = read(texts.passage(row["context"], row["question"])).inputs["input_ids"][0]
    assert found.tolist() == first.inputs["input_ids"].tolist()


@pytest.mark.parametrize("lengths", [(1, 1), (90, 1), (1, 90), (40, 90)])
@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_pairs_of_glue_are_cut_as_in_training(lengths, family):
    first, second = ("a bag is here. " * length for length in lengths)
    trained = tiny.tokenizer(family)(first, second, truncation=True, max_length=RTE.max_length)
    found = read(Passage(second, first), family, RTE)
    assert found.inputs["input_ids"][0].tolist() == trained["input_ids"]
    assert len(found.kinds) == len(trained["input_ids"])


def test_pairs_of_glue_are_read_in_their_order(glue):
    cfg = configured(glue, glue / "out")
    examples = data.load(cfg.task, cfg.data)
    row = examples.splits["validation"][0]
    assert texts.dev_passages(cfg, examples)[1][0] == Passage(row["sentence2"], row["sentence1"])
