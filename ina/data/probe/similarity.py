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


SCENES = phenomena(
    """
music
    train  state>state2 instrument>instrument2 | A {man} is playing a {state} {instrument} in the {room}.
           | In the {room}, music is being made by a {man} on a {state} {instrument}.
           | In the {room} there is a {man} who plays a {state} {instrument}.
           | In the {room}, a {man} is carrying a {state} {instrument} up the stairs.
           | A {woman} is teaching a new song in the school.
    train  day>day2 number>number2 | On {day}, {number} singers gave a concert in the {building}.
           | A concert was given in the {building} by {number} singers on {day}.
           | The {building} was the place where {number} singers could be heard on {day}.
           | On {day}, {number} singers had lunch in the {building}.
           | On {day2}, {name} gave a lesson on the {instrument} in the cellar.
    dev    mood>mood2 instrument>instrument2 | The {mood} {woman} teaches her {brother} to play the {instrument}.
           | The {instrument} is what the {mood} {woman} is teaching her {brother} to play.
           | Her {brother} learns to play the {instrument} from the {mood} {woman}.
           | The {mood} {woman} and her {brother} want to sell the {instrument}.
           | The orchestra has nobody to play the {instrument2} in {month}.
cooking
    train  state>state2 dish>dish2 | A {woman} is making a {dish} in a {state} pan.
           | A {dish} is being cooked in a {state} pan by a {woman}. | In a {state} pan, a {woman} prepares a {dish}.
           | A {woman} is throwing a {dish} and a {state} pan away. | A {man} is putting salt into a {dish2}.
    train  quick>quick2 food>food2 | The {person} {quick.adverb} cut the {food} with a knife.
           | The {food} was {quick.adverb} cut into pieces by the {person}.
           | With a knife, the {person} {quick.adverb} sliced the {food}.
           | Knife in hand, the {person} {quick.adverb} left without the {food}.
           | The bread was cut and eaten with a bowl of soup.
    dev    day>day2 number>number2 | On {day}, {name} served {number} guests a {dish}.
           | A {dish} was what {number} guests got from {name} on {day}.
           | {name} gave {number} guests a {dish} to eat on {day}.
           | On {day}, {name} hid a {dish} from {number} guests.
           | A {dish2} was what the cook got from the oven on {day2}.
animals
    train  fur>fur2 animal>animal2 | A {fur} {animal} is sleeping under the table in the {room}.
           | Under the table in the {room}, a {fur} {animal} lies asleep.
           | There is a {fur} {animal} under the table in the {room}, and it is asleep.
           | A {fur} {animal} has knocked over the table in the {room}.
           | A {animal3} is running through the streets in the rain.
    train  colour>colour2 animal>animal2 | The {person} is feeding the {animal} from a {colour} bowl.
           | From a {colour} bowl, the {animal} is being fed by the {person}.
           | The {person} gives the {animal} food in a {colour} bowl.
           | The {person} is painting a {colour} {animal} on a bowl.
           | The vet is examining the {animal3} from a farm.
    dev    state>state2 number>number2 | In a {state} cage, {number} {animal.pl} are waiting to be bought.
           | {number} {animal.pl} in a {state} cage are for sale.
           | For sale are {number} {animal.pl} that sit in a {state} cage.
           | A {state} cage with {number} {animal.pl} fell off a cart.
           | In a forest, {animal2.pl} are hard to see.
traffic
    train  state>state2 vehicle>vehicle2 | A {state} {vehicle} has stopped in front of the {building}.
           | In front of the {building}, a {state} {vehicle} has come to a halt.
           | A {state} {vehicle} is now standing still before the {building}.
           | A {state} {vehicle} has crashed into the front of the {building}.
           | A {bus} has left in spite of the snow.
    train  mood>mood2 city>city2 | The {mood} {person} went to {city} by {vehicle}.
           | By {vehicle}, the {mood} {person} travelled to {city}.
           | It was by {vehicle} that the {mood} {person} got to {city}.
           | The {mood} {person} from {city} has bought a {vehicle}.
           | The road to the airport was closed by the police.
    dev    colour>colour2 number>number2 | A {colour} {bus} with {number} passengers broke down near the {building}.
           | Near the {building}, a {colour} {bus} that carried {number} passengers stopped working.
           | The engine of a {colour} {bus} with {number} passengers failed near the {building}.
           | A {colour} {bus} picked up {number} passengers near the {building}.
           | A {vehicle} with broken lights was stopped near the border.
sport
    train  mood>mood2 sport>sport2 | The {mood} {person.pl} are playing {sport} behind the {building}.
           | Behind the {building}, the {mood} {person.pl} have a game of {sport}.
           | A game of {sport} is being played behind the {building} by the {mood} {person.pl}.
           | Behind the {building}, the {mood} {person.pl} are reading about {sport}.
           | The teams are training behind closed doors.
    train  season>season2 city>city2 | In {season}, {name} won the {sport} match in {city}.
           | {name} was the winner of the {sport} match that took place in {city} in {season}.
           | The {sport} match in {city} was won in {season} by {name}.
           | In {season}, {name} missed the {sport} match in {city}.
           | The race for the cup was won in {month} by a {person}.
    dev    day>day2 number>number2 | On {day}, {number} runners took part in the race through {city}.
           | The race through {city} on {day} had {number} participants.
           | There were {number} runners in the race that was held in {city} on {day}.
           | On {day}, {number} runners were arrested in {city} after the race.
           | On {day2}, the coach took the swimmers through a new exercise.
trade
    train  state>state2 object>object2 | {name} sold a {state} {object} to the {person}.
           | The {person} bought a {state} {object} from {name}.
           | A {state} {object} was sold to the {person} by {name}.
           | {name} showed the {person} how to mend a {state} {object}.
           | A {building} was sold to the city by an heir.
    train  month>month2 rise>fall | In {month}, the price of {goods} {rise.past} in {city}.
           | The price of {goods} in {city} {rise.past} in {month}. | In {city}, {goods} prices {rise.past} in {month}.
           | In {month}, traders in {city} ran out of {goods}.
           | In {month2}, the profit of the company was small.
    dev    state>state2 number>number2 | {name} paid {number} dollars for a {state} {object}.
           | A {state} {object} cost {name} {number} dollars.
           | For a {state} {object}, {name} had to pay {number} dollars.
           | {name} found {number} dollars in a {state} {object}.
           | For a stall at the market, the traders had to pay in advance.
school
    train  mood>mood2 number>number2 | The {mood} teacher gave the pupils {number} books to read.
           | {number} books to read were given to the pupils by the {mood} teacher.
           | The pupils got {number} books to read from the {mood} teacher.
           | The {mood} teacher took {number} books away from the pupils.
           | The examination gave the students an hour to think.
    train  day>day2 city>city2 | {name} will give a lecture on {city} on {day}.
           | On {day}, a lecture on {city} will be given by {name}.
           | There will be a lecture on {day}, by {name}, and it is about {city}.
           | On {day}, {name} will leave for {city} without giving the lecture.
           | There will be a new professor, and it is about time.
    dev    quick>quick2 person>person2 | The children {quick.adverb} drew a picture of the {person}.
           | A picture of the {person} was {quick.adverb} drawn by the children.
           | {quick.adverb}, the children made a drawing of the {person}.
           | The children {quick.adverb} ran away from the {person} with a picture.
           | A list of the homework was forgotten by the pupils.
health
    train  season>season2 person>person2 | In {season}, the {person} was taken to hospital with a broken leg.
           | With a broken leg, the {person} came to hospital in {season}.
           | The {person} had broken a leg and was brought to hospital in {season}.
           | In {season}, the {person} worked in a hospital despite a broken leg.
           | In the morning, the nurse was sent to a patient with headaches.
    train  month>month2 city>city2 | In {month}, many people in {city} fell ill with a cold.
           | Many people caught a cold in {city} in {month}. | A cold made many people ill in {city} in {month}.
           | In {month}, many people left cold {city}.
           | A pill made many patients in {city2} feel better.
    dev    mood>mood2 tool>tool2 | The {mood} apprentice hurt a finger with the {tool}.
           | With the {tool}, the {mood} apprentice injured a finger.
           | It was the {tool} with which the {mood} apprentice hurt a finger.
           | The {mood} apprentice pointed a finger at the {tool}.
           | The {person} treated a burn with the new cream.
""",
    scene,
)


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
