"""The schema of one run: every key of `configs/`, its type and its range.

Hydra composes the config, and pydantic checks it: unknown keys, wrong types, values out of range and contradictory
settings are reported in one message, before data or weights are loaded.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from omegaconf import DictConfig, OmegaConf
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from .compose import CONFIG_DIR, ConfigError, compose, options, parse, resolved
from .data import schema
from .fingerprint import WITHOUT_PEFT, fingerprint, fingerprint_settings, folder_sha256

if TYPE_CHECKING:
    import peft

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$")]
Share = Annotated[float, Field(ge=0, lt=1)]
Distractors = Literal[0, 1, 2, 4, 8]
Site = Literal["query", "key", "value", "all"]
Activation = Literal["gelu", "leaky_relu", "relu", "elu", "selu", "silu", "tanh", "identity"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class ModelConfig(_Strict):
    """A backbone: where its files are, and what to call it."""

    name: Name
    label: str
    path: str | None = None  # a local folder in the hub's format; wins over the others
    package: str | None = None  # "<python package>/<folder>" holding such a folder
    hub: str | None = None
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")] | None = None  # with path: folder_sha256
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None  # of model.safetensors
    tiny: Literal["bert", "roberta", "deberta", "deberta-v2"] | None = None  # random weights, for tests
    quantization: Literal["4bit"] | None = None  # of the frozen encoder: NF4 as in QLoRA
    pooler_in_head: bool = False  # train the pooler with the classifier, if pre-training did not train it

    @model_validator(mode="before")
    @classmethod
    def _set_the_revision_of_a_folder(cls, value: Any) -> Any:
        """With `path`, set `revision` to a hash of the folder's files, so that different folders are different models.

        A given hash, as in a record, is kept.
        """
        if not isinstance(value, dict) or not isinstance(value.get("path"), str):
            return value
        known, folder = value.get("revision"), Path(os.path.expanduser(value["path"]))
        if isinstance(known, str) and len(known) == 64:
            return value
        return value | {"revision": folder_sha256(folder) if (folder / "config.json").is_file() else None}

    @model_validator(mode="after")
    def _has_a_source(self) -> ModelConfig:
        if self.quantization and self.tiny and not self.path:
            raise ValueError(f"quantization={self.quantization} needs weights from files; a tiny model has random ones")
        if not (self.path or self.package or self.hub or self.tiny):
            raise ValueError("one of path, package, hub or tiny must say where the model is")
        if self.hub and not self.revision and not self.path:
            raise ValueError(f"hub={self.hub!r} needs a revision (a commit hash), so that it stays the same model")
        return self


class TaskFiles(_Strict):
    """The TSV files of a user's own task: `train.tsv` and `dev.tsv`, with a header."""

    folder: Annotated[str, Field(pattern=r"^[^/~]")]  # below data.dir
    label: str  # the column of labels
    labels: Annotated[list[str], Field(min_length=2)]  # names of the classes in that column, in order


class GlueTask(_Strict):
    """A GLUE task: sentence or sentence pair in, class or score out."""

    family: Literal["glue"]
    name: Name
    label: str
    columns: Annotated[list[str], Field(min_length=1, max_length=2)]
    classes: Annotated[int, Field(ge=2)] | None  # None: regression
    headline: str
    max_length: Annotated[int, Field(ge=8)]
    files: TaskFiles | None = None  # None: one of GLUE's nine tasks

    @model_validator(mode="after")
    def _agrees_with_its_files(self) -> GlueTask:
        if self.files:
            if self.classes != len(self.files.labels):
                raise ValueError(
                    f"classes={self.classes}, but files.labels={self.files.labels}: the number of names must equal "
                    "`classes`"
                )
            if self.name in schema.TASKS:
                raise ValueError(f"name={self.name} is a task of GLUE, SQuAD or SWAG; choose another for your own")
            for key, values in (("columns", self.columns), ("files.labels", self.files.labels)):
                if len(set(values)) < len(values):
                    raise ValueError(f"{key}={values}: each name may occur only once")
            if taken := {self.files.label, "label", "idx"} & set(self.columns):
                raise ValueError(f"columns={self.columns}: {taken.pop()!r} names the label or the row, not a text")
        elif self.name in schema.TASKS:
            for key, value in _built_in(self.name).items():
                if getattr(self, key) != value:
                    raise ValueError(f"{key}={getattr(self, key)!r} should be {value!r} for {self.name}")
        splits = [split.removeprefix("validation") for split in schema.split_names(self.name)[1:]]
        names = [metric + split for metric in schema.metric_names(self) for split in splits]
        if self.headline not in names:
            raise ValueError(f"headline={self.headline} is not one of {', '.join(names)}")
        return self


