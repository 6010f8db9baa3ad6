"""CoLA's task: is this sentence acceptable English? Minimal pairs `[acceptable|unacceptable]`, both in the same split.

No single word gives the label away: either the two members differ in order alone, or what is right in one frame is
wrong in another frame of the same phenomenon and split.
"""

from ina.data.probe.template import CHOICE, Draw, Row, bind, fill, phenomena

MORPHOLOGY = phenomena("""
agreement across a prepositional phrase
    train  The {person.n} near the {vehicle.x} [{be.n}|{be.x}] {mood}.
    train  The {object.n} behind the {container.x} [{was.n}|{was.x}] {state}.
    train  According to {name}, the {animal.n} in front of the {building.x} [{have.n}|{have.x}] escaped.
    dev    The {person.n} with the {state} {object.x} {often} [{laugh.n}|{laugh.x}] in the morning.
    dev    In {month}, the {building.n} opposite the {building2.x} [{seem.n}|{seem.x}] {state}.
agreement across a relative clause
    train  The {person.n} who {admire.past} the {person2.x} [{be.n}|{be.x}] {mood}.
    train  The {person.n} that the {person2.x} {admire.past} [{laugh.n}|{laugh.x}] a lot.
    train  The {object.n} that the {person.x} {buy.past} [{was.n}|{was.x}] {state}.
    dev    The {person.n} whose {brother.x} {admire.past} {name} [{have.n}|{have.x}] arrived at the {building}.
    dev    The {person.n} the {person2.x} {admire.past} [{do.n}|{do.x}] not {laugh} any more.
agreement inside a relative clause
    train  {name} knows the {person.x} who the {person2.n} [{admire.n}|{admire.x}].
    train  The {person.x} who the {person2.n} [{admire.n}|{admire.x}] went to {city}.
    dev    {name} found the {object.x} that the {person.n} [{have.n}|{have.x}] {buy.part}.
    dev    The {building.x} where the {person.n} [{laugh.n}|{laugh.x}] burned down in {month}.
agreement with a subject after the verb
    train  There [{be.n}|{be.x}] {one.n} {object.n} in the {container}.
    train  Behind the {building.x} [{stand.n}|{stand.x}] {one.n} {vehicle.n}.
    dev    Beside the {container.x} [{lie.n}|{lie.x}] {one.n} {state} {object.n}.
    dev    {name} says that there [{was.n}|{was.x}] {one.n} {person.n} among the {animal.pl}.
agreement of quantified subjects
    train  Each of the {person.pl} [{be.sg}|{be.pl}] {mood}.
    train  All of the {person.pl} [{be.pl}|{be.sg}] {mood}.
    train  One of the {object.pl} from {city} [{was.sg}|{was.pl}] {state}.
    train  Most of the {object.pl} from {city} [{was.pl}|{was.sg}] {state}.
    dev    Every one of the {animal.pl} in the {building} [{have.sg}|{have.pl}] been fed.
    dev    Some of the {animal.pl} in the {building} [{have.pl}|{have.sg}] been fed.
    dev    Everyone who {admire.past} the {person.pl} from {city} [{laugh.sg}|{laugh.pl}].
    dev    Both of the people who {admire.past} the {person.pl} from {city} [{laugh.pl}|{laugh.sg}].
determiner and noun
    train  {name} {buy.past} [{this.n}|{this.x}] {state} {object.n}.
    train  [{that.n}|{that.x}] {state} {building.n} in {city} surprised the {person}.
    dev    Did {name} {buy} [{that.n}|{that.x}] very {state} {object.n} for the {person}?
    dev    The {person} {admire.past} [{this.n}|{this.x}] {mood} and {mood2} {person2.n}.
quantifier and noun
    train  How [many|much] {object.pl} did {name} {get}?
    train  How [much|many] {mass} did {name} {get}?
    train  [Every|Most] {person} in the {building} {laugh.past}.
    train  [Most|Every] {person.pl} in the {building} {laugh.past}.
    dev    The {person} did not {get} [many|much] {object.pl} in {city}.
    dev    The {person} did not {get} [much|many] {mass} in {city}.
    dev    {name} {admire.past} [each|several] {person} at the {building}.
    dev    {name} {admire.past} [several|each] {person.pl} at the {building}.
participles and infinitives
    train  The {person} has [{break.part}|{break.past}] the {object}.
    train  The {person} [{break.past}|{break.part}] the {object} {past}.
    train  {name} can [{laugh}|{laugh.sg}] in the {room}.
    train  {name} {often} [{laugh.sg}|{laugh}] in the {room}.
    dev    The {object} was [{break.part}|{break.past}] by the {person}.
    dev    The {person} who [{break.past}|{break.part}] the {object} lives in {city}.
    dev    Did the {person} near the {building} [{laugh}|{laugh.past}] when {name} arrived?
    dev    I think the {person} near the {building} [{laugh.past}|{laugh}] when {name} arrived.
tense and time
    train  {name} [{admire.past}|will {admire}] the {person} {past}.
    train  {name} [will {admire}|{admire.past}] the {person} {future}.
    train  The {person} [{buy.past}|has {buy.part}] the {object} {past}.
    train  The {person} [has {buy.part}|{buy.past}] three {object.pl} since {month}.
    dev    The {person} from {city} [{laugh.past}|is going to {laugh}] in the {room} {past}.
    dev    The {person} from {city} [is going to {laugh}|{laugh.past}] in the {room} {future}.
comparison
    train  The {person} is as {tall} [as|than] the {person2}.
    train  The {person} is {tall.comparative} [than|as] the {person2}.
    train  {name} is the [{tall.superlative}|{tall.comparative}] of all the {person.pl}.
    train  {name} is much [{tall.comparative}|{tall.superlative}] than all the {person.pl}.
    dev    No {person} in {city} is as {tall} [as|than] {name}.
    dev    No {person} in {city} is {tall.comparative} [than|as] {name}.
    dev    Of the three {person.pl} in the {room}, {name} is the [{tall.superlative}|{tall}].
    dev    Like the three {person.pl} in the {room}, {name} is very [{tall}|{tall.superlative}].
adjective and adverb
    train  The {careful} {person} {buy.past} the {object} [{quick.adverb}|{quick}].
    train  The [{quick}|{quick.adverb}] {person} {buy.past} the {object} {careful.adverb}.
    dev    {name} seemed [{quick}|{quick.adverb}] when the {person} spoke.
    dev    {name} answered [{quick.adverb}|{quick}] when the {person} spoke.
pronoun case
    train  [{name.he}|{name.him}] {admire.past} {name2} in {city}.
    train  {name2} {admire.past} [{name.him}|{name.he}] in {city}.
    dev    The {person} thinks that [{name.he}|{name.him}] {admire.past} {name2}.
    dev    The {person} that {name2} {admire.past} wrote to [{name.him}|{name.he}].
who and which
    train  The {person} [who|which] {name} described was {mood}.
    train  The {object} [which|who] {name} described was {state}.
    dev    {name} asked about the {object} in the {room}, [which|who] the {person} had mentioned.
    dev    {name} asked about the {person} in the {room}, [who|which] the {person2} had mentioned.
gender of reflexives
    train  {name} {blame.past} [{name.self}|{name.xself}].
    train  The {brother} of {ann} {blame.past} [himself|herself].
    train  The {sister} of {bob} {blame.past} [herself|himself].
    dev    The {man} who {admire.past} {ann} {blame.past} [himself|herself].
    dev    The {woman} who {admire.past} {bob} {blame.past} [herself|himself].
number of reflexives
    train  The {man.n} near the {vehicle.x} {blame.past} [{himself.n}|{himself.x}].
    train  The {woman.n} that the {person.x} {admire.past} {blame.past} [{herself.n}|{herself.x}].
    dev    The {sister.n} of the {person.x} had {blame.part} [{herself.n}|{herself.x}].
    dev    In {city}, the {man.n} who met the {sister.x} of {name} {blame.past} [{himself.n}|{himself.x}].
antecedents of reflexives
    train  {bob} said that {ann} had {blame.part} [herself|himself].
    train  {ann} said that {bob} had {blame.part} [himself|herself].
    dev    {ann} wants {bob} to {blame} [himself|herself].
    dev    {bob} wants {ann} to {blame} [herself|himself].
""")

