"""The model card of a saved adapter, which tells whoever finds the folder what it needs."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import ModelCard, ModelCardData

_TITLE = "# InA adapter"
_TEMPLATE = "# Model Card for Model ID"  # the title of PEFT's card, before anybody has given it one


def write_card(folder: str | Path, base: str | None) -> None:
    """Write README.md in `folder`, or add to PEFT's; one that somebody else has written gets the tags alone.

    Args:
        folder: Of the adapter.
        base: The name of the base model.
    """
    file = Path(folder) / "README.md"
    card = ModelCard.load(file) if file.exists() else ModelCard(f"---\n{ModelCardData(library_name='peft')}\n---\n")
    card.data["tags"] = sorted({*(card.data.get("tags") or []), "peft", "ina"})
    if _TITLE not in card.text and (_TEMPLATE in card.text or not card.text.strip()):
        card.text = _TEXT.replace("BASE", base or "<the base model>") + card.text
    card.save(file)


_TEXT = f"""
{_TITLE}

An adapter of BASE, trained by inhibition adaptation (InA; Kang et al., Neural Networks 178 (2024) 106410,
[doi](https://doi.org/10.1016/j.neunet.2024.106410)). Like LoRA, InA adds a low-rank path to frozen projections; between
its two factors a gate inhibits the rank components of a token that are small compared with its largest: `y = x W + s *
f(Z - inhibition * max(Z)) W_up` with `Z = x W_down`. It cannot be merged into the base weights. `adapter_config.json`
has its settings.

## How to load it

Install the package `ina` beside PEFT and import it: this registers InA with PEFT. Without it PEFT raises
`KeyError: 'INA'`.

```python
import ina  # before PEFT opens the adapter
from peft import PeftModel

model = PeftModel.from_pretrained(base_model, "<this folder>")
```

"""