@cache
def _built_in(task: str) -> dict[str, Any]:
    """The label, columns and classes of a GLUE task, which no setting may change."""
    own = OmegaConf.load(CONFIG_DIR / "task" / f"{task}.yaml")
    return OmegaConf.to_container(OmegaConf.masked_copy(own, ["label", "columns", "classes"]))


class SquadTask(_Strict):
    """Extractive question answering on SQuAD; lengths are in tokens."""

    family: Literal["squad"]
    name: Name
    label: str
    version_2: bool
    headline: Literal["exact", "f1"]
    max_length: Annotated[int, Field(ge=32)]  # of a window: question, special tokens and a part of the context
    max_question_length: Annotated[int, Field(ge=1)]  # longer questions are cut
    doc_stride: Annotated[int, Field(ge=0)]  # shared by neighbouring windows
    max_answer_length: Annotated[int, Field(ge=1)]
    n_best: Annotated[int, Field(ge=1)]  # candidate starts of an answer per window
    null_threshold: float

    @model_validator(mode="after")
    def _fits_together(self) -> SquadTask:
        reserved = self.max_question_length + self.doc_stride + 4  # RoBERTa's special tokens, the most of all families
        if reserved >= self.max_length:
            raise ValueError(
                f"max_length={self.max_length} leaves a window no room for new context: max_question_length="
                f"{self.max_question_length}, doc_stride={self.doc_stride} and 4 special tokens take {reserved}"
            )
        if self.null_threshold and not self.version_2:
            raise ValueError(
                f"null_threshold={self.null_threshold} is for squad_v2; every question of {self.name} has an answer"
            )
        return self


class ChoiceTask(_Strict):
    """Multiple choice: which of several endings continues a sentence and the beginning of the next."""

    family: Literal["choice"]
    name: Name
    label: str
    columns: list[str]  # the sentence, the beginning of the next, and the endings
    classes: Annotated[int, Field(ge=2)]  # endings
    headline: Literal["accuracy"]
    max_length: Annotated[int, Field(ge=8)]  # tokens of one ending with what comes before it


Task = GlueTask | SquadTask | ChoiceTask


class Full(_Strict):
    """Full fine-tuning: every weight is trained."""

    kind: Literal["full"]
    name: Name


class HeadAlone(_Strict):
    """Only the head is trained, on a frozen encoder: the baseline that an adapter should improve on."""

    kind: Literal["head"]
    name: Name


class _WithSites(_Strict):
    name: Name
    sites: Annotated[list[Site], Field(min_length=1)]  # [all]: every linear layer of the encoder

    @model_validator(mode="after")
    def _sites_are_distinct(self) -> _WithSites:
        if len(set(self.sites)) < len(self.sites) or ("all" in self.sites and len(self.sites) > 1):
            raise ValueError(f"sites={self.sites} should name each projection once, or be [all]")
        return self


class Gate(_WithSites):
    """The precursor's gate, see `ina.precursor`: all weights are trained, including the gate's."""

    kind: Literal["gate"]
    sites: Annotated[list[Literal["query", "key"]], Field(min_length=1)]
    layers: Annotated[int, Field(ge=1)] | None  # the last n layers; None, or more than the model has: all
    inhibition: Annotated[float, Field(ge=0, le=1)]
    activation: Activation


