"""All errors in a run's settings are found before anything is loaded, and reported at once."""

from typing import get_args

import pytest

from ina.adapter.gate import ACTIVATIONS, THRESHOLDS
from ina.config import Activation, ConfigError, Ina, configured
from ina.fingerprint import fingerprint, fingerprint_settings


def settings(*overrides, source="files", data="0" * 64, dtype="float32"):
    return fingerprint_settings(configured(list(overrides)).model_dump(), source, data, dtype)


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["method.inhibition=1.5"], "method.inhibition=1.5: "),
        (["method.activation=gulu"], "method.activation='gulu': "),
        (["method.sites=[query,output]"], "method.sites.1='output': "),
        (["method=gate", "method.sites=[value]"], "method.sites.0='value': "),
        (["method.sites=[query,all]"], r"sites=\['query', 'all'\] should name each projection once, or be \[all\]"),
        (["train.epochs=three"], "train.epochs='three': "),
        (["train.learning_rate=inf"], "train.learning_rate=inf"),
        (["train.device_batch_size=5"], "device_batch_size=5 does not divide batch_size=32"),
        (["train.schedule=constant"], "schedule=constant has no warm-up: set warmup_ratio=0, not 0.06"),
        (["data.distractors=3"], "data.distractors=3: "),
        (["method=head", "model.quantization=4bit"], "quantization=4bit is for adapters, not for method=head"),
        (["method=head", "task=rte", "train.start=mnli"], "start=mnli has no effect on method=head"),
        (["data=hub", "data.dir=there"], "dir=there has no meaning with data=hub"),
        (["data=probe", "data.dir=there"], "dir=there has no meaning with data=probe"),
        (["method.inhibition=1", "method.r=1"], "`inhibition` should be below 1 with rank 1 or relu"),
        (["method.inhibition=1", "method.activation=relu"], "`inhibition` should be below 1 with rank 1 or relu"),
        (["seed=-1"], "seed=-1: "),
        (["method=gate", "method.layers=0"], "method.layers=0: "),
        (["task=rte", "data.distractors=4"], "data.distractors=4 is for SQuAD's tasks; here the task is rte"),
        (["task=rte", "data.test_distractors=[0,8]"], r"data.test_distractors=\[0, 8\] is for SQuAD's tasks"),
        (["data.select=0.1", "data.test_distractors=[0]"], r"select=0.1 .*: leave out test_distractors=\[0\]"),
        (["+train.warmup=100"], "train.warmup: there is no such setting"),
        (["~train.epochs"], "train.epochs: is missing"),
        (["model.revision=main"], "model.revision='main': "),
        (["model.revision=null"], "needs a revision"),
        (["model=tiny_bert", "model.quantization=4bit"], "4bit needs weights from files; a tiny model has random ones"),
        (["task=squad_v2", "task.doc_stride=400"], "max_length=384 leaves a window no room for new context"),
        (["task=squad_v1", "task.null_threshold=1.0"], "null_threshold=1.0 is for squad_v2; every question"),
        (["task=mnli", "task.headline=accuracy"], "headline=accuracy is not one of accuracy_matched, accuracy_"),
        (["task=squad_v1", "train.head_dropout=0.2"], "head_dropout=0.2 is for classifiers; squad_v1 has no"),
        (["method.scale=1", "method.alpha=8"], "method.alpha=8.0 has no effect if method.scale is set"),
        (["task=sst2", "task.classes=3"], "classes=3 should be 2 for sst2"),
        (["task=rte", "task.name=mrpc"], "label='RTE' should be 'MRPC' for mrpc"),
        (["~task.family"], r"task.family: is missing$"),
        (["~method.kind"], r"method.kind: is missing \(a file of configs/method begins with"),
        (["train.learning_rate='???'"], "train.learning_rate: is missing"),
        (["method=dora", "method.config=PrefixTuningConfig"], "PrefixTuningConfig does not accept these arguments"),
        (["method=dora", "method.config=DoraConfig"], "peft has no such config class"),
        (["method=dora", "method.config=get_peft_model"], "peft has no such config class"),
        (["method=dora", "+method.arguments.rank=4"], "LoraConfig does not accept these arguments: .*'rank'"),
        (["method=dora", "method.sites=[query,query]"], "name each projection once"),
        (["method=adalora", "task=squad_v1"], "AdaLoRA on SQuAD needs train.adapter_segment_ids=false"),
        (["method.r=0", "train.epochs=0"], "method.r=0: .*\n.*train.epochs=0: "),
    ],
)
def test_a_wrong_setting_is_named_with_its_value_and_what_would_be_right(overrides, told):
    with pytest.raises(ConfigError, match=told):
        configured(overrides)