SYNTAX = phenomena("""
scope of negative polarity items
    train  [No {person} who the {person2} {admire.past}|The {person2} who no {person} {admire.past}]
           has ever {buy.part} a {object}.
    train  [Nobody who the {person} {admire.past}|The {person} who nobody {admire.past}]
           {buy.past} any {object.pl} at all.
    dev    The {person} who [invited {name} did not {buy}|did not invite {name} {buy.past}] any {object.pl}.
    dev    [Few {person.pl} who the {person2.pl} {admire.past}|The {person.pl} who few {person2.pl} {admire.past}]
           have ever {laugh.part}.
island: relative clause
    train  Who did the {person} [who {admire.past} the {person2} {blame}|{blame} the {person2} who {admire.past}]?
    train  Which {object} did the {person} [who {laugh.past} {buy}|{buy} who {laugh.past}]?
    dev    {name} found the {object} that the {person} [who {laugh.past} {buy.past}|{buy.past} who {laugh.past}].
island: adjunct
    train  What did {name} {buy} [before {buy2.ing} the {object}|the {object} before {buy2.ing}]?
    train  Who did the {person} {admire} [after {admire2.ing} {name}|{name} after {admire2.ing}]?
    dev    Which {object.pl} did {name} {buy} [without {buy2.ing} the {object2}|the {object2} without {buy2.ing}]?
island: coordination
    train  Who did {name} [and the {person} {admire}|{admire} the {person} and]?
    train  What did {name} [and the {person} {buy}|{buy} the {object} and]?
    dev    {name} met the {person} that {name2} [and the {person2} {admire.past}|{admire.past} the {person2} and].
island: left branch
    train  Which [{object} did {name} {buy}|did {name} {buy} {object}]?
    train  Whose [{object} did the {person} {buy}|did the {person} {buy} {object}]?
    dev    How many [{state} {object.pl} did {name} {buy}|did {name} {buy} {state} {object.pl}]?
    dev    I wonder how [{state} the {object} of {name} is|the {object} of {name} is {state}].
extraction of the subject after "that"
    train  Who did {name} say that [the {person} {admire.past}|{admire.past} the {person}]?
    train  Which {person} does {name} think that [the {person2} {admire.past}|{admire.past} the {person2}]?
    dev    This is the {person} who {name} believes that [the {person2} {admire.past}|{admire.past} the {person2}].
gaps and fillers
    train  {name} {know.past} what the {person} {devour.past} [|the {object}] {past}.
    train  {name} {know.past} that the {person} {devour.past} [the {object}|] {past}.
    dev    The {object} that {name} {devour.past} [|the {object2}] in {city} was {state}.
    dev    The {person} said {name} {devour.past} [the {object2}|] in {city}, which was {state}.
order in questions
    train  Where [has {name}|{name} has] {buy.part} the {object}?
    train  The {person} knows where [{name} has|has {name}] {buy.part} the {object}.
    dev    Why [will the {person}|the {person} will] {buy} the {object} in {month}?
    dev    Nobody can explain why [the {person} will|will the {person}] {buy} the {object} in {month}.
order after negative adverbs
    train  Never [has {name}|{name} has] {admire.part} such a {mood} {person}.
    train  {name} has [never {admire.part}|{admire.part} never] such a {mood} {person}.
    dev    Rarely [does the {person}|the {person} does] {laugh} in the {building}.
    dev    The {person} [does not|not does] {laugh} in the {building}.
place of the adverb
    train  {name} [{quick.adverb} {clean.past}|{clean.past} {quick.adverb}] the {object} of the {person}.
    train  The {person} has [{often} {admire.part}|{admire.part} {often}] {name}.
    dev    {name} will [{quick.adverb} {clean}|{clean} {quick.adverb}] the {object}.
place of "enough" and adjectives
    train  The {person} is [{tall} enough|enough {tall}] for this.
    train  {name} {buy.past} something [{state} for|for {state}] the {person}.
    dev    {name} {buy.past} a [{state} {object}|{object} {state}] {past}.
    dev    Nobody [{mood} would|would {mood}] {buy} that {object}.
particles and pronouns
    train  {name} picked [it up|up it] and {buy.past} it.
    train  The {person} saw the {object} and threw [it away|away it].
    dev    {name} took the {object} and put [it down|down it] in the {room}.
objects of verbs
    train  The {person} {devour.past} [the {object}|] in {city}.
    train  The {person} {laugh.past} [|the {object}] in {city}.
    dev    {past}, {name} {devour.past} [a {state} {object}|].
    dev    {past}, {name} {laugh.past} [|a {state} {object}].
datives
    train  {name} {donate.past} [a {object} to the {person}|the {person} a {object}].
    train  {name} {give.past} [the {person} a {object}|to the {person} a {object}].
    dev    {past}, the {person} {donate.past} [the {state} {object} to {name}|{name} the {state} {object}].
    dev    {past}, the {person} {give.past} [{name} the {state} {object}|to {name} the {state} {object}].
causatives
    train  The {object} [{vanish.past}|{devour.past}] {past}.
    train  {name} [{crack.past}|{vanish.past}] the {object} {past}.
    train  {name} [{devour.past}|{vanish.past}] the {object} {past}.
    dev    Did the {object} in the {room} [{vanish}|{devour}]?
    dev    Did {name} [{devour}|{vanish}] the {object} in the {room}?
passives
    train  The {person} was {admire.part} [by {name}|{name}] {past}.
    train  The {person} [was {admire.part}|was {laugh.part}] by {name} {past}.
    train  The {person} has [{laugh.part}|{devour.part}] in the {room}.
    dev    The {object} that [was {buy.part} by {name}|{name} was {buy.part} by] is in the {room}.
    dev    The {person} who was [{admire.part}|{laugh.part}] is {mood}.
    dev    The {person} who had [{laugh.part}|{devour.part}] is {mood}.
complements of verbs
    train  {name} {enjoy.past} [{laugh.ing}|to {laugh}] in the {room}.
    train  {name} {hope.past} [to {laugh}|{laugh.ing}] in the {room}.
    train  {name} {persuade.past} [the {person} to {laugh}|to {laugh}].
    train  {name} {hope.past} [to {laugh}|the {person} to {laugh}].
    dev    Why did the {person} {enjoy} [{buy.ing}|to {buy}] the {object}?
    dev    Why did the {person} {hope} [to {buy}|{buy.ing}] the {object}?
animacy
    train  The [{person} {admire.past} the {object}|{object} {admire.past} the {person}].
    train  The [{person} was afraid of the {object}|{object} was afraid of the {person}].
    dev    It was the [{person} who forgot the {object}|{object} who forgot the {person}].
definiteness after "there"
    train  There was [a|every] {person} in the {room}.
    train  Almost [every|a] {person} in the {room} {laugh.past}.
    dev    There seems to be [no|each] {state} {object} in the {container}.
    dev    {name} gave [each|no] of the {person.pl} a {object}.
paired conjunctions
    train  Both the {person} [and|or] the {person2} {laugh.past}.
    train  Either the {person} [or|and] the {person2} {laugh.past}.
    dev    {name} {buy.past} neither the {object} [nor|and] the {object2}.
    dev    {name} {buy.past} both the {object} [and|nor] the {object2}.
so and neither
    train  {name} can {laugh}, and [so|neither] can {name2}.
    train  {name} cannot {laugh}, and [neither|so] can {name2}.
    dev    The {person} has {laugh.part}, and [so|neither] has {name}.
    dev    The {person} has not {laugh.part}, and [neither|so] has {name}.
tag questions
    train  {ann} has {laugh.part}, [hasn't she|hasn't he]?
    train  {bob} has {laugh.part}, [hasn't he|hasn't she]?
    train  {name} can {laugh}, [can't|doesn't] {name.he}?
    train  {name} {often} {laugh.sg}, [doesn't|can't] {name.he}?
    dev    The {person.pl} were {mood}, [weren't|didn't] they?
    dev    The {person.pl} {admire.past} {name}, [didn't|weren't] they?
prepositions of verbs
    train  {name} laughed [at|of] the {person}.
    train  {name} was proud [of|at] the {person}.
    train  The {person} depends [on|from] {name}.
    train  The {person} is different [from|on] {name}.
    dev    It is {name} that the {person} is looking [for|with].
    dev    It is {name} that the {person} agrees [with|for].
partitives
    train  Most [of the|of] {person.pl} in {city} are {mood}.
    train  Most [|the] {person.pl} from {city} are {mood}.
    dev    {name} {buy.past} several [of the|of] {state} {object.pl}.
    dev    {name} {buy.past} several [{state}|the {state}] {object.pl}.
""")

PHENOMENA = MORPHOLOGY + SYNTAX


def pair(template: str, draw: Draw, split: str) -> list[Row]:
    """The acceptable and the unacceptable sentence of a template."""
    bound = bind([template], draw, split)
    return [{"sentence": fill(CHOICE.sub(rf"\{member}", template), bound), "label": 2 - member} for member in (1, 2)]
