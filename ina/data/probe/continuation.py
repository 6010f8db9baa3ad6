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


SCENES = phenomena(
    """
what people do next
    train  Then she | {ann} notices that the plants in the {room} are dry. > fetches water and pours it on the soil.
           | {ann} hears a knock at the door of the {room}. > gets up and lets the visitor in.
           | {ann} finds that it is dark in the {room}. > looks for the switch and turns on the light.
           | {ann} sees smoke coming out of the {room}. > calls the fire brigade and runs outside.
    train  Then he | {bob} comes home from the {building} with wet hair. > dries himself with a towel.
           | {bob} comes home from the {building} very hungry. > warms up some {dish} and eats it.
           | {bob} comes home from the {building} with a letter. > opens the envelope and reads it.
           | {bob} comes home from the {building} very tired. > goes to bed and falls asleep.
    train  After that she | {ann} drops a {vessel} on the floor of the {room}. > sweeps up the pieces.
           | {ann} spills milk on the table in the {room}. > wipes it off with a cloth.
           | {ann} feels cold in the {room}. > puts on a pullover and closes the window.
           | {ann} cuts her finger in the {room}. > sticks a plaster on it.
    dev    So he | {bob} gets on the {bus} to {city} without a ticket. > buys one from the conductor.
           | {bob} sees on the {bus} to {city} that his shoe is open. > bends down and ties the lace.
           | {bob} is thirsty on the {bus} to {city}. > takes a bottle from his bag and drinks.
           | {bob} sees an old lady standing on the {bus} to {city}. > offers her his seat.
    dev    Now she | {ann} has forgotten the key of the {building}. > rings the bell and waits for somebody to open.
           | {ann} has won a prize at the {building}. > laughs and thanks the jury.
           | {ann} has lost her dog near the {building}. > calls its name and looks behind every tree.
           | {ann} has missed the bus to the {building}. > looks up when the next one leaves.
what people use
    train  Then he | {bob} takes a {object} and a sheet of wrapping paper from the {container}. > wraps up the present.
           | {bob} takes a hammer and some nails from the {container}. > puts up a shelf on the wall.
           | {bob} takes a brush and some paint from the {container}. > gives the fence a new colour.
           | {bob} takes a needle and some thread from the {container}. > sews the button on his coat.
    train  Next she | {ann} puts a pan on the stove for {name}. > fries two eggs in it.
           | {ann} puts an iron on the board for {name}. > presses the creases out of a shirt.
           | {ann} puts a needle on the record for {name}. > listens to the music with closed eyes.
           | {ann} puts a stamp on the postcard for {name}. > drops it into the letter box.
    train  A little later he | {bob} sharpens a pencil on {day}. > makes a drawing of the {building}.
           | {bob} pumps up the tyres on {day}. > cycles to the {building}.
           | {bob} loads the camera on {day}. > takes a photograph of the {building}.
           | {bob} packs a rucksack on {day}. > sets off on foot for the {building}.
    dev    Then she | {ann} picks up a rake in front of the {building}. > gathers the fallen leaves into a heap.
           | {ann} picks up a shovel in front of the {building}. > digs a hole for the young tree.
           | {ann} picks up a fishing rod in front of the {building}. > casts the line into the pond.
           | {ann} picks up a torch in front of the {building}. > shines it into the dark cellar.
    dev    Next he | {bob} hands {ann} a menu. > asks what she would like to eat.
           | {bob} hands {ann} a map. > explains the way to the station.
           | {bob} hands {ann} a racket. > serves the first ball over the net.
           | {bob} hands {ann} an umbrella. > says that it is going to rain.
what happens to things
    train  A moment later it | The {vessel} rolls over the edge of the table in the {room}. > breaks on the floor.
           | The kettle on the stove in the {room} gets hotter and hotter. > begins to whistle.
           | The candle in the {room} stands in the wind. > flickers and goes out.
           | The balloon in the {room} touches a needle. > bursts with a bang.
    train  By the evening it | The snowman in front of the {building} stands in the sun. > has turned into water.
           | The rope in front of the {building} carries too much. > has torn in the middle.
           | The bread in front of the {building} lies among the pigeons. > has been eaten to the last crumb.
           | The paint on the door of the {building} was still wet. > has dried and does not stick any more.
    train  After an hour it | The dough for {name} stands in a warm place. > has risen to twice its size.
           | The battery of {name} is on the charger. > is full and the lamp turns green.
           | The washing of {name} hangs in the sun. > is dry and smells fresh.
           | The soup for {name} has stood in the freezer. > is hard and cold as ice.
    dev    Soon it | The car of {name} stops in front of the red light. > moves on when the light turns green.
           | The boat of {name} has a hole in the bottom. > fills up and sinks.
           | The kite of {name} catches the wind. > rises high above the trees.
           | The clock of {name} shows one minute to twelve. > strikes the hour.
    dev    In the end it | The ice on the lake near {city} gets thinner every day. > cracks under the skater.
           | The bridge near {city} is painted by twenty men. > shines in a bright new colour.
           | The old tree near {city} is sawn from both sides. > falls over with a crash.
           | The fire near {city} gets no more wood. > dies down to a heap of ashes.
what animals do
    train  At once it | The dog of {name} sees a cat on the wall of the {building}. > barks and jumps up at it.
           | The dog of {name} hears the word walk at the {building}. > fetches its lead and wags its tail.
           | The dog of {name} finds a bone behind the {building}. > carries it off and gnaws at it.
           | The dog of {name} comes out of the river near the {building}. > shakes the water out of its fur.
    train  Then it | The cat of {name} finds the box in the {room} empty. > climbs in and curls up.
           | The cat of {name} hears a mouse in the {room}. > crouches and waits in front of the hole.
           | The cat of {name} has its bowl filled in the {room}. > eats until nothing is left.
           | The cat of {name} meets a strange dog in the {room}. > arches its back and hisses.
    dev    Straight away it | The horse of {name} comes to a fence near {city}. > leaps over the top bar.
           | The horse of {name} is offered an apple near {city}. > takes it from the hand and chews.
           | The horse of {name} gets to the stream near {city}. > lowers its head and drinks.
           | The horse of {name} feels a fly on its back near {city}. > swishes its tail.
""",
    _scenes,
)


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