def test_the_adapter_has_the_activations_and_thresholds_that_can_be_set():
    assert get_args(Activation) == tuple(ACTIVATIONS)
    assert get_args(Ina.model_fields["threshold"].annotation) == THRESHOLDS


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        ([], "minilm--cola--ina--s1"),
        (["method.inhibition=0.1", "seed=7"], "minilm--cola--ina-inhibition0.1--s7"),
        (["method=lora", "method.sites=[query]"], "minilm--cola--lora-sitesquery--s1"),
        (["method.scale=1"], "minilm--cola--ina-scale1.0--s1"),
        (["method=dora", "method.label=A/B"], "minilm--cola--dora--s1"),
        (["method=adalora", "task=squad_v1", "train.adapter_segment_ids=false"], "minilm--squad_v1--adalora--s1"),
        (
            ["model=bert_large", "task=stsb", "method=ina_released", "method.r=4"],
            "bert_large--stsb--ina_released-r4--s1",
        ),
    ],
)
def test_the_name_shows_the_settings_in_which_a_method_differs_from_its_configs(overrides, name):
    assert configured(overrides).id == name


def test_a_device_may_take_more_examples_than_a_batch_has():
    assert configured(["train.batch_size=16", "train.device_batch_size=32"]).train.batch_size == 16


def test_a_setting_may_refer_to_the_seed():
    assert configured(["train.epochs=${seed}", "seed=5"]).train.epochs == 5


@pytest.mark.parametrize(
    "change",
    [
        *("seed=2", "train.epochs=9", "method.inhibition=0.1", "task=sst2", "model=tiny_bert", "train.batch_size=8"),
        *("train.head_dropout=0.0", "method.scale=0.0"),  # null by default
    ],
)
def test_the_fingerprint_changes_with_a_setting_that_can_change_the_numbers(change):
    assert fingerprint(settings(change)) != fingerprint(settings())


@pytest.mark.parametrize(
    ("common", "counts"), [("method.threshold=tensor", True), ("method.threshold=token", False), ("method=gate", True)]
)
@pytest.mark.parametrize("change", ["train.eval_batch_size=8", "train.device_batch_size=8"])
def test_batch_sizes_change_the_fingerprint_only_if_the_threshold_is_over_a_batch(common, counts, change):
    assert (fingerprint(settings(common, change)) != fingerprint(settings(common))) == counts


@pytest.mark.parametrize("circumstance", [dict(source="hub"), dict(data="1" * 64), dict(dtype="bfloat16")])
def test_the_fingerprint_changes_with_data_and_number_format(circumstance):
    assert fingerprint(settings(**circumstance)) != fingerprint(settings())


@pytest.mark.parametrize(
    "change",
    ["results_dir=elsewhere", "wandb.mode=offline", "data.dir=there", "train.threads=1", "model.label=MiniLM-L6-H384"],
)
def test_the_fingerprint_ignores_what_cannot_change_the_numbers(change):
    assert fingerprint(settings(change)) == fingerprint(settings())


def test_distractors_count_for_the_probe_only():
    squad, more = "task=squad_v1", "data.distractors=8"
    assert settings(squad, more, source="probe") != settings(squad, source="probe")
    assert settings(squad, more) == settings(squad)


@pytest.mark.parametrize(
    ("run", "counts"),
    [
        (["task=squad_v1", "method=lora"], True),
        (["task=squad_v2", "method=dora"], True),
        (["task=squad_v1", "method=full"], False),
        (["task=mrpc", "method=ina"], False),
    ],
)
def test_segment_ids_count_for_adapters_on_squad(run, counts):
    with_ids, without = (settings(*run, f"train.adapter_segment_ids={read}") for read in ("true", "false"))
    assert (with_ids != without) == counts


def test_a_new_switch_that_is_off_does_not_change_the_fingerprint():
    config = configured([]).model_dump()
    before = fingerprint_settings(config, "files", "0", "float32")
    config["train"]["new_switch"] = False
    config["method"]["new_setting"] = None
    assert fingerprint_settings(config, "files", "0", "float32") == before
