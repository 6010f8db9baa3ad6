"""WNLI's task: whom or what does the pronoun mean? Winograd schemas of our own.

A schema is `sentence with [one way|another] | said of the first | said of the second`: the one way the pronoun means
the first candidate, the other way the second, so neither the words nor the candidate give the label away. In some
phenomena the form of the pronoun decides, in the others only what the world is like. A small model learns neither from
so few rows, so half of what is not so is said of somebody or something of which the sentence does not speak.
"""

from typing import NamedTuple

from ina.data.probe.template import CHOICE, Draw, Row, about_something_else, bind, fill, phenomena


class Schema(NamedTuple):
    sentence: str
    first: str
    second: str


SCHEMAS = phenomena(
    """
gender of the pronoun
    train  {bob} waited for {ann} at the {building} because [he|she] was early. | {bob} was early. | {ann} was early.
    train  {ann} wrote to {bob} when [she|he] was in {city}. | {ann} was in {city}. | {bob} was in {city}.
    train  {bob} says that {ann} {laugh.past} when [he|she] saw the {object}.
           | {bob} saw the {object}. | {ann} saw the {object}.
    train  {ann} often thinks of {bob}, although [she|he] left {city} years ago.
           | {ann} left {city} years ago. | {bob} left {city} years ago.
    train  The {man} talked to {ann} while [he|she] cleaned the {object}.
           | The {man} cleaned the {object}. | {ann} cleaned the {object}.
    dev    {ann} met {bob} in the {building} where [she|he] worked.
           | {ann} worked in the {building}. | {bob} worked in the {building}.
    dev    On {day}, {bob} sat behind {ann}, and [he|she] {laugh.past}. | {bob} {laugh.past}. | {ann} {laugh.past}.
    dev    The {woman} was with {bob} in {city} before [she|he] bought the {object}.
           | The {woman} bought the {object}. | {bob} bought the {object}.
number of the pronoun
    train  The {object} lay beside the {object2.pl} as long as [it was|they were] new.
           | The {object} was new. | The {object2.pl} were new.
    train  In front of the {vehicle.pl} stood a {vehicle2}, but {name} saw that [they were|it was] empty.
           | The {vehicle.pl} were empty. | The {vehicle2} was empty.
    train  The {animal} looked at the {animal2.pl}, and then [it|they] ran away.
           | The {animal} ran away. | The {animal2.pl} ran away.
    train  {name} took the {object.pl} out of the {container} and saw that [they were|it was] {colour}.
           | The {object.pl} were {colour}. | The {container} was {colour}.
    dev    Behind the {animal} were {few} {animal2.pl}, but nobody noticed that [it was|they were] hungry.
           | The {animal} was hungry. | The {animal2.pl} were hungry.
    dev    {name} put the {object.pl} next to the {object2} because [they were|it was] dirty.
           | The {object.pl} were dirty. | The {object2} was dirty.
people and things
    train  {bob} sold the {object} because [he|it] was so old. | {bob} was so old. | The {object} was so old.
    train  The {object} fell on {ann}, and [it|she] was wet afterwards.
           | The {object} was wet afterwards. | {ann} was wet afterwards.
    train  The {vehicle} stopped beside {bob}, since [it|he] was in the middle of the road.
           | The {vehicle} was in the middle of the road. | {bob} was in the middle of the road.
    train  {ann} painted the {container} that {bob} had found, and soon [she|it] was in {city}.
           | {ann} was soon in {city}. | The {container} was soon in {city}.
    dev    {bob} had the {vehicle} for so long that [he|it] was famous in {city}.
           | {bob} was famous in {city}. | The {vehicle} was famous in {city}.
    dev    On {day}, {ann} lost the {object} when [she|it] was dirty. | {ann} was dirty. | The {object} was dirty.
things and vehicles
    train  The {object} scratched the {object2} because it was so [sharp|soft].
           | The {object} was so [sharp|soft]. | The {object2} was so [sharp|soft].
    train  The {vehicle} stopped behind the {vehicle2} because it [had no room to pass|had broken down].
           | The {vehicle} [had no room to pass|had broken down].
           | The {vehicle2} [had no room to pass|had broken down].
    train  The {vehicle} crashed into the {vehicle2}, although it [had good brakes|was parked far from the road].
           | The {vehicle} [had good brakes|was parked far from the road].
           | The {vehicle2} [had good brakes|was parked far from the road].
    train  The {animal} ran after the {animal2} but could not catch it, because it was too [slow|fast].
           | The {animal} was too [slow|fast]. | The {animal2} was too [slow|fast].
    dev    Snow fell from the roof of the {building} onto that of the {building2}, so it is [bare|white] again.
           | The roof of the {building} is [bare|white] again. | The roof of the {building2} is [bare|white] again.
    dev    The {building} burned down and the {building2} did not, because it was built of [wood|stone].
           | The {building} was built of [wood|stone]. | The {building2} was built of [wood|stone].
here and there
    train  {name} took the lid from the {vessel} and put it on the {vessel2}, so it is [open|closed] now.
           | The {vessel} is [open|closed] now. | The {vessel2} is [open|closed] now.
    train  We moved {object.pl} from the {container} to the {container2} because it was [too full|still empty].
           | The {container} was [too full|still empty]. | The {container2} was [too full|still empty].
    dev    The {person} moved the piano from the {room} to the {room2}, so there is [more|less] space in it now.
           | There is [more|less] space in the {room} now. | There is [more|less] space in the {room2} now.
giving and taking
    train  {ann} lent {ann2} some money because she had [plenty|none]. | {ann} had [plenty|none].
           | {ann2} had [plenty|none].
    train  {bob} borrowed a {object} from {bob2} because he had [none|two]. | {bob} had [none|two].
           | {bob2} had [none|two].
    train  {ann} sold the {object} to {ann2} because she needed [money|it].
           | {ann} needed [money|the {object}]. | {ann2} needed [money|the {object}].
    train  {bob} gave {bob2} his coat because he was so [generous|cold]. | {bob} was so [generous|cold].
           | {bob2} was so [generous|cold].
    dev    {ann} wrote a letter to {ann2}, and she [posted|opened] it on {day}.
           | {ann} [posted|opened] the letter on {day}. | {ann2} [posted|opened] the letter on {day}.
    dev    {bob} refused to share the {food} with {bob2}, although he was so [full|hungry].
           | {bob} was so [full|hungry]. | {bob2} was so [full|hungry].
help and thanks
    train  {ann} asked {ann2} for help because she [could not do it|knew how to do it].
           | {ann} [could not do it|knew how to do it]. | {ann2} [could not do it|knew how to do it].
    train  {bob} held the ladder for {bob2}, because he was [afraid of heights|about to climb it].
           | {bob} was [afraid of heights|about to climb the ladder].
           | {bob2} was [afraid of heights|about to climb the ladder].
    train  {ann} hired {ann2} because she needed a [cook|job]. | {ann} needed a [cook|job].
           | {ann2} needed a [cook|job].
    train  {bob} carried {bob2} home from the {building} because he [was so strong|had broken a leg].
           | {bob} [was so strong|had broken a leg]. | {bob2} [was so strong|had broken a leg].
    dev    {ann} visited {ann2} in hospital because she was so [worried|ill]. | {ann} was so [worried|ill].
           | {ann2} was so [worried|ill].
    dev    {bob} followed {bob2} to the {building} because he [did not know|knew] the way.
           | {bob} [did not know|knew] the way. | {bob2} [did not know|knew] the way.
feelings
    train  {ann} copied the answers of {ann2} because she [had not studied|was always right].
           | {ann} [had not studied|was always right]. | {ann2} [had not studied|was always right].
    train  {bob} apologised to {bob2} because he had been so [rude|offended]. | {bob} had been so [rude|offended].
           | {bob2} had been so [rude|offended].
    train  The {animal} ran away from the {animal2} because it was so [timid|fierce].
           | The {animal} was so [timid|fierce].
           | The {animal2} was so [timid|fierce].
    train  {bob} interrupted {bob2} because he was so [impatient|boring]. | {bob} was so [impatient|boring].
           | {bob2} was so [impatient|boring].
    dev    {ann} could not forgive {ann2}, because she had been [hurt|cruel]. | {ann} had been [hurt|cruel].
           | {ann2} had been [hurt|cruel].
    dev    The {person.pl} hid from the {person2.pl} because they were so [frightened|dangerous].
           | The {person.pl} were so [frightened|dangerous]. | The {person2.pl} were so [frightened|dangerous].
knowing and telling
    train  {ann} could not hear {ann2}, because she was [deaf|whispering]. | {ann} was [deaf|whispering].
           | {ann2} was [deaf|whispering].
    train  {bob} taught {bob2} to swim in {city} because he was such a good [teacher|pupil].
           | {bob} was a good [teacher|pupil].
           | {bob2} was a good [teacher|pupil].
    train  The {person.pl} asked the {person2.pl} for advice because they were [at a loss|experts].
           | The {person.pl} were [at a loss|experts]. | The {person2.pl} were [at a loss|experts].
    train  {ann} told {ann2} a secret, and she [was sorry that she had told|promised not to tell] it.
           | {ann} [was sorry that she had told|promised not to tell] the secret.
           | {ann2} [was sorry that she had told|promised not to tell] the secret.
    dev    {bob} did not recognise {bob2}, because he [was short-sighted|wore a mask].
           | {bob} [was short-sighted|wore a mask]. | {bob2} [was short-sighted|wore a mask].
    dev    {ann} congratulated {ann2} because she had [heard about|won] the prize.
           | {ann} had [heard about|won] the prize. | {ann2} had [heard about|won] the prize.
winning and losing
    train  {bob} beat {bob2} at chess because he had trained [more|less]. | {bob} had trained [more|less].
           | {bob2} had trained [more|less].
    train  {ann} paid {ann2} at once, because she [hated debts|needed the money].
           | {ann} [hated debts|needed the money]. | {ann2} [hated debts|needed the money].
    train  The {person.pl} paid the {person2.pl} well because they [valued|did] good work.
           | The {person.pl} [valued|did] good work. | The {person2.pl} [valued|did] good work.
    dev    {ann} lost the race against {ann2} because she had [slept badly|run so well].
           | {ann} had [slept badly|run so well].
           | {ann2} had [slept badly|run so well].
""",
    lambda text: Schema(*text.split(" | ")),
)


def readings(schema: Schema, draw: Draw, split: str) -> list[Row]:
    """Both wordings of a schema, each with what it says (label 1) and what it does not say (label 0)."""
    bound = bind(schema, draw, split)
    rows = []
    for wording in (1, 2):
        sentence, *said = (CHOICE.sub(rf"\{wording}", text) for text in schema)
        so, not_so = said[wording - 1], said[2 - wording]
        wrong = (not_so, about_something_else((sentence, not_so), bound, draw, split) if draw.below(2) else bound)
        for label, text in enumerate((fill(*wrong), fill(so, bound))):
            rows.append({"sentence1": fill(sentence, bound), "sentence2": text, "label": label})
    return rows
