"""Backbones are found where the configuration says and get a head of the task's size, or an error says why not."""

import io
import itertools
import json
import shutil

import pytest
import sentencepiece
import torch
from safetensors.torch import load_file, save_file
from tiny_runs import configured
from transformers import AutoModel, DistilBertConfig, DistilBertForMaskedLM

from ina import methods, models, plan, run, speed, tiny
from ina.adapter import InaLinear
from ina.config import Ina, ModelConfig, check, numbers_depend_on
from ina.models import ModelError
from ina.tasks import Head

FAMILIES = ("bert", "roberta", "deberta", "deberta-v2")
PAIR = Head("classification", 2)
MNLI = Head("classification", 3)
SCORE = Head("regression", 1)
SPAN = Head("span", 2)
REVISION = "0" * 40


def model(**source) -> ModelConfig:
    return ModelConfig(name="some", label="Some", **source)


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A folder for each family with the files that the hub has for it: config, weights, tokenizer files."""
    root = tmp_path_factory.mktemp("hub")
    for family in FAMILIES:
        folder = root / family
        torch.manual_seed(0)
        encoder = AutoModel.from_config(tiny.config(family))
        if family in ("bert", "roberta"):
            encoder.save_pretrained(folder)
        else:  # microsoft's repositories have no safetensors file
            encoder.config.save_pretrained(folder)
            torch.save({f"deberta.{name}": w.half() for name, w in encoder.state_dict().items()}, _bin(folder))
        _write_tokenizer(family, folder)
    return root


def _bin(folder):
    return folder / "pytorch_model.bin"


def _write_tokenizer(family, folder):
    if family == "deberta-v2":
        trained = io.BytesIO()
        special = dict(pad_id=0, bos_id=1, eos_id=2, unk_id=3)
        special |= dict(pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]")
        sentences = iter(["the dogs bark loudly", "what is the colour of my bag", "a cat sleeps in the red house"] * 50)
        size = dict(vocab_size=60, hard_vocab_limit=False)
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=sentences, model_writer=trained, minloglevel=2, **size, **special
        )
        (folder / "spm.model").write_bytes(trained.getvalue())
    else:
        core = json.loads(tiny.tokenizer(family).backend_tokenizer.to_str())["model"]
        if family == "bert":
            (folder / "vocab.txt").write_text("\n".join(sorted(core["vocab"], key=core["vocab"].get)) + "\n")
        else:
            (folder / "vocab.json").write_text(json.dumps(core["vocab"]))
            merges = [" ".join(pair) for pair in core["merges"]]
            (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": family == "bert"}))


@pytest.fixture
def copied(hub, tmp_path):
    """A copy of a family's folder that a test may damage."""

    def copy(family):
        return shutil.copytree(hub / family, tmp_path / family)

    return copy


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("head", "outputs"), [(PAIR, (1, 2)), (MNLI, (1, 3)), (SCORE, (1, 1)), (SPAN, None)])
def test_a_local_folder_in_the_hubs_layout_gives_a_model_with_the_tasks_outputs(hub, family, head, outputs):
    given = model(path=str(hub / family))
    inputs = models.load_tokenizer(given)("what is it", "the dogs bark", return_tensors="pt")
    found = models.load(given, head, seed=1)(**inputs)
    if head == SPAN:  # a start and an end score for every token
        assert found.start_logits.shape == found.end_logits.shape == inputs["input_ids"].shape
    else:
        assert found.logits.shape == outputs


@pytest.mark.parametrize("family", FAMILIES)
def test_the_encoder_has_the_weights_of_the_file_in_float32(hub, family):
    loaded = models.load(model(path=str(hub / family)), PAIR, seed=1).base_model.state_dict()
    stored = hub / family / "model.safetensors"
    expected = load_file(stored) if stored.is_file() else torch.load(_bin(hub / family))
    for name, weight in expected.items():
        name = name.removeprefix("deberta.")
        if name in loaded:  # a classifier of RoBERTa's has no pooler
            assert loaded[name].dtype == torch.float32
            torch.testing.assert_close(loaded[name], weight.float(), rtol=0, atol=0)