class _LowRank(_WithSites):
    r: Annotated[int, Field(ge=1)]
    alpha: Annotated[float, Field(gt=0)]
    dropout: Share


class Lora(_LowRank):
    """PEFT's LoRA at the given sites."""

    kind: Literal["lora"]


class Ina(_LowRank):
    """Inhibition adaptation; the settings are those of `ina.InaConfig`."""

    kind: Literal["ina"]
    scale: float | None
    inhibition: Annotated[float, Field(ge=0, le=1)]
    activation: Activation
    threshold: Literal["token", "tensor"]
    detach_threshold: bool

    @model_validator(mode="after")
    def _can_train(self) -> Ina:
        if self.inhibition == 1:  # the one case that the types above do not cover; importing InaConfig takes seconds
            from .adapter import InaConfig

            InaConfig(**self.model_dump(include=set(InaConfig.__dataclass_fields__)))
        return self


class Peft(_WithSites):
    """Any other method of PEFT: its config class and that class's arguments."""

    kind: Literal["peft"]
    label: str
    config: str  # such as LoraConfig
    arguments: dict[str, Any]  # without the modules, which follow from the sites

    @model_validator(mode="after")
    def _can_be_made(self) -> Peft:
        self.peft_config(target_modules=["query"], modules_to_save=["classifier"], task_type="SEQ_CLS")
        return self

    def peft_config(self, **arguments: Any) -> peft.PeftConfig:
        """The config of PEFT, with further arguments.

        Raises:
            ValueError: PEFT has no such class, or the class rejects an argument.
        """
        import peft

        config_class = getattr(peft, self.config, None)
        if not (isinstance(config_class, type) and issubclass(config_class, peft.PeftConfig)):
            raise ValueError(f"config={self.config}: peft has no such config class; LoraConfig is one")
        try:
            return config_class(**self.arguments, **arguments)
        except (TypeError, ValueError, ZeroDivisionError) as error:
            raise ValueError(f"{self.config} does not accept these arguments: {error}") from None


Method = Full | HeadAlone | Gate | Lora | Ina | Peft


class DataConfig(_Strict):
    """Where the examples come from."""

    source: Literal["auto", "files", "hub", "probe"]
    dir: str | None  # for files; None: the environment variable INA_DATA_DIR
    select: Annotated[float, Field(gt=0, lt=1)] | None = None  # share of the training rows to hold out for a search
    max_train: Annotated[int, Field(ge=1)] | None  # the same subset for every seed and method
    distractors: Distractors | None = None  # irrelevant sentences in a paragraph of SQuAD; None: 2 in the probe, else 0
    test_distractors: list[Distractors] | None = None  # extra dev sets that differ only in this number

    @model_validator(mode="after")
    def _fits_together(self) -> DataConfig:
        if self.dir and self.source in ("hub", "probe"):
            raise ValueError(f"dir={self.dir} has no meaning with data={self.source}; it is the folder of data=files")
        if self.select is not None and self.test_distractors:
            raise ValueError(
                f"select={self.select} evaluates on training rows only: leave out test_distractors="
                f"{self.test_distractors}"
            )
        return self


