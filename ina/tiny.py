"""Tiny random models of each family, with tokenizers of the family's type. For tests only: their scores mean nothing.

The vocabularies come from the probe's sentences. Only byte-level BPE is trained, because the trainers of WordPiece and
unigram give another vocabulary in every process.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import lru_cache

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    BertConfig,
    BertTokenizer,
    DebertaConfig,
    DebertaTokenizer,
    DebertaV2Config,
    DebertaV2Tokenizer,
    PretrainedConfig,
    PreTrainedTokenizerBase,
    RobertaConfig,
    RobertaTokenizer,
)

from .data import probe

VOCABULARY = 1000
_BERT_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_ROBERTA_TOKENS = ["<pad>", "<unk>", "<s>", "</s>", "<mask>"]
_SHAPE = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64)
_RELATIVE = dict(relative_attention=True, pos_att_type=["c2p", "p2c"], max_relative_positions=64, type_vocab_size=0)
_CONFIGS = {
    "bert": (BertConfig, {}),
    "roberta": (RobertaConfig, dict(pad_token_id=0, max_position_embeddings=514, type_vocab_size=1)),
    "deberta": (DebertaConfig, _RELATIVE),
    "deberta-v2": (DebertaV2Config, _RELATIVE | dict(share_att_key=True, norm_rel_ebd="layer_norm")),
}


def config(family: str, **settings) -> PretrainedConfig:
    """The configuration of the tiny model of a family."""
    kind, of_family = _CONFIGS[family]
    return kind(vocab_size=len(tokenizer(family)), **_SHAPE, **of_family, **settings)


@lru_cache
def tokenizer(family: str) -> PreTrainedTokenizerBase:
    """The tokenizer of the tiny model of a family."""
    sentences = [row["sentence"] for row in probe.rows("cola", 0)["train"]]
    if family == "bert":
        words, letters = _counted(re.findall(r"\w+|[^\w\s]", " ".join(sentences).lower()))
        pieces = dict.fromkeys([*_BERT_TOKENS, *letters, *(f"##{letter}" for letter in letters), *words])
        numbered = {piece: index for index, piece in enumerate([*pieces][:VOCABULARY])}
        return BertTokenizer(numbered, model_max_length=512)
    if family == "deberta-v2":
        words, letters = _counted(f"▁{word}" for sentence in sentences for word in sentence.split())
        pieces = dict.fromkeys([*_BERT_TOKENS, *letters, *words])
        scores = [(piece, -float(index)) for index, piece in enumerate([*pieces][:VOCABULARY])]
        return DebertaV2Tokenizer(scores, model_max_length=512)
    kind, special = (RobertaTokenizer, _ROBERTA_TOKENS) if family == "roberta" else (DebertaTokenizer, _BERT_TOKENS)
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    core.train_from_iterator(
        sentences,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=alphabet, show_progress=False
        ),
    )
    trained = json.loads(core.to_str())["model"]
    return kind(trained["vocab"], [tuple(pair) for pair in trained["merges"]], model_max_length=512)


def _counted(words) -> tuple[list[str], list[str]]:
    """The distinct words, the most frequent first, and their letters."""
    counts = Counter(words)
    return sorted(counts, key=lambda word: (-counts[word], word)), sorted(set("".join(counts)))
