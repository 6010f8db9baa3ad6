"""A decoder with InA generates text: all ways of generating agree, and training changes the text."""

import pytest
import torch
from families import CONFIGS
from peft import PeftModel, get_peft_model
from transformers import BartConfig, BartForConditionalGeneration, LlamaConfig, LlamaForCausalLM

from ina import InaConfig

PROMPTS = torch.tensor([[1, 11, 12, 13], [1, 21, 22, 23], [1, 31, 32, 33]])
GREEDY = dict(max_new_tokens=6, do_sample=False, pad_token_id=0, eos_token_id=None)


def adapted(seed: int = 1, **settings) -> PeftModel:
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**CONFIGS["llama"], initializer_range=0.4))
    torch.manual_seed(seed)
    return get_peft_model(model, InaConfig(r=4, task_type="CAUSAL_LM", **settings)).eval()


@pytest.fixture(scope="module")
def trained() -> tuple[PeftModel, list[float]]:
    """A model trained for a few steps to count on from the last token of a prompt, and its losses."""
    model = adapted(target_modules="all-linear", exclude_modules=["lm_head"])
    texts = torch.cat([PROMPTS, PROMPTS[:, -1:] + torch.arange(1, 7)], dim=1)
    labels = texts.clone()
    labels[:, :4] = -100
    optimizer = torch.optim.Adam([weight for weight in model.parameters() if weight.requires_grad], lr=1e-2)
    losses = []
    for _ in range(40):
        loss = model.train()(input_ids=texts, labels=labels).loss
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model.eval(), losses


def test_training_changes_the_generated_text(trained):
    model, losses = trained
    assert losses[-1] < 0.1 * losses[0]
    written = model.generate(input_ids=PROMPTS, **GREEDY)[:, 4:]
    assert torch.equal(written, PROMPTS[:, -1:] + torch.arange(1, 7))


@pytest.mark.parametrize("beams", [1, 3])
def test_text_is_the_same_with_and_without_a_cache(trained, beams):
    model, _ = trained
    with_cache, without = (
        model.generate(input_ids=PROMPTS, num_beams=beams, use_cache=cached, **GREEDY) for cached in (True, False)
    )
    assert torch.equal(with_cache, without)
    with model.disable_adapter():
        assert not torch.equal(model.generate(input_ids=PROMPTS, num_beams=beams, **GREEDY), with_cache)


def test_prompts_padded_on_the_left_are_continued_as_without_padding(trained):
    model, _ = trained
    padded = torch.tensor([[0, 0, 1, 12], [1, 21, 22, 23]])
    together = model.generate(input_ids=padded, attention_mask=(padded != 0).long(), **GREEDY)
    alone = [model.generate(input_ids=row[row != 0][None], **GREEDY)[0] for row in padded]
    for row, single in zip(together, alone, strict=True):
        assert torch.equal(row[-6:], single[-6:])


@pytest.mark.parametrize("beams", [1, 2])
def test_a_mixed_batch_is_written_by_the_adapter_of_each_example(beams):
    model = adapted(init_weights=False)
    model.add_adapter("other", InaConfig(r=2, init_weights=False))
    check_mixed(model, PROMPTS, num_beams=beams, **GREEDY)


def test_in_beam_search_the_encoder_reads_every_example_once():
    torch.manual_seed(0)
    model = BartForConditionalGeneration(BartConfig(**CONFIGS["bart"], init_std=0.4, forced_eos_token_id=None))
    model = get_peft_model(model, InaConfig(task_type="SEQ_2_SEQ_LM", init_weights=False)).eval()
    model.add_adapter("other", InaConfig(r=2, init_weights=False))
    check_mixed(model, PROMPTS, num_beams=2, **GREEDY)


def check_mixed(model: PeftModel, prompts: torch.Tensor, **settings) -> None:
    mixed = model.generate(input_ids=prompts, adapter_names=["other", "__base__", "default"], **settings)
    with model.disable_adapter():
        unadapted = model.generate(input_ids=prompts, **settings)
    alone = {"__base__": unadapted[1]}
    alone["default"] = model.generate(input_ids=prompts[2:], **settings)[0]
    model.set_adapter("other")
    alone["other"] = model.generate(input_ids=prompts[:1], **settings)[0]
    assert torch.equal(mixed, torch.stack([alone["other"], alone["__base__"], alone["default"]]))
    assert not torch.equal(mixed[0], unadapted[0]) and not torch.equal(mixed[2], unadapted[2])
