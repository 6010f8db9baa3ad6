"""The model card of a saved adapter, which tells whoever finds the folder what it needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from huggingface_hub import ModelCard, ModelCardData

if TYPE_CHECKING:
    from .config import InaConfig

BEGIN, END = "<!-- written by ina -->", "<!-- end of what ina has written -->"
_TEMPLATE = "# Model Card for Model ID"  # PEFT's card before anybody has written into it
_SETTINGS = ("r", "alpha", "scale", "dropout", "inhibition", "activation", "threshold", "detach_threshold")


def write_card(config: InaConfig, folder: str | Path) -> None:
    """Write README.md in `folder`. PEFT's metadata at its top and text written by others are kept."""
    file = Path(folder) / "README.md"
    card = ModelCard.load(file) if file.exists() else ModelCard(f"---\n{ModelCardData(library_name='peft')}\n---\n")
    card.data["tags"] = sorted({*(card.data.get("tags") or []), "peft", "ina"})
    before, begun, rest = card.text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    blank = not card.text.strip() or _is_blank(card.text)
    if blank or _TEMPLATE in card.text or (begun and ended):
        targets = config.target_modules
        named = targets if isinstance(targets, str) else ", ".join(sorted(targets or ()))
        named = named.replace("|", "\\|")  # it would end the cell
        rows = [f"| `{name}` | {getattr(config, name)} |" for name in _SETTINGS] + [f"| `target_modules` | {named} |"]
        base = config.base_model_name_or_path or "<the base model>"
        text = _TEXT.replace("BASE", base).replace("SETTINGS", "\n".join(rows))
        around = ("\n", "\n") if blank else (before, after)  # without our block `after` is empty: the text is appended
        card.text = text.join((around[0] + BEGIN, END + around[1]))
    card.save(file)


def _is_blank(text: str) -> bool:
    """Whether a card is PEFT's template, and nobody has written into it."""
    template = {*ModelCard.from_template(ModelCardData()).text.splitlines(), "### Framework versions"}
    return all(line in template or "PEFT" in line or not line.strip() for line in text.splitlines())


_TEXT = """
# InA adapter

An adapter of BASE, trained by inhibition adaptation (InA; Kang et al., Neural Networks 178 (2024) 106410,
[doi](https://doi.org/10.1016/j.neunet.2024.106410)). Like LoRA, InA adds a low-rank path to frozen projections; between
its two factors a gate inhibits the rank components of a token that are small compared with its largest: `y = x W + s *
f(Z - inhibition * max(Z)) W_up` with `Z = x W_down`. It cannot be merged into the base weights.

| setting | value |
|---|---|
SETTINGS

## How to load it

Install the package `ina` beside PEFT and import it: that makes InA known to PEFT. Without it PEFT ends in
`KeyError: 'INA'`.

```python
import ina  # before PEFT opens the adapter
from peft import PeftModel

model = PeftModel.from_pretrained(base_model, "<this folder>")
```
"""