class TrainConfig(_Strict):
    """How a model is trained; `configs/run.yaml` explains the settings."""

    epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=1)]
    device_batch_size: Annotated[int, Field(ge=1)] | None
    eval_batch_size: Annotated[int, Field(ge=1)]
    learning_rate: Annotated[float, Field(gt=0)]
    schedule: Literal["linear", "cosine", "constant"]
    warmup_ratio: Share
    weight_decay: Annotated[float, Field(ge=0)]
    betas: Annotated[list[Share], Field(min_length=2, max_length=2)]
    epsilon: Annotated[float, Field(gt=0)]
    max_grad_norm: Annotated[float, Field(ge=0)]
    head_dropout: Share | None
    dtype: Literal["auto", "float32", "bfloat16"]
    tf32: bool
    gradient_checkpointing: bool
    compile: bool
    adapter_segment_ids: bool = False  # old records lack it
    fast: bool
    threads: Annotated[int, Field(ge=1)] | None
    start: Literal["mnli"] | None = None  # old records lack it

    @model_validator(mode="after")
    def _fits_together(self) -> TrainConfig:
        if self.device_batch_size and self.batch_size % min(self.batch_size, self.device_batch_size):
            raise ValueError(
                f"device_batch_size={self.device_batch_size} does not divide batch_size={self.batch_size}; "
                "the effective batch would change"
            )
        if self.schedule == "constant" and self.warmup_ratio:
            raise ValueError(f"schedule=constant has no warm-up: set warmup_ratio=0, not {self.warmup_ratio}")
        return self


class WandbConfig(_Strict):
    """Weights & Biases logging."""

    mode: Literal["disabled", "offline", "online"]
    project: str
    entity: str | None


class RunConfig(_Strict):
    """One run, fully specified."""

    model: ModelConfig
    task: Annotated[Task, Field(discriminator="family")]
    method: Annotated[Method, Field(discriminator="kind")]
    data: DataConfig
    train: TrainConfig
    wandb: WandbConfig
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    experiment: Name | None
    results_dir: str
    output_dir: str
    keep_model: bool

    @model_validator(mode="after")
    def _fits_together(self) -> RunConfig:
        for key in ("distractors", "test_distractors"):
            if (value := getattr(self.data, key)) is not None and self.task.family != "squad":
                raise ValueError(f"data.{key}={value} is for SQuAD's tasks; here the task is {self.task.name}")
        if self.train.start and (self.task.family != "glue" or self.task.name == self.train.start):
            raise ValueError(f"train.start={self.train.start} is for the other tasks of GLUE, not {self.task.name}")
        if self.model.quantization and self.method.kind in WITHOUT_PEFT:
            raise ValueError(
                f"model.quantization={self.model.quantization} is for adapters, not for method={self.method.name}"
            )
        if self.train.start and isinstance(self.method, HeadAlone):
            raise ValueError(
                f"train.start={self.train.start} has no effect on method={self.method.name}: the encoder stays frozen"
            )
        if self.train.head_dropout is not None and self.task.family == "squad":
            raise ValueError(
                f"train.head_dropout={self.train.head_dropout} is for classifiers; {self.task.name} has no such head"
            )
        adalora = isinstance(self.method, Peft) and self.method.config == "AdaLoraConfig"
        if adalora and self.task.family == "squad" and self.train.adapter_segment_ids:
            raise ValueError(
                "AdaLoRA on SQuAD needs train.adapter_segment_ids=false: the PEFT class that adds its regularisation "
                "to the loss drops token_type_ids"
            )
        scaled = isinstance(self.method, Ina) and self.method.scale is not None
        if scaled and "alpha" in self.method_changes(self.task.name):
            raise ValueError(f"method.alpha={self.method.alpha} has no effect if method.scale is set")
        return self

    @property
    def method_id(self) -> str:
        """The method's name, followed by its settings that differ from those in `configs` for this cell."""
        changed = self.method_changes(self.task.name)
        return "-".join([self.method.name, *(f"{key.split('.')[-1]}{_short(value)}" for key, value in changed.items())])

    def method_changes(self, task: str) -> dict[str, Any]:
        """The method's settings that differ from those in `configs` for a task, by dotted name."""
        defaults = _flat(default_settings(self.method.name, self.model.name, task))
        return {key: value for key, value in _flat(self.method.model_dump()).items() if value != defaults.get(key)}

    @property
    def cell(self) -> str:
        """``<model>--<task>--<method>``."""
        return f"{self.model.name}--{self.task.name}--{self.method_id}"

    @property
    def id(self) -> str:
        """``<model>--<task>--<method>--s<seed>``: the name of the run, its folder, its record and its table row.

        Trials of a search differ in settings that are not in the name. So a trial's id ends with a hash of the settings
        that can change its numbers, without data source, distractors and dtype.
        """
        if self.data.select is None:
            return f"{self.cell}--s{self.seed}"
        settings = fingerprint(fingerprint_settings(self.model_dump()))
        return f"{self.model.name}--{self.task.name}--{self.method.name}--s{self.seed}--{settings[:8]}"