def ina() -> Ina:
    settings = dict(scale=None, inhibition=0.3, activation="gelu", threshold="token", detach_threshold=False)
    return Ina(kind="ina", name="ina", r=4, alpha=16, dropout=0.0, sites=["query", "key"], **settings)


@pytest.mark.parametrize("family", ["bert", "roberta", "deberta-v2"])
@pytest.mark.parametrize("head", [PAIR, SPAN])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_an_encoder_in_four_bits_has_a_head_and_an_adapter_that_train(hub, family, head, dtype):
    counted = {}
    for quantization in (None, "4bit"):
        given = model(path=str(hub / family), quantization=quantization)
        loaded = models.load(given, head, seed=1)
        names = models.head_modules(given, loaded)
        adapted, counted[quantization] = methods.prepare(ina(), loaded, names, span=head == SPAN)
    assert counted["4bit"] == counted[None]
    projections = [module.get_base_layer() for module in adapted.modules() if isinstance(module, InaLinear)]
    assert projections and all(layer.weight.dtype == torch.uint8 for layer in projections)
    trained = [weight for weight in adapted.parameters() if weight.requires_grad]
    assert all(weight.dtype == torch.float32 for weight in trained)
    if dtype == "bfloat16":
        speed.cast_frozen(adapted, torch.bfloat16)
    answers = dict(start_positions=2, end_positions=3) if head == SPAN else dict(labels=1)
    given = {"input_ids": torch.tensor([[5, 6, 7, 8]])} | {
        name: torch.tensor([label]) for name, label in answers.items()
    }
    optimizer = torch.optim.Adam(trained, lr=1e-2)
    losses = []
    mixed = torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16")
    with torch.no_grad(), mixed:
        adapted.eval()(**given)  # a run evaluates, then trains on
    adapted.train()
    for _ in range(5):
        with mixed:
            loss = adapted(**given).loss
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert losses[-1] < losses[0]


def test_the_fused_projection_of_deberta_v1_is_not_split_in_four_bits(hub):
    loaded = models.load(model(path=str(hub / "deberta"), quantization="4bit"), PAIR, seed=1)
    with pytest.raises(ValueError, match="DeBERTa v1 cannot be split once they are quantised"):
        methods.prepare(ina(), loaded, ("classifier", "pooler"), span=False)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_seed_alone_decides_the_new_head(hub, family):
    def head(seed):
        torch.rand(seed)  # whatever was drawn before
        loaded = models.load(model(path=str(hub / family)), PAIR, seed=seed)
        modules = models.head_modules(model(path="x"), loaded)
        return torch.cat([w.flatten() for name, w in loaded.named_parameters() if name.split(".")[0] in modules])

    assert torch.equal(head(1), head(1)) and not torch.equal(head(1), head(2))


@pytest.mark.parametrize(
    ("family", "layout"),
    [
        ("bert", "[CLS] A [SEP] B [SEP]"),
        ("roberta", "<s> A </s> </s> B </s>"),
        ("deberta", "[CLS] A [SEP] B [SEP]"),
        ("deberta-v2", "[CLS] A [SEP] B [SEP]"),
    ],
)
def test_a_pair_has_the_separators_of_the_familys_pre_training(hub, family, layout):
    tokenizer = models.load_tokenizer(model(path=str(hub / family)))
    encoded = tokenizer("the dogs", "a cat")
    text = {None: None, 0: "A", 1: "B"}
    parts = [
        text[part] or token
        for token, part in zip(
            tokenizer.convert_ids_to_tokens(encoded["input_ids"]), encoded.sequence_ids(), strict=True
        )
    ]
    assert " ".join(part for part, _ in itertools.groupby(parts) if part) == layout.replace("</s> </s>", "</s>")
    assert parts.count(layout.split()[-1]) == layout.split().count(layout.split()[-1])


