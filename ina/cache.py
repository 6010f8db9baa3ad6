"""Model inputs on disk, so that the next run on the same data with the same tokenizer and lengths starts at once."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import tokenizers
import transformers
from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from .record import write_atomically

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cache:
    """Where the features of one task's data are kept, one Parquet file a split. The folder may be deleted at any time.

    folder: None keeps nothing
    data: fingerprint of the content of all splits, `TaskData.fingerprint`
    """

    folder: Path | None
    data: str

    def features(
        self,
        build: Callable[..., Dataset],
        split: str,
        rows: Dataset,
        tokenizer: PreTrainedTokenizerBase,
        **settings: Any,
    ) -> Dataset:
        """``build(rows, tokenizer, **settings)``, from disk if it was built before.

        `rows` are all rows of `split`. The file is named by a hash of everything the features can depend on: data and
        split, the tokenizer's vocabulary and rules, the settings, the source code of the module that holds `build`, and
        the versions of the tokenizing libraries. A damaged file is built again, with a warning. Processes may build the
        same features at the same time: each writes a file of its own and moves it to its place when it is whole.
        """
        if self.folder is None:
            return build(rows, tokenizer, **settings)
        key = {
            "data": [self.data, split, len(rows)],
            "tokenizer": _state(tokenizer),
            "settings": settings,
            "code": [build.__name__, _source(inspect.getfile(build))],
            "versions": [tokenizers.__version__, transformers.__version__],
        }
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        path = self.folder / f"{digest[:32]}.parquet"
        if path.is_file():
            try:
                return Dataset(pq.read_table(path, page_checksum_verification=True), fingerprint=digest[:16])
            except (OSError, ValueError, pa.ArrowException) as error:
                logger.warning("%s is damaged and will be built again: %s", path, str(error).splitlines()[0])
        built = build(rows, tokenizer, **settings)
        table = built.with_format("arrow")[:]
        write_atomically(path, lambda file: pq.write_table(table, file, compression="zstd", write_page_checksum=True))
        return built


NO_CACHE = Cache(None, "")


@functools.cache  # what this process imported, even if the file is edited while a sweep runs
def _source(file: str) -> str:
    return Path(file).read_text(encoding="utf-8")


def _state(tokenizer: PreTrainedTokenizerBase) -> list[Any]:
    """Vocabulary and rules, without the lengths of the call before, which the tokenizer keeps too."""
    rules = json.loads(tokenizer.backend_tokenizer.to_str())
    del rules["truncation"], rules["padding"]
    return [rules, tokenizer.special_tokens_map, tokenizer.model_input_names, tokenizer.truncation_side]