@cache
def default_settings(method: str, model: str | None = None, task: str | None = None) -> dict[str, Any]:
    """The settings of a method in `configs/method` and, for a model and a task, in `configs/recipe`.

    Recipes read only `task.name`, so the config is composed for CoLA and the task renamed.

    Raises:
        ConfigError: There is no such method.
    """
    if method not in options("method"):
        raise ConfigError(f"method.name={method}: it must be the name of its file in configs/method or of its entry")
    known = [f"model={model}"] if model in options("model") else []
    composed = compose([f"method={method}", *known, "task=cola"])
    if task:
        composed.task.name = task
    return OmegaConf.to_container(composed.method, resolve=True)


def _flat(settings: dict[str, Any]) -> dict[str, Any]:
    arguments = {f"arguments.{key}": value for key, value in settings.get("arguments", {}).items()}
    return {key: value for key, value in settings.items() if key not in ("arguments", "label")} | arguments


def configured(overrides: list[str]) -> RunConfig:
    """The run that a command line describes.

    Raises:
        ConfigError: Settings are not valid; the message lists all problems, one per line.
    """
    own = [text for text in overrides if not text.startswith("hydra")]
    if any("$" in text for text in own):  # another setting may refer to the seed
        return check(_settings(*own))
    seeds = [text for text in own if text.startswith("seed=")]
    settings = _settings(*(text for text in own if text not in seeds))
    return check(settings | {parse(text).key_or_group: parse(text).value() for text in seeds})


@cache
def _settings(*overrides: str) -> dict[str, Any]:
    return resolved(compose(list(overrides)))


def check(cfg: DictConfig | dict[str, Any]) -> RunConfig:
    """Turn a composed config, from Hydra or as plain data, into a checked run.

    Raises:
        ConfigError: Settings are not valid; the message lists all problems, one per line.
    """
    try:
        return RunConfig.model_validate(resolved(cfg) if isinstance(cfg, DictConfig) else cfg)
    except ValidationError as error:
        problems = [_problem_text(problem) for problem in error.errors()]
        raise ConfigError("the settings of this run are not valid:\n" + "\n".join(problems)) from None


def _problem_text(problem: dict[str, Any]) -> str:
    # pydantic adds the tag of a union ("glue", "ina", …) to the path of an error; it is not a key
    tags = {"glue", "squad", "choice", *WITHOUT_PEFT, "lora", "ina", "peft"}
    key = ".".join(str(part) for part in problem["loc"] if part not in tags)
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] in ("extra_forbidden", "missing"):
        message = {"extra_forbidden": "there is no such setting", "missing": "is missing"}[problem["type"]]
        return f"  {key}: {message}"
    if problem["type"] == "union_tag_not_found":
        tag = problem["ctx"]["discriminator"].strip("'")
        hint = " (a file of configs/method begins with # @package _global_)" * (key == "method")
        return f"  {key}.{tag}: is missing{hint}"
    value = problem["input"]
    if value == "???":
        return f"  {key}: is missing"
    if isinstance(value, dict | BaseModel):
        return f"  {key}: {message}" if key else f"  {message}"
    return f"  {key}={value!r}: {message}"


def _short(value: Any) -> str:
    if isinstance(value, list):
        return "+".join(map(_short, value))
    return "none" if value is None else re.sub(r"[^\w.+-]", "_", str(value).lower())  # it is part of a file's name