@pytest.mark.parametrize(
    ("family", "head", "modules"),
    [
        ("bert", PAIR, ("classifier",)),
        ("roberta", PAIR, ("classifier",)),
        ("deberta", PAIR, ("pooler", "classifier")),  # not in the checkpoint, so it starts at random
        ("deberta-v2", SCORE, ("pooler", "classifier")),
        ("bert", SPAN, ("qa_outputs",)),
        ("deberta-v2", SPAN, ("qa_outputs",)),
    ],
)
def test_the_head_is_what_the_checkpoint_lacks(hub, family, head, modules):
    given = model(path=str(hub / family))
    assert models.head_modules(given, models.load(given, head, seed=1)) == modules


def test_a_pooler_that_was_never_trained_can_be_made_part_of_the_head():
    given = model(tiny="bert", pooler_in_head=True)
    for head, modules in ((PAIR, ("pooler", "classifier")), (SPAN, ("qa_outputs",))):
        assert models.head_modules(given, models.load(given, head, seed=1)) == modules


@pytest.fixture(scope="module")
def distilbert(tmp_path_factory):
    """A folder as the hub has it for DistilBERT, whose checkpoint has the head of its pre-training and no other."""
    folder = tmp_path_factory.mktemp("distilbert")
    shape = dict(dim=32, n_layers=2, n_heads=4, hidden_dim=64, vocab_size=len(tiny.tokenizer("bert")))
    torch.manual_seed(0)
    DistilBertForMaskedLM(DistilBertConfig(**shape)).save_pretrained(folder)
    _write_tokenizer("bert", folder)
    return folder


def test_a_checkpoint_has_the_head_of_its_pre_training_and_all_of_ours_is_new(distilbert):
    given = model(path=str(distilbert))
    for head, modules in ((PAIR, ("pre_classifier", "classifier")), (SPAN, ("qa_outputs",))):
        assert models.head_modules(given, models.load(given, head, seed=1)) == modules


def test_what_the_checkpoint_lacks_inside_the_encoder_is_part_of_the_head(hub):
    given, endings = model(path=str(hub / "bert")), Head("choice", 4)
    assert models.head_modules(given, models.load(given, endings, seed=1)) == ("classifier",)
    weights = {n: w for n, w in load_file(hub / "bert" / "model.safetensors").items() if not n.startswith("pooler")}
    without = shutil.copytree(hub / "bert", hub / "bert_without_pooler")
    save_file(weights, without / "model.safetensors", {"format": "pt"})
    given = model(path=str(without))
    assert models.head_modules(given, models.load(given, endings, seed=1)) == ("pooler", "classifier")


def test_a_checkpoint_that_lacks_weights_of_a_layer_is_an_error(copied):
    folder = copied("bert")
    weights = load_file(folder / "model.safetensors")
    lost = "encoder.layer.1.output.dense.weight"
    save_file({n: w for n, w in weights.items() if n != lost}, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=f"model some in .*bert lacks 1 weights of the encoder, first: {lost}"):
        models.load(model(path=str(folder)), PAIR, seed=1)


@pytest.mark.parametrize("method", ["full", "lora", "ina"])
def test_a_model_of_another_family_is_a_config_file_alone(method, distilbert, glue, tmp_path):
    cfg = configured(
        glue, tmp_path, "model=distilbert", f"model.path={distilbert}", f"method={method}", "train.epochs=1"
    )
    done, _ = run.run(cfg)
    assert done.id == f"distilbert--stsb--{method}--s1"
    assert done.params.head == (32 * 32 + 32) + (32 + 1)
    assert done.params.trainable == (done.params.total if method == "full" else done.params.adapter + done.params.head)


