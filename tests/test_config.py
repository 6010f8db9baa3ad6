"""Everything wrong with a run's settings is found before anything is loaded, and all of it is told at once."""

from typing import get_args

import pytest
from hydra import compose, initialize_config_dir

from ina.adapter.gate import ACTIVATIONS, THRESHOLDS
from ina.config import CONFIG_DIR, Activation, ConfigError, Ina, check, fingerprint, numbers_depend_on


def composed(*overrides):
    with initialize_config_dir(str(CONFIG_DIR), version_base="1.3"):
        return compose("run", list(overrides))


def settings(*overrides, source="files", data="0" * 64, dtype="float32"):
    return numbers_depend_on(check(composed(*overrides)).model_dump(), source, data, dtype)


def test_the_default_run_is_minilm_on_cola_with_ina():
    assert check(composed()).id == "minilm--cola--ina--s1"


@pytest.mark.parametrize(
    "overrides, told",
    [
        (["method.inhibition=1.5"], "method.inhibition=1.5: Input should be less than or equal to 1"),
        (["method.r=0"], "method.r=0: Input should be greater than or equal to 1"),
        (["method=lora", "method.r=-4"], "method.r=-4: Input should be greater than or equal to 1"),
        (["method.activation=gulu"], "method.activation='gulu': Input should be 'gelu', 'leaky_relu', "),
        (["method.sites=[query,output]"], "method.sites.1='output': Input should be 'query', 'key', 'value' or 'all'"),
        (["method.sites=[query,all]"], r"sites=\['query', 'all'\] should name each projection once, or be \[all\]"),
        (["method.sites=[]"], "method.sites=.*at least 1 item"),
        (["train.epochs=three"], "train.epochs='three': Input should be a valid integer"),
        (["train.epochs=0"], "train.epochs=0: Input should be greater than or equal to 1"),
        (["train.learning_rate=0"], "train.learning_rate=0.*: Input should be greater than 0"),
        (["train.learning_rate=inf"], "train.learning_rate=inf.*: Input should be a finite number"),
        (["train.weight_decay=nan"], "train.weight_decay=nan.*: Input should be a finite number"),
        (["train.warmup_ratio=1.5"], "train.warmup_ratio=1.5"),
        (["train.device_batch_size=5"], "device_batch_size=5 does not divide batch_size=32"),
        (["data.source=fils"], "data.source='fils': Input should be 'auto', 'files', 'hub' or 'probe'"),
        (["data.distractors=3"], "data.distractors=3: Input should be 0, 1, 2, 4 or 8"),
        (["seed=-1"], "seed=-1: Input should be greater than or equal to 0"),
        (["+train.warmup=100"], "train.warmup: there is no such setting"),
        (["~train.epochs"], "train.epochs: is missing"),
        (["model.revision=main"], "model.revision='main': String should match"),
        (["model.revision=null"], "needs a revision"),
        (["task=squad_v2", "task.doc_stride=400"], "task.*doc_stride"),
        (["data.select=0.1", "data.test_distractors=[0]"], r"select=0.1 .*: leave out test_distractors=\[0\]"),
        (["task=squad_v1", "task.null_threshold=1.0"], "null_threshold=1.0 is for squad_v2; every question"),
        (["train.schedule=constant"], "schedule=constant has no warm-up: set warmup_ratio=0, not 0.06"),
        (["task=squad_v1", "train.head_dropout=0.2"], "head_dropout=0.2 is for classifiers; squad_v1 has no"),
        (["method.scale=1", "method.alpha=8"], "method.alpha=8.0 is not read where method.scale is set"),
        (["wandb.mode=on"], "wandb.mode='on'|wandb.mode=True"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value_and_what_would_be_right(overrides, told):
    with pytest.raises(ConfigError, match=told):
        check(composed(*overrides))


def test_the_adapter_has_the_activations_and_thresholds_that_can_be_set():
    assert get_args(Activation) == tuple(ACTIVATIONS)
    assert get_args(Ina.model_fields["threshold"].annotation) == THRESHOLDS


def test_a_scale_goes_with_the_alpha_of_the_method_s_file():
    assert check(composed("method.scale=1")).method.scale == 1


def test_the_id_shows_the_settings_in_which_a_method_differs_from_its_file():
    assert check(composed("method.inhibition=0.1", "seed=7")).id == "minilm--cola--ina-inhibition0.1--s7"
    assert check(composed("method=lora", "method.sites=[query]")).cell == "minilm--cola--lora-sitesquery"


def test_lora_and_ina_have_the_same_sites_rank_alpha_and_dropout():
    lora, ina = (check(composed(f"method={name}")).method for name in ("lora", "ina"))
    assert (lora.sites, lora.r, lora.alpha, lora.dropout) == (ina.sites, ina.r, ina.alpha, ina.dropout)


@pytest.mark.parametrize(
    "change",
    ["seed=2", "train.epochs=9", "method.inhibition=0.1", "task=sst2", "model=tiny_bert", "train.batch_size=8"],
)
def test_the_fingerprint_changes_with_every_setting_that_can_change_the_numbers(change):
    assert fingerprint(settings(change)) != fingerprint(settings())


@pytest.mark.parametrize("circumstance", [dict(source="hub"), dict(data="1" * 64), dict(dtype="bfloat16")])
def test_the_fingerprint_changes_with_data_and_number_format(circumstance):
    assert fingerprint(settings(**circumstance)) != fingerprint(settings())


@pytest.mark.parametrize(
    "change",
    ["results_dir=elsewhere", "wandb.mode=offline", "data.dir=there", "train.threads=1", "train.device_batch_size=8",
     "data.distractors=8", "model.label=MiniLM-L6-H384"],
)  # fmt: skip
def test_the_fingerprint_ignores_what_cannot_change_the_numbers(change):
    assert fingerprint(settings(change)) == fingerprint(settings())


def test_distractors_count_for_the_probe_only():
    probe = settings("data.distractors=8", source="probe")
    assert probe != settings(source="probe")


def test_a_switch_that_is_off_leaves_the_fingerprint_as_it_was_before_the_switch_existed():
    config = check(composed()).model_dump()
    before = numbers_depend_on(config, "files", "0", "float32")
    config["train"]["new_switch"] = False
    config["method"]["new_setting"] = None
    assert numbers_depend_on(config, "files", "0", "float32") == before
