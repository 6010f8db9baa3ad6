"""A decoder with several adapters writes text: each example of a mixed batch as its own adapter alone would."""

import pytest
import torch
from families import CONFIGS
from peft import PeftModel, get_peft_model
from transformers import BartConfig, BartForConditionalGeneration, LlamaConfig, LlamaForCausalLM

from ina import InaConfig

PROMPTS = torch.tensor([[1, 11, 12, 13], [1, 21, 22, 23], [1, 31, 32, 33]])
GREEDY = dict(max_new_tokens=6, do_sample=False, pad_token_id=0, eos_token_id=None)


def adapted(family: str) -> PeftModel:
    torch.manual_seed(0)
    if family == "llama":
        model, task = LlamaForCausalLM(LlamaConfig(**CONFIGS[family], initializer_range=0.4)), "CAUSAL_LM"
    else:
        settings = CONFIGS[family] | dict(init_std=0.4, forced_eos_token_id=None)
        model, task = BartForConditionalGeneration(BartConfig(**settings)), "SEQ_2_SEQ_LM"
    model = get_peft_model(model, InaConfig(r=4, task_type=task, init_weights=False)).eval()
    model.add_adapter("other", InaConfig(r=2, init_weights=False))
    return model


@pytest.mark.parametrize(("family", "beams"), [("llama", 1), ("llama", 2), ("bart", 2)])
def test_a_mixed_batch_is_written_by_the_adapter_of_each_example(family, beams):
    """In beam search an example is several rows of a decoder, and one row of an encoder."""
    model, settings = adapted(family), GREEDY | {"num_beams": beams}
    mixed = model.generate(input_ids=PROMPTS, adapter_names=["other", "__base__", "default"], **settings)
    with model.disable_adapter():
        unadapted = model.generate(input_ids=PROMPTS, **settings)
    alone = {"__base__": unadapted[1]}
    alone["default"] = model.generate(input_ids=PROMPTS[2:], **settings)[0]
    model.set_adapter("other")
    alone["other"] = model.generate(input_ids=PROMPTS[:1], **settings)[0]
    assert torch.equal(mixed, torch.stack([alone["other"], alone["__base__"], alone["default"]]))
    assert not torch.equal(mixed[0], unadapted[0]) and not torch.equal(mixed[2], unadapted[2])
