"""Minimal pairs `[acceptable|unacceptable]` about how words are put together: order, islands, arguments."""

TEXT = """
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
    train  How [{state} a {object} did {name} {buy}|did {name} {buy} {state} a {object}]?
    dev    How many [{state} {object.pl} did {name} {buy}|did {name} {buy} {state} {object.pl}]?
    dev    I wonder how [{state} a {object} {name} {buy.past}|{name} {buy.past} {state} a {object}].
extraction of the subject after "that"
    train  Who did {name} say that [the {person} {admire.past}|{admire.past} the {person}]?
    train  Which {person} does {name} think that [the {person2} {admire.past}|{admire.past} the {person2}]?
    dev    This is the {person} who {name} believes that [the {person2} {admire.past}|{admire.past} the {person2}].
gaps and fillers
    train  {name} {know.past} what the {person} {destroy.past} [|the {object}] {past}.
    train  {name} {know.past} that the {person} {destroy.past} [the {object}|] {past}.
    dev    The {object} that {name} {destroy.past} [|the {object2}] in {city} was {state}.
    dev    The {person} said {name} {destroy.past} [the {object2}|] in {city}, which was {state}.
order in questions
    train  Where [has {name}|{name} has] {buy.part} the {object}?
    train  The {person} knows where [{name} has|has {name}] {buy.part} the {object}.
    train  When [did the {person}|the {person} did] {laugh} in {city}?
    train  {name} asked when [the {person} had|had the {person}] {laugh.part} in {city}.
    train  What [can {name}|{name} can] {buy} in {city}?
    train  I do not know what [{name} can|can {name}] {buy} in {city}.
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
    train  {name} picked [it up|up it] and kept it.
    train  The {person} saw the {object} and threw [it away|away it].
    train  {name} turned [it off|off it] and laughed.
    train  Please write [it down|down it] for the {person}.
    dev    {name} took the {object} and put [it down|down it] in the {room}.
objects of verbs
    train  The {person} {destroy.past} [the {object}|] in {city}.
    train  The {person} {laugh.past} [|the {object}] in {city}.
    train  {name} will {destroy} [the {object}|] in {month}.
    train  {name} will {laugh} [|the {object}] in {month}.
    dev    {past}, {name} {destroy.past} [a {state} {object}|].
    dev    {past}, {name} {laugh.past} [|a {state} {object}].
datives
    train  {name} {donate.past} [a {object} to the {person}|the {person} a {object}].
    train  {name} {give.past} [the {person} a {object}|to the {person} a {object}].
    dev    {past}, the {person} {donate.past} [the {state} {object} to {name}|{name} the {state} {object}].
    dev    {past}, the {person} {give.past} [{name} the {state} {object}|to {name} the {state} {object}].
causatives
    train  The {object} [{vanish.past}|{destroy.past}] {past}.
    train  {name} [{crack.past}|{vanish.past}] the {object} {past}.
    train  {name} [{destroy.past}|{vanish.past}] the {object} {past}.
    train  The {object} of {name} [{vanish.past}|{destroy.past}] in {city}.
    dev    Did the {object} in the {room} [{vanish}|{destroy}]?
    dev    Did {name} [{destroy}|{vanish}] the {object} in the {room}?
passives
    train  The {person} was {admire.part} [by {name}|{name}] {past}.
    train  The {person} [was {admire.part}|was {laugh.part}] by {name} {past}.
    train  The {person} has [{laugh.part}|{destroy.part}] in the {room}.
    dev    The {object} that [was {buy.part} by {name}|{name} was {buy.part} by] is in the {room}.
    dev    The {person} who was [{admire.part}|{laugh.part}] is {mood}.
    dev    The {person} who had [{laugh.part}|{destroy.part}] is {mood}.
complements of verbs
    train  {name} {enjoy.past} [{laugh.ing}|to {laugh}] in the {room}.
    train  {name} {hope.past} [to {laugh}|{laugh.ing}] in the {room}.
    train  {name} {persuade.past} [the {person} to {laugh}|to {laugh}].
    train  {name} {hope.past} [to {laugh}|the {person} to {laugh}].
    train  The {person} {enjoy.past} [{buy.ing}|to {buy}] the {object} of {name}.
    train  The {person} {hope.past} [to {buy}|{buy.ing}] the {object} of {name}.
    dev    Why did the {person} {enjoy} [{buy.ing}|to {buy}] the {object}?
    dev    Why did the {person} {hope} [to {buy}|{buy.ing}] the {object}?
animacy
    train  The [{person} {buy.past} the {object}|{object} {buy.past} the {person}].
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
    train  The {person} has never {laugh.part}, and [neither|so] has {name}.
    train  The {person} has often {laugh.part}, and [so|neither] has {name}.
    dev    The {person} has {laugh.part}, and [so|neither] has {name}.
    dev    The {person} has not {laugh.part}, and [neither|so] has {name}.
tag questions
    train  {ann} has {laugh.part}, [hasn't she|hasn't he]?
    train  {bob} has {laugh.part}, [hasn't he|hasn't she]?
    train  {name} can {laugh}, [can't|doesn't] {name.he}?
    train  {name} {laugh.sg} every day, [doesn't|can't] {name.he}?
    train  The {person.pl} have {laugh.part}, [haven't|aren't] they?
    train  The {person.pl} are {mood}, [aren't|haven't] they?
    train  The {person.pl} {laugh.pl} too much, [don't|weren't] they?
    dev    The {person.pl} were {mood}, [weren't|didn't] they?
    dev    The {person.pl} {admire.past} {name}, [didn't|weren't] they?
prepositions of verbs
    train  {name} laughed [at|of] the {person}.
    train  {name} was proud [of|at] the {person}.
    train  The {person} depends [on|from] {name}.
    train  The {person} is different [from|on] {name}.
    train  {name} waited [for|to] the {person}.
    train  {name} wrote [to|at] the {person} about the {object}.
    train  The {person} is interested [in|with] {mass}.
    train  The {person} was angry [with|in] {name}.
    train  What {name} looked [for|of] was the {object}.
    train  The {person} was tired [of|for] {name}.
    dev    It is {name} that the {person} is afraid [of|with].
    dev    It is {name} that the {person} agrees [with|of].
partitives
    train  Most [of the|of] {person.pl} in {city} are {mood}.
    train  Most [|the] {person.pl} from {city} are {mood}.
    train  {name} knows some [of the|of] {mood} {person.pl}.
    train  {name} knows some [{mood}|the {mood}] {person.pl}.
    dev    {name} {buy.past} several [of the|of] {state} {object.pl}.
    dev    {name} {buy.past} several [{state}|the {state}] {object.pl}.
"""
