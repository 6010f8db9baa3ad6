"""Tiny random models of each family, with tokenizers of the family's kind: for tests, where scores mean nothing.

The tokenizers are made from the probe's sentences and differ as the real ones do: WordPiece with token types (BERT),
byte-level BPE (RoBERTa, DeBERTa), unigram with a leading-space mark (DeBERTa v2 and v3). Only BPE is trained: the
trainers of the other two give another vocabulary in every process.
"""

from __future__ import annotations

from collections import Counter
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
    core = {"bert": _wordpiece, "roberta": _bpe, "deberta": _bpe, "deberta-v2": _unigram}[family](special)
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


def _wordpiece(special: list[str]) -> Tokenizer:
    core = Tokenizer(models.WordPiece())
    core.normalizer = normalizers.BertNormalizer(lowercase=True)
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.decoder = decoders.WordPiece()
    words = _words(core)
    letters = sorted(set("".join(words)))
    pieces = dict.fromkeys([*special, *letters, *(f"##{letter}" for letter in letters), *words])
    core.model = models.WordPiece(
        {piece: index for index, piece in enumerate([*pieces][:VOCABULARY])}, unk_token=special[1]
    )
    return core


def _bpe(special: list[str]) -> Tokenizer:
    core = Tokenizer(models.BPE(unk_token=special[1]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    core.train_from_iterator(_sentences(), trainer)
    return core


def _unigram(special: list[str]) -> Tokenizer:
    core = Tokenizer(models.Unigram())
    core.pre_tokenizer = pre_tokenizers.Metaspace()
    core.decoder = decoders.Metaspace()
    words = _words(core)
    pieces = dict.fromkeys([*special, *sorted(set("".join(words))), *words])
    scores = [(piece, -float(index)) for index, piece in enumerate([*pieces][:VOCABULARY])]
    core.model = models.Unigram(scores, unk_id=1)
    return core


def _words(core: Tokenizer) -> list[str]:
    """The words of the sentences as the tokenizer splits them, the most frequent first."""
    normalize = core.normalizer.normalize_str if core.normalizer else str
    counts = Counter(
        word for sentence in _sentences() for word, _ in core.pre_tokenizer.pre_tokenize_str(normalize(sentence))
    )
    return sorted(counts, key=lambda word: (-counts[word], word))


def _sentences() -> list[str]:
    return [row["sentence"] for row in probe.rows("cola", 0)["train"]]
