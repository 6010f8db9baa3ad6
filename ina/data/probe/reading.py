"""SQuAD's task: a paragraph of facts, questions that it answers or (v2) does not, and a chosen number of distractors.

A distractor states the kind of fact that is asked for, but about something else ("I put my red bag in the black bag":
the black bag does not matter if the question is about the red one). It never changes the story: a paragraph with few
distractors is the one with many, minus some sentences. So the same question can be compared at every level.
"""

import re

from ina.data.probe.template import SLOT, Draw, Row, bind, fill, phenomena

DISTRACTORS = {kind.name: kind for kind in phenomena("squad_distractors")}

OPENING, _ = phenomena("asides")


def answerable(story: list[str], draw: Draw, split: str) -> list[Row]:
    """One row per question that the facts answer (v1); `place` adds the paragraph."""
    facts, *questions_and_slots, impossible = story
    [opening] = draw.choice(OPENING.templates(split))
    bound = bind([opening, facts, *questions_and_slots[::2], impossible], draw, split)
    row = {"opening": fill(opening, bound), "facts": fill(facts, bound), "bound": bound}
    return [
        row | {"asked": question, "question": fill(question, bound), "answer": bound[slot][""]}
        for question, slot in zip(questions_and_slots[::2], questions_and_slots[1::2], strict=True)
    ]


def answerable_or_not(story: list[str], draw: Draw, split: str) -> list[Row]:
    """Two rows with the same facts: a question that they answer, and one that they do not answer (v2)."""
    row = draw.choice(answerable(story, draw, split))
    return [row, row | {"asked": story[-1], "question": fill(story[-1], row["bound"]), "answer": None}]


def place(row: Row, draw: Draw, split: str, level: int) -> Row:
    """The SQuAD columns of a row; the paragraph has `level` distractors, each before or after the facts."""
    front, back = [row["opening"]], [row["facts"]]
    used = {word[""] for word in row["bound"].values()}
    for _ in range(level):
        draw.choice((front, back)).append(distractor(row, draw, split, used))
    lead = " ".join(front) + " "
    answers = [row["answer"]] if row["answer"] else []
    starts = [len(lead) + re.search(rf"\b{answer}\b", row["facts"]).start() for answer in answers]
    return {
        "title": row["phenomenon"],
        "context": lead + " ".join(back),
        "question": row["question"],
        "answers": {"text": answers, "answer_start": starts},
    }


def distractor(row: Row, draw: Draw, split: str, used: set[str]) -> str:
    """A fact of the kind that is asked for, about something else. Its names and things are added to `used`.

    It may share one word with the question if it differs in another ("Anna's bag", "Ben's bag").
    """
    [template] = draw.choice(DISTRACTORS[row["phenomenon"]].templates(split))
    question_words = {name: row["bound"][name + index] for name, index, _ in SLOT.findall(row["asked"])}
    sharable = [name for name, _, _ in SLOT.findall(template) if name in question_words]
    shared = [draw.choice(sharable)] if len(sharable) > 1 and draw.below(2) else []
    bound = bind([template], draw, split, {name: question_words[name] for name in shared}, used)
    used |= {bound[name][""] for name in ("name", "object", "ware") if name in bound}
    return fill(template, bound)
