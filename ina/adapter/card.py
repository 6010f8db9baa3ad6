"""The model card of a saved adapter: what the adapter is and how to load it."""

from __future__ import annotations

import warnings
from pathlib import Path

from huggingface_hub import ModelCard, ModelCardData

_TITLE = "# InA adapter"
_TEMPLATE = "# Model Card for Model ID"  # the title in PEFT's card template


def write_card(folder: str | Path, base: str | None) -> None:
    """Write README.md in `folder`, or extend the template that PEFT wrote. A card with another title only gets tags.

    A card that cannot be read stays as it is, with a warning: an error would keep PEFT from saving further adapters.

    Args:
        folder: The adapter's folder.
        base: The name of the base model.
    """
    file = Path(folder) / "README.md"
    try:
        card = ModelCard.load(file) if file.exists() else ModelCard(f"---\n{ModelCardData(library_name='peft')}\n---\n")
    except Exception as error:  # errors of YAML and of the encoding share no other base class
        warnings.warn(f"{file} stays as it is, because it is not a valid model card: {error}", stacklevel=2)
        return
    card.data["tags"] = sorted({*(card.data.get("tags") or []), "peft", "ina"})
    if _TITLE not in card.text and (_TEMPLATE in card.text or not card.text.strip()):
        card.text = _TEXT.replace("BASE", base or "<the base model>") + card.text
    card.save(file)


_TEXT = f"""
{_TITLE}

An adapter for BASE, trained with inhibition adaptation (InA; Kang et al., Neural Networks 178 (2024) 106410,
[doi](https://doi.org/10.1016/j.neunet.2024.106410)). Like LoRA, InA adds a low-rank path to frozen projections. A gate
between the two factors inhibits the rank components that are small compared with the token's largest: `y = x W + s *
f(Z - inhibition * max(Z)) W_up` with `Z = x W_down`. The adapter cannot be merged into the base weights. Its settings
are in `adapter_config.json`.

## How to load it

Install the package `ina` and import it. This registers InA with PEFT, which otherwise raises
`KeyError: 'INA'`.

```python
import ina  # before PEFT opens the adapter
from peft import PeftModel

model = PeftModel.from_pretrained(base_model, "<this folder>")
```

"""
