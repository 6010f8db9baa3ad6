"""SWAG's task: what comes next? Four scenes of one kind, each with its own ending, which is wrong for the other three.

A group of scenes is `beginning of the second sentence | first sentence > its ending | ...`, four of them. It gives four
rows with the same four endings, each in another place, so neither an ending nor its place gives the label away.
"""

from typing import NamedTuple

from ina.data.probe.template import Draw, Row, bind, fill, phenomena

CHOICES = 4


class Scenes(NamedTuple):
    beginning: str
    firsts: tuple[str, ...]
    endings: tuple[str, ...]


def _scenes(text: str) -> Scenes:
    beginning, *scenes = text.split(" | ")
    firsts, endings = zip(*(scene.split(" > ") for scene in scenes), strict=True)
    assert len(scenes) == CHOICES, text
    return Scenes(beginning, firsts, endings)


SCENES = phenomena("swag", _scenes)


def groups(scenes: Scenes, draw: Draw, split: str) -> list[Row]:
    """A row for each scene, its ending in another place in each."""
    bound = bind([scenes.beginning, *scenes.firsts, *scenes.endings], draw, split)
    beginning, firsts, endings = (
        fill(scenes.beginning, bound),
        [fill(text, bound) for text in scenes.firsts],
        [_lower(fill(text, bound)) for text in scenes.endings],
    )
    rows = []
    for right, label in enumerate(draw.shuffled(range(CHOICES))):
        order = draw.shuffled([choice for choice in range(CHOICES) if choice != right])
        order.insert(label, right)
        columns = {f"ending{place}": endings[choice] for place, choice in enumerate(order)}
        rows.append({"sent1": firsts[right], "sent2": beginning, **columns, "label": label})
    return rows


def _lower(text: str) -> str:
    return text[0].lower() + text[1:]
