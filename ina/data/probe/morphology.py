"""Minimal pairs `[acceptable|unacceptable]` about the form of words: agreement, inflection, pronouns."""

TEXT = """
agreement across a prepositional phrase
    train  The {person.n} near the {vehicle.x} [{be.n}|{be.x}] {mood}.
    train  The {object.n} behind the {container.x} [{was.n}|{was.x}] {state}.
    train  According to {name}, the {animal.n} in front of the {building.x} [{have.n}|{have.x}] escaped.
    train  The {person.n} behind the {animal.x} {often} [{laugh.n}|{laugh.x}].
    train  In {city}, the {vehicle.n} of the {person.x} [{be.n}|{be.x}] {state}.
    train  {name} thinks that the {object.n} on the {container.x} [{seem.n}|{seem.x}] {state}.
    dev    The {person.n} with the {state} {object.x} {often} [{laugh.n}|{laugh.x}] in the morning.
    dev    In {month}, the {building.n} opposite the {building2.x} [{seem.n}|{seem.x}] {state}.
agreement across a relative clause
    train  The {person.n} who {admire.past} the {person2.x} [{be.n}|{be.x}] {mood}.
    train  The {person.n} that the {person2.x} {admire.past} [{laugh.n}|{laugh.x}] a lot.
    train  The {object.n} that the {person.x} {buy.past} [{was.n}|{was.x}] {state}.
    train  The {person.n} whom the {person2.x} {admire.past} [{have.n}|{have.x}] gone to {city}.
    train  The {man.n} who {name} and the {woman.x} {admire.past} [{do.n}|{do.x}] not {laugh}.
    train  In {month}, the {animal.n} near which the {person.x} {laugh.past} [{be.n}|{be.x}] back.
    dev    The {person.n} whose {brother.x} {admire.past} {name} [{have.n}|{have.x}] arrived at the {building}.
    dev    The {person.n} the {person2.x} {admire.past} [{do.n}|{do.x}] not {laugh} any more.
agreement inside a relative clause
    train  {name} knows the {person.x} who the {person2.n} [{admire.n}|{admire.x}].
    train  The {person.x} who the {person2.n} [{admire.n}|{admire.x}] went to {city}.
    train  These are the {object.pl} that the {person.n} [{buy.n}|{buy.x}] in {month}.
    train  The {person} remembers the {vehicle.x} that the {animal.n} [{have.n}|{have.x}] seen.
    dev    {name} found the {object.x} that the {person.n} [{have.n}|{have.x}] {buy.part}.
    dev    The {building.x} where the {person.n} [{laugh.n}|{laugh.x}] burned down in {month}.
agreement with a subject after the verb
    train  There [{be.n}|{be.x}] {one.n} {object.n} in the {container}.
    train  Behind the {building.x} [{stand.n}|{stand.x}] {one.n} {vehicle.n}.
    train  In the {container} [{be.n}|{be.x}] {one.n} {object.n}.
    train  There [{have.n}|{have.x}] been {one.n} {person.n} in the {building}.
    train  In front of the {building} there [{lie.n}|{lie.x}] {one.n} {state} {object.n}.
    dev    Beside the {container.x} [{lie.n}|{lie.x}] {one.n} {state} {object.n}.
    dev    {name} says that there [{was.n}|{was.x}] {one.n} {person.n} among the {animal.pl}.
agreement of quantified subjects
    train  Each of the {person.pl} [{be.sg}|{be.pl}] {mood}.
    train  All of the {person.pl} [{be.pl}|{be.sg}] {mood}.
    train  One of the {object.pl} from {city} [{was.sg}|{was.pl}] {state}.
    train  Most of the {object.pl} from {city} [{was.pl}|{was.sg}] {state}.
    train  Everybody behind the {building.pl} [{be.sg}|{be.pl}] {mood}.
    train  Many of the {person.pl} in the {building} [{laugh.pl}|{laugh.sg}].
    train  Each {person} near the {building.pl} [{have.sg}|{have.pl}] arrived.
    train  Several {person.pl} near the {building} [{have.pl}|{have.sg}] arrived.
    dev    Every one of the {animal.pl} in the {building} [{have.sg}|{have.pl}] been fed.
    dev    Some of the {animal.pl} in the {building} [{have.pl}|{have.sg}] been fed.
    dev    Everyone who {admire.past} the {person.pl} from {city} [{laugh.sg}|{laugh.pl}].
    dev    Both of the people who {admire.past} the {person.pl} from {city} [{laugh.pl}|{laugh.sg}].
determiner and noun
    train  {name} {buy.past} [{this.n}|{this.x}] {state} {object.n}.
    train  [{that.n}|{that.x}] {state} {building.n} in {city} surprised the {person}.
    train  Who {buy.past} [{this.n}|{this.x}] {object.n} in {city}?
    train  I do not like [{that.n}|{that.x}] {mood} {person.n} from {city}.
    train  The {person} gave {name} [{this.n}|{this.x}] very {state} {object.n}.
    dev    Did {name} {buy} [{that.n}|{that.x}] very {state} {object.n} for the {person}?
    dev    The {person} {admire.past} [{this.n}|{this.x}] {mood} and {mood2} {person2.n}.
quantifier and noun
    train  How [many|much] {object.pl} did {name} {get}?
    train  How [much|many] {mass} did {name} {get}?
    train  [Every|Most] {person} in the {building} {laugh.past}.
    train  [Most|Every] {person.pl} in the {building} {laugh.past}.
    train  There is too [much|many] {mass} in the {room}.
    train  There are too [many|much] {object.pl} in the {room}.
    train  {name} {buy.past} [every|several] {object} in the {room}.
    train  {name} {buy.past} [several|every] {object.pl} in the {room}.
    train  [Each|Several] {person} {laugh.past} in {city}.
    train  [Several|Each] {person.pl} {laugh.past} in {city}.
    dev    The {person} did not {get} [many|much] {object.pl} in {city}.
    dev    The {person} did not {get} [much|many] {mass} in {city}.
    dev    {name} {admire.past} [each|several] {person} at the {building}.
    dev    {name} {admire.past} [several|each] {person.pl} at the {building}.
participles and infinitives
    train  The {person} has [{break.part}|{break.past}] the {object}.
    train  The {person} [{break.past}|{break.part}] the {object} {past}.
    train  {name} can [{laugh}|{laugh.sg}] in the {room}.
    train  {name} {often} [{laugh.sg}|{laugh}] in the {room}.
    train  The {object} has been [{break.part}|{break.past}] by {name}.
    train  {past}, {name} [{break.past}|{break.part}] three {object.pl}.
    train  Why does the {person} [{laugh}|{laugh.sg}] so often?
    train  I know why the {person} [{laugh.sg}|{laugh}] so often.
    dev    The {object} was [{break.part}|{break.past}] by the {person}.
    dev    The {person} who [{break.past}|{break.part}] the {object} lives in {city}.
    dev    Did the {person} near the {building} [{laugh}|{laugh.past}] when {name} arrived?
    dev    I think the {person} near the {building} [{laugh.past}|{laugh}] when {name} arrived.
tense and time
    train  {name} [{admire.past}|will {admire}] the {person} {past}.
    train  {name} [will {admire}|{admire.past}] the {person} {future}.
    train  The {person} [{buy.past}|has {buy.part}] the {object} {past}.
    train  The {person} [has {buy.part}|{buy.past}] three {object.pl} since {month}.
    train  {past}, the {person} [{laugh.past}|will {laugh}] in {city}.
    train  {future}, the {person} [will {laugh}|{laugh.past}] in {city}.
    train  {name} [is going to {buy}|{buy.past}] a {object} {future}.
    train  {name} [{buy.past}|is going to {buy}] a {object} {past}.
    dev    The {person} from {city} [{laugh.past}|is going to {laugh}] in the {room} {past}.
    dev    The {person} from {city} [is going to {laugh}|{laugh.past}] in the {room} {future}.
comparison
    train  The {person} is as {tall} [as|than] the {person2}.
    train  The {person} is {tall.comparative} [than|as] the {person2}.
    train  {name} is the [{tall.superlative}|{tall.comparative}] of all the {person.pl}.
    train  {name} is much [{tall.comparative}|{tall.superlative}] than all the {person.pl}.
    train  Nobody is {tall.comparative} [than|as] the {person}.
    train  Nobody is as {tall} [as|than] the {person}.
    train  {name} is very [{tall}|{tall.superlative}] for a {person}.
    train  In {city}, the [{tall.superlative}|{tall}] of the {number} {person.pl} is {name}.
    dev    No {person} in {city} is as {tall} [as|than] {name}.
    dev    No {person} in {city} is {tall.comparative} [than|as] {name}.
    dev    Of the three {person.pl} in the {room}, {name} is the [{tall.superlative}|{tall}].
    dev    Like the three {person.pl} in the {room}, {name} is very [{tall}|{tall.superlative}].
adjective and adverb
    train  The {careful} {person} {clean.past} the {object} [{quick.adverb}|{quick}].
    train  The [{quick}|{quick.adverb}] {person} {clean.past} the {object} {careful.adverb}.
    train  The {person} sounded [{careful}|{careful.adverb}] to {name}.
    train  The {person} spoke [{careful.adverb}|{careful}] to {name}.
    dev    {name} seemed [{quick}|{quick.adverb}] when the {person} spoke.
    dev    {name} answered [{quick.adverb}|{quick}] when the {person} spoke.
pronoun case
    train  [{name.he}|{name.him}] {admire.past} {name2} in {city}.
    train  {name2} {admire.past} [{name.him}|{name.he}] in {city}.
    train  Did [{name.he}|{name.him}] {admire} the {person}?
    train  Did the {person} {admire} [{name.him}|{name.he}]?
    dev    The {person} thinks that [{name.he}|{name.him}] {admire.past} {name2}.
    dev    The {person} that {name2} {admire.past} wrote to [{name.him}|{name.he}].
who and which
    train  The {person} [who|which] {name} described was {mood}.
    train  The {object} [which|who] {name} described was {state}.
    train  {name} knows a {person} [who|which] {laugh.past} in {city}.
    train  {name} knows a {building} [which|who] burned down in {city}.
    train  The {person}, [who|which] lives in {city}, {buy.past} a {object}.
    train  The {building}, [which|who] stands in {city}, belongs to a {person}.
    dev    {name} asked about the {object} in the {room}, [which|who] the {person} had mentioned.
    dev    {name} asked about the {person} in the {room}, [who|which] the {person2} had mentioned.
gender of reflexives
    train  {name} {blame.past} [{name.self}|{name.xself}].
    train  The {brother} of {ann} {blame.past} [himself|herself].
    train  The {sister} of {bob} {blame.past} [herself|himself].
    train  The {man} near {ann} had {blame.part} [himself|herself].
    train  The {woman} near {bob} had {blame.part} [herself|himself].
    dev    The {man} who {admire.past} {ann} {blame.past} [himself|herself].
    dev    The {woman} who {admire.past} {bob} {blame.past} [herself|himself].
number of reflexives
    train  The {man.n} near the {vehicle.x} {blame.past} [{himself.n}|{himself.x}].
    train  The {woman.n} that the {person.x} {admire.past} {blame.past} [{herself.n}|{herself.x}].
    train  The {woman.n} with the {animal.x} {blame.past} [{herself.n}|{herself.x}].
    train  The {man.n} who {admire.past} the {person.x} {blame.past} [{himself.n}|{himself.x}].
    dev    The {sister.n} of the {person.x} had {blame.part} [{herself.n}|{herself.x}].
    dev    In {city}, the {man.n} who met the {sister.x} of {name} {blame.past} [{himself.n}|{himself.x}].
antecedents of reflexives
    train  {bob} said that {ann} had {blame.part} [herself|himself].
    train  {ann} said that {bob} had {blame.part} [himself|herself].
    train  The {person} told {ann} that {bob} {blame.past} [himself|herself].
    train  The {person} told {bob} that {ann} {blame.past} [herself|himself].
    train  {bob} thinks that {ann} will {blame} [herself|himself].
    train  {ann} thinks that {bob} will {blame} [himself|herself].
    dev    {ann} wants {bob} to {blame} [himself|herself].
    dev    {bob} wants {ann} to {blame} [herself|himself].
"""
