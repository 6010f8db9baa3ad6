"""CoLA's task: is this sentence acceptable English? Minimal pairs `[acceptable|unacceptable]`, both in the same split.

No single word gives the label away: either the two members differ in order alone, or what is right in one frame is
wrong in another frame of the same phenomenon and split.
"""

from ina.data.probe.template import CHOICE, Draw, Row, bind, fill, phenomena

PHENOMENA = phenomena("cola")


def pair(template: str, draw: Draw, split: str) -> list[Row]:
    """The acceptable and the unacceptable sentence of a template."""
    bound = bind([template], draw, split)
    return [{"sentence": fill(CHOICE.sub(rf"\{member}", template), bound), "label": 2 - member} for member in (1, 2)]
