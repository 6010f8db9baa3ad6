"""The rows of the GLUE and SWAG tasks. Each function makes the rows of one filled template; they stay together.

The files in `texts` explain how their templates are written. Labels are balanced, and neither single words nor the
number of words that two texts share give them away.
"""

import re
from itertools import combinations, permutations

from ina.data.probe.template import CHOICE, Draw, Row, about_something_else, bind, fill, phenomena

OPPOSITE = {"good": "bad", "joy": "mess", "charm": "bore"}
OPPOSITE |= {bad: good for good, bad in OPPOSITE.items()}
"""Classes of words of praise, each with the class of the opposite blame, and vice versa."""

CHANGE = re.compile(r"(\w+)(<?)>(\w+)")

_, ADDITION = phenomena("asides")

UNRELATED = 8
"""Number of candidates for the sentence with a similarity of 0."""


def acceptable(template: list[str], draw: Draw, split: str) -> list[Row]:
    """CoLA, is this acceptable English: the acceptable and the unacceptable sentence of a template."""
    bound = bind(template, draw, split)
    return [{"sentence": fill(CHOICE.sub(rf"\{member}", template[0]), bound), "label": 2 - member} for member in (1, 2)]


def reviews(template: list[str], draw: Draw, split: str) -> list[Row]:
    """SST-2, does this sentence of a review praise or blame: one of blame (label 0) and one of praise."""
    if len(template) == 2:
        praise, blame = template
    else:
        sign, text = template[0].split(None, 1)
        mirrored = re.sub(r"\{([a-z]+)", lambda slot: "{" + OPPOSITE.get(slot[1], slot[1]), text)
        praise, blame = (text, mirrored) if sign == "+" else (mirrored, text)
    return [
        {"sentence": fill(text, bind([text], draw, split)), "label": label}
        for label, text in enumerate((blame, praise))
    ]


def paraphrases(template: list[str], draw: Draw, split: str, columns: tuple[str, str]) -> list[Row]:
    """MRPC and QQP, same meaning or not: a paraphrase and, with the same first sentence, a near-paraphrase.

    A paraphrase says the same thing in another way. In a near-paraphrase one word is replaced or two words are swapped.
    Swaps are hard to see, so half of the templates that swap words replace one instead.
    """
    changes, *ways = template
    bound = bind([CHANGE.sub(r"{\1}{\3}", changes), *ways], draw, split)
    swaps = "<" in changes
    if swaps and draw.below(2):
        swaps, changed = False, about_something_else(ways, bound, draw, split)
    else:
        changed = dict(bound)
        for slot, swap, other in CHANGE.findall(changes):
            changed[slot], changed[other] = changed[other], changed[slot] if swap else changed[other]
    binding, other_binding = draw.shuffled((bound, changed))
    first, second = draw.sample(ways, 2)
    # A replaced word lowers the overlap, a swap does not. To keep the overlap uninformative, one in four of the
    # sentences with a replaced word keeps its wording.
    other = first if not swaps and not draw.below(4) else second
    texts = [fill(first, binding), fill(second, binding), fill(other, other_binding)]
    return [{columns[0]: texts[0], columns[1]: texts[2 - label], "label": label} for label in (1, 0)]


def hypotheses(template: list[str], draw: Draw, split: str) -> list[Row]:
    """MNLI, does the first text entail the second: one premise with a hypothesis of each class."""
    bound = bind(template, draw, split)
    premise, *others = (fill(text, bound) for text in template)
    return [{"premise": premise, "hypothesis": text, "label": label} for label, text in enumerate(others)]


def entailed_or_not(template: list[str], draw: Draw, split: str) -> list[Row]:
    """RTE: a premise with an irrelevant sentence; one row with an entailed hypothesis, one with a wrong hypothesis.

    The wrong one is the neutral or the contradicted hypothesis, or the entailed one about something else.
    """
    premise, entailed, neutral, contradicted = template
    [addition] = draw.choice(ADDITION.templates(split))
    bound = bind([*template, addition], draw, split)
    text = " ".join(draw.shuffled([fill(premise, bound), fill(addition, bound)]))
    wrong = (draw.choice((neutral, contradicted)), bound)
    if draw.below(2):
        wrong = (entailed, about_something_else((premise, entailed), bound, draw, split))
    return [
        {"sentence1": text, "sentence2": hypothesis, "label": label}
        for label, hypothesis in enumerate((fill(entailed, bound), fill(*wrong)))
    ]