@pytest.mark.parametrize("name", ["bert_base", "distilbert", "minilm", "roberta_large"])
def test_every_model_is_opened_from_a_folder_where_one_is_given(name, hub):
    given = check(plan.compose([f"model={name}", f"model.path={hub / 'bert'}"])).model
    assert models.locate(given) == (str(hub / "bert"), None)
    assert models.load(given, PAIR, seed=1).config.hidden_size == 32
    other = check(plan.compose(["model=tiny_roberta", f"model.path={hub / 'bert'}"])).model
    assert other.revision == given.revision


def test_two_folders_are_two_models_wherever_they_are(copied, hub, tmp_path):
    def settings(folder):
        cfg = check(plan.compose(["model=minilm", f"model.path={folder}"]))
        return numbers_depend_on(cfg.model_dump(), "files", "", "float32")

    folder = copied("bert")
    assert settings(folder) == settings(hub / "bert")
    (folder / "vocab.txt").write_text((folder / "vocab.txt").read_text() + "bark\n")
    assert settings(folder)["model.revision"] != settings(hub / "bert")["model.revision"]


def test_a_folder_whose_files_have_changed_since_a_run_is_an_error(copied):
    folder = copied("bert")
    given = model(path=str(folder))
    (folder / "config.json").write_text((folder / "config.json").read_text() + "\n")
    with pytest.raises(ModelError, match="the files are others than those of the run; their SHA-256 is"):
        models.load(given, PAIR, seed=1)


# RoBERTa's table has an unused row up to that of padding, here the first
@pytest.mark.parametrize(
    ("family", "positions"), [("bert", 512), ("roberta", 513), ("deberta", 512), ("deberta-v2", 512)]
)
@pytest.mark.parametrize("head", [PAIR, SPAN, Head("choice", 4)], ids=["pair", "span", "choice"])
def test_a_text_longer_than_the_models_positions_is_an_error_before_weights_are_loaded(family, positions, head, hub):
    if family == "deberta" and head.kind == "choice":
        pytest.skip("DeBERTa v1 has no head for multiple choice")
    given = model(path=str(hub / family))
    models.check(given, head, max_length=positions)
    message = f"task.max_length={positions + 1}, but model some takes no more than {positions} tokens"
    with pytest.raises(ModelError, match=message):
        models.check(given, head, max_length=positions + 1)


def test_roberta_large_takes_512_tokens_and_deberta_v3_large_has_relative_positions_alone_and_so_no_limit():
    roberta, deberta = (check(plan.compose([f"model={name}_large"])).model for name in ("roberta", "deberta_v3"))
    with pytest.raises(ModelError, match="model roberta_large takes no more than 512 tokens"):
        models.check(roberta, PAIR, max_length=513)
    models.check(deberta, PAIR, max_length=1024)


@pytest.mark.parametrize("family", [*FAMILIES, "distilbert"])
def test_head_dropout_is_the_dropout_before_the_classifier(family, distilbert):
    given = model(path=str(distilbert)) if family == "distilbert" else model(tiny=family)
    loaded = models.load(given, PAIR, seed=1, head_dropout=0.35)
    dropouts = {name for name, module in loaded.named_modules() if getattr(module, "p", None) == 0.35}
    assert dropouts == ({"classifier.dropout"} if family == "roberta" else {"dropout"})


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("head", [PAIR, SPAN])
def test_an_untrained_model_has_every_weight_of_the_real_one_and_on_meta_no_numbers(family, head):
    blank = models.untrained(model(tiny=family), head, "meta")
    real = models.load(model(tiny=family), head, seed=1)
    assert {n: w.shape for n, w in blank.named_parameters()} == {n: w.shape for n, w in real.named_parameters()}
    assert {weight.device.type for weight in blank.parameters()} == {"meta"}


