"""STS-B's task: how similar are two sentences, from 0 to 5? The scores are those of the STS annotation guideline:

5  the same, in other words
4  the same but for an unimportant detail: an adjective, an adverb, the time
3  roughly the same, but something important is different: who, what, how many, where, up or down
2  not the same, but it shares the persons and the setting
1  not the same, but on the same topic
0  on different topics, though possibly about the same person or place

A scene is `detail>detail2 important>important2 | way | way | way | shares persons and setting | same topic`: the ways
say the same, and putting the second word for the first changes them by an unimportant or an important detail.
"""

import re
from itertools import combinations, permutations
from typing import NamedTuple

from ina.data.probe.template import Draw, Row, bind, fill, phenomena

UNRELATED = 8
"""Sentences on other topics from which the one for score 0 is taken."""


class Scene(NamedTuple):
    detail: tuple[str, str]
    important: tuple[str, str]
    ways: list[str]
    shared: str
    topic: str


def scene(text: str) -> Scene:
    head, *ways, shared, topic = text.split(" | ")
    detail, important = (tuple(change.split(">")) for change in head.split())
    return Scene(detail, important, ways, shared, topic)


SCENES = phenomena("stsb", scene)


def graded(scene: Scene, draw: Draw, split: str) -> list[Row]:
    """A pair of each score from 5 to 0.

    So that the number of common words says less than it could: pairs that agree are worded as differently as the scene
    allows, those that differ in something important alike, and pairs on other topics are the most alike of a few.
    """
    slots = "".join(f"{{{slot}}}" for change in (scene.detail, scene.important) for slot in change)
    other_topics = [phenomenon for phenomenon in SCENES if scene not in phenomenon.templates(split)]
    elsewhere = [way for phenomenon in other_topics for other in phenomenon.templates(split) for way in other.ways]
    unrelated = draw.sample(elsewhere, UNRELATED)
    bound = bind([slots, *scene.ways, scene.shared, scene.topic, *unrelated], draw, split)
    detail, important = (bound | {slot: bound[other]} for slot, other in (scene.detail, scene.important))
    ways = draw.shuffled(scene.ways)
    said, with_detail, with_important = ([fill(way, to) for way in ways] for to in (bound, detail, important))
    pairs = [
        min(combinations(said, 2), key=overlap),
        min(((said[one], with_detail[two]) for one, two in permutations(range(len(ways)), 2)), key=overlap),
        (said[0], with_important[0]),
        (fill(scene.ways[0], bound), fill(scene.shared, bound)),
        max(((way, fill(scene.topic, bound)) for way in said), key=overlap),
        max(((said[0], fill(way, bound)) for way in unrelated), key=overlap),
    ]
    rows = []
    for score, pair in zip((5.0, 4.0, 3.0, 2.0, 1.0, 0.0), pairs, strict=True):
        one, two = draw.shuffled(pair)
        rows.append({"sentence1": one, "sentence2": two, "label": score})
    return rows


def overlap(pair: tuple[str, str]) -> float:
    """Words common to both sentences over words in either."""
    one, two = (set(re.findall(r"\w+", text.lower())) for text in pair)
    return len(one & two) / len(one | two)
