"""Tiny random models of each family, with tokenizers of the family's kind: for tests, where scores mean nothing.

The tokenizers are trained on the probe's sentences and differ as the real ones do: WordPiece with token types (BERT),
byte-level BPE (RoBERTa, DeBERTa), unigram with a leading-space mark (DeBERTa v2 and v3).
"""

from __future__ import annotations

from functools import lru_cache

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    DebertaConfig,
    DebertaV2Config,
    PretrainedConfig,
    PreTrainedTokenizerFast,
    RobertaConfig,
)

from .config import DataConfig
from .data import probe

VOCABULARY = 1000
_SHAPE = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64)
_RELATIVE = dict(relative_attention=True, pos_att_type=["c2p", "p2c"], max_relative_positions=64)
_BERT_TOKENS = dict(pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]")
_ROBERTA_TOKENS = dict(pad_token="<pad>", unk_token="<unk>", cls_token="<s>", sep_token="</s>", mask_token="<mask>")


def config(family: str, **settings) -> PretrainedConfig:
    """The configuration of the tiny model of a family."""
    size = len(tokenizer(family))
    if family == "bert":
        return BertConfig(vocab_size=size, **_SHAPE, **settings)
    if family == "roberta":
        return RobertaConfig(
            vocab_size=size, pad_token_id=0, max_position_embeddings=514, type_vocab_size=1, **_SHAPE, **settings
        )
    if family == "deberta":
        return DebertaConfig(vocab_size=size, **_SHAPE, **_RELATIVE, type_vocab_size=0, **settings)
    return DebertaV2Config(
        vocab_size=size,
        **_SHAPE,
        **_RELATIVE,
        share_att_key=True,
        norm_rel_ebd="layer_norm",
        type_vocab_size=0,
        **settings,
    )


@lru_cache
def tokenizer(family: str) -> PreTrainedTokenizerFast:
    """The tokenizer of the tiny model of a family."""
    names = _ROBERTA_TOKENS if family == "roberta" else _BERT_TOKENS
    special = list(names.values())
    core, trainer = {"bert": _wordpiece, "roberta": _bpe, "deberta": _bpe, "deberta-v2": _unigram}[family](
        names, special
    )
    core.train_from_iterator(_sentences(), trainer)
    cls, sep = names["cls_token"], names["sep_token"]
    pair = f"{cls} $A {sep} {sep} $B {sep}" if family == "roberta" else f"{cls} $A {sep} $B:1 {sep}:1"
    core.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=pair,
        special_tokens=[(token, core.token_to_id(token)) for token in (cls, sep)],
    )
    inputs = (
        ["input_ids", "attention_mask"] if family == "roberta" else ["input_ids", "token_type_ids", "attention_mask"]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core, model_input_names=inputs, model_max_length=512, padding_side="right", **names
    )


def _wordpiece(names, special):
    core = Tokenizer(models.WordPiece(unk_token=names["unk_token"]))
    core.normalizer = normalizers.BertNormalizer(lowercase=True)
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.decoder = decoders.WordPiece()
    return core, trainers.WordPieceTrainer(vocab_size=VOCABULARY, special_tokens=special, show_progress=False)


def _bpe(names, special):
    core = Tokenizer(models.BPE(unk_token=names["unk_token"]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    return core, trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )


def _unigram(names, special):
    core = Tokenizer(models.Unigram())
    core.pre_tokenizer = pre_tokenizers.Metaspace()
    core.decoder = decoders.Metaspace()
    return core, trainers.UnigramTrainer(
        vocab_size=VOCABULARY, special_tokens=special, unk_token=names["unk_token"], show_progress=False
    )


def _sentences() -> list[str]:
    return list(
        probe.load("cola", DataConfig(source="probe", dir=None, max_train=None, distractors=0))["train"]["sentence"]
    )