# sums of the released logs (ChengKang520/inhibited-lora@7e40a8a, LoRA-LM) and of the hub's safetensors headers
@pytest.mark.parametrize(
    ("hub", "total"),
    [
        ("google-bert/bert-large-cased", 333_581_314),
        ("google-bert/bert-large-uncased", 335_143_938),
        ("FacebookAI/roberta-large", 355_361_794),
        ("microsoft/deberta-large", 406_214_658),
        ("microsoft/deberta-v3-large", 435_063_810),
    ],
)
def test_the_large_models_are_known_to_the_last_weight_without_a_download(hub, total):
    blank = models.untrained(model(hub=hub, revision=REVISION), PAIR, "meta")
    assert sum(weight.numel() for weight in blank.parameters()) == total


def test_an_installed_package_wins_over_the_hub(tmp_path, monkeypatch):
    folder = tmp_path / "weights_of_mine" / "model"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    (folder / "model.safetensors").write_bytes(b"weights")
    monkeypatch.syspath_prepend(tmp_path)
    given = model(package="weights_of_mine/model", hub="some/model", revision=REVISION)
    assert models.locate(given) == (str(folder), REVISION)
    with pytest.raises(ModelError, match="model.safetensors is not the expected file: its SHA-256 is .* expected 0000"):
        models.locate(given.model_copy(update={"sha256": "0" * 64}))
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="model.safetensors is missing; reinstall its package"):
        models.locate(given)


def test_without_the_package_the_hub_is_asked_and_without_a_hub_the_package_is_named():
    given = model(package="not_installed_here/model", hub="some/model", revision=REVISION)
    assert models.locate(given) == ("some/model", REVISION)
    with pytest.raises(ModelError, match="Python package 'not_installed_here/model' of model some is not installed"):
        models.locate(model(package="not_installed_here/model"))


def test_without_a_network_the_error_names_the_model_its_revision_and_the_way_out():
    given = model(hub="nobody/nothing", revision=REVISION)
    for load in (lambda: models.load(given, PAIR, seed=1), lambda: models.load_tokenizer(given)):
        with pytest.raises(ModelError, match=rf"of model some from nobody/nothing at revision {REVISION}.*model.path"):
            load()


@pytest.mark.parametrize("answers", [True, False])
def test_where_the_hub_does_not_answer_its_cache_is_all_that_is_asked(answers, monkeypatch):
    asked = {}
    monkeypatch.setattr(models.hub, "reachable", lambda: answers)
    monkeypatch.setattr(models.AutoTokenizer, "from_pretrained", lambda place, **settings: asked.update(settings))
    with pytest.raises(TypeError):  # nothing was loaded
        models.load_tokenizer(model(hub="nobody/nothing", revision=REVISION))
    assert asked["local_files_only"] == (not answers)


def test_a_folder_without_config_json_is_no_model(tmp_path):
    with pytest.raises(ModelError, match=r"model.path=.*there is no config.json"):
        models.load(model(path=str(tmp_path)), PAIR, seed=1)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_missing_or_damaged_weights_are_an_error(copied, family, damage):
    folder = copied(family)
    file = _bin(folder) if _bin(folder).is_file() else folder / "model.safetensors"
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(ModelError, match=rf"cannot load the weights of model some from .*{family}: .*the folder holds"):
        models.load(model(path=str(folder)), PAIR, seed=1)


@pytest.mark.parametrize(
    ("family", "file"),
    [("bert", "vocab.txt"), ("roberta", "vocab.json"), ("deberta", "merges.txt"), ("deberta-v2", "spm.model")],
)
def test_a_missing_vocabulary_is_an_error(copied, family, file):
    folder = copied(family)
    (folder / file).unlink()
    with pytest.raises(ModelError, match="tokenizer of model some"):
        models.load_tokenizer(model(path=str(folder)))


def test_a_damaged_config_is_an_error(copied):
    folder = copied("bert")
    (folder / "config.json").write_text("{")
    with pytest.raises(ModelError, match="cannot load the config.json of model some .* not a valid JSON file"):
        models.load(model(path=str(folder)), PAIR, seed=1)