def answers(template: list[str], draw: Draw, split: str) -> list[Row]:
    """QNLI, does this sentence answer this question: two questions, each with a right answer (label 0) and a wrong one.

    The wrong one is the other question's, or the right one about something else.
    """
    bound = bind(template, draw, split)
    pairs = template[:2], template[2:]
    rows = []
    for (question, answer), (_, elsewhere) in (pairs, pairs[::-1]):
        wrong = (elsewhere, bound)
        if draw.below(2):
            wrong = (answer, about_something_else((question, answer), bound, draw, split))
        for label, sentence in enumerate((fill(answer, bound), fill(*wrong))):
            rows.append({"question": fill(question, bound), "sentence": sentence, "label": label})
    return rows


def readings(template: list[str], draw: Draw, split: str) -> list[Row]:
    """WNLI, whom or what does the pronoun mean: both wordings, each with a true statement (label 1) and a false one.

    A small model learns neither grammar nor the world from so few rows, so half of the false statements are about
    somebody or something that is not in the sentence.
    """
    bound = bind(template, draw, split)
    rows = []
    for wording in (1, 2):
        sentence, *said = (CHOICE.sub(rf"\{wording}", text) for text in template)
        so, not_so = said[wording - 1], said[2 - wording]
        wrong = (not_so, about_something_else((sentence, not_so), bound, draw, split) if draw.below(2) else bound)
        for label, text in enumerate((fill(*wrong), fill(so, bound))):
            rows.append({"sentence1": fill(sentence, bound), "sentence2": text, "label": label})
    return rows


def similar(template: list[str], draw: Draw, split: str) -> list[Row]:
    """STS-B, how similar are two sentences: a pair of each score of the STS annotation guideline.

    5  the same, in other words
    4  the same but for an unimportant detail: an adjective, an adverb, the time
    3  roughly the same, but something important is different: who, what, how many, where, up or down
    2  not the same, but it shares the persons and the setting
    1  not the same, but on the same topic
    0  on different topics, though possibly about the same person or place

    Pairs are chosen so that word overlap says little about the score. For 5 and 4 they are the pairs with the least
    overlap, for 3 the wording is the same, and for 1 and 0 they are the pairs with the most overlap.
    """
    changes, *ways, shared, topic = template
    groups = [phenomenon.templates(split) for phenomenon in phenomena("stsb")]
    others = [other for templates in groups if template not in templates for other in templates]
    unrelated = draw.sample([way for other in others for way in other[1:-2]], UNRELATED)
    bound = bind([CHANGE.sub(r"{\1}{\3}", changes), *template[1:], *unrelated], draw, split)
    detail, important = (bound | {slot: bound[other]} for slot, _, other in CHANGE.findall(changes))
    shuffled = draw.shuffled(ways)
    said, with_detail, with_important = (
        [fill(way, binding) for way in shuffled] for binding in (bound, detail, important)
    )
    pairs = [
        min(combinations(said, 2), key=_overlap),
        min(((said[i], with_detail[j]) for i, j in permutations(range(len(said)), 2)), key=_overlap),
        (said[0], with_important[0]),
        (fill(ways[0], bound), fill(shared, bound)),
        max(((way, fill(topic, bound)) for way in said), key=_overlap),
        max(((said[0], fill(way, bound)) for way in unrelated), key=_overlap),
    ]
    shown = [(score, *draw.shuffled(pair)) for score, pair in zip((5.0, 4.0, 3.0, 2.0, 1.0, 0.0), pairs, strict=True)]
    return [{"sentence1": first, "sentence2": second, "label": score} for score, first, second in shown]


def _overlap(pair: tuple[str, str]) -> float:
    """Jaccard index of the words of two sentences."""
    one, two = (set(re.findall(r"\w+", text.lower())) for text in pair)
    return len(one & two) / len(one | two)


def continuations(template: list[str], draw: Draw, split: str) -> list[Row]:
    """SWAG, what comes next: one row for each of four scenes.

    All rows have the same four endings, and the right one has a different place in each row. So neither an ending nor
    its place gives the label away.
    """
    beginning, *scenes = template
    firsts, endings = zip(*(scene.split(" > ") for scene in scenes), strict=True)
    bound = bind([beginning, *firsts, *endings], draw, split)
    endings = [fill(text, bound) for text in endings]
    endings = [text[0].lower() + text[1:] for text in endings]
    rows = []
    for right, label in enumerate(draw.shuffled(range(len(scenes)))):
        order = draw.shuffled([choice for choice in range(len(scenes)) if choice != right])
        order.insert(label, right)
        columns = {f"ending{place}": endings[choice] for place, choice in enumerate(order)}
        rows.append({"sent1": fill(firsts[right], bound), "sent2": fill(beginning, bound), **columns, "label": label})
    return rows
