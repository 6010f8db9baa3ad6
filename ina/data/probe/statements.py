"""Ways to say the same about people and things; see `paraphrase.frame` for how to read it."""

TEXT = """
voice and clefts
    train  person<>person2 | The {person} {admire.past} the {person2} in {city}.
           | In {city}, the {person2} was {admire.part} by the {person}.
           | It was in {city} that the {person} {admire.past} the {person2}.
    train  name<>name2 | {name} has {admire.part} {name2}, the {person} said on {day}.
           | The {person} said on {day} that {name2} had been {admire.part} by {name}.
           | On {day}, the {person} said that {name} had {admire.part} {name2}.
    train  name<>name2 | It was {name} who {admire.past} {name2} at the {building}.
           | At the {building}, {name} {admire.past} {name2}.
           | The one who {admire.past} {name2} at the {building} was {name}.
    train  person<>person2 | The one that the {person} {admire.past} {past} was the {person2}.
           | It was the {person2} that the {person} {admire.past} {past}.
           | {past}, the {person} {admire.past} the {person2}.
    dev    person<>person2 | Reports from {city} say that a {person} {admire.past} the {mood} {person2}.
           | A {person}, according to reports from {city}, {admire.past} the {mood} {person2}.
           | The {mood} {person2} was {admire.part} by a {person}, reports from {city} say.
    dev    name<>name2 | The person whom {name} {admire.past} in {month} was {name2}.
           | {name2} was the person {name} {admire.past} in {month}.
           | In {month}, it was {name2} whom {name} {admire.past}.
giving and trading
    train  name<>name2 | {name} {give.past} {name2} a {state} {object}.
           | {name} {give.past} a {state} {object} to {name2}.
           | {name2} was {give.part} a {state} {object} by {name}.
    train  name<>name2 | On {day}, {name2} {give.past} {name} the {object} from {city}.
           | The {object} from {city} was {give.part} to {name} by {name2} on {day}.
           | {name2} {give.past} the {object} from {city} to {name} on {day}.
    train  person<>person2 | The {person} bought the {state} {object} from the {person2} {past}.
           | The {person2} sold the {state} {object} to the {person} {past}.
           | {past}, the {person2} sold the {person} the {state} {object}.
    train  name<>name2 | {name} borrowed {number} {object.pl} from {name2}.
           | {name2} lent {name} {number} {object.pl}.
           | {number} {object.pl} were lent to {name} by {name2}.
    dev    name<>name2 | A {object} and two {object2.pl} were {give.part} to {name2} by {name}.
           | What {name} {give.past} {name2} was a {object} and two {object2.pl}.
           | {name} {give.past} a {object} and two {object2.pl} to {name2}.
    dev    name<>name2 | {name} rents the {building} in {city} from {name2}.
           | {name2} lets the {building} in {city} to {name}.
           | The {building} in {city} belongs to {name2}, and {name} pays the rent.
winning, working, owing
    train  name<>name2 | {name} beat {name2} in the final in {city}.
           | {name2} lost to {name} in the final in {city}.
           | In {city}, {name} won the final against {name2}.
    train  person<>person2 | The {person} works for the {person2} from {city}.
           | The {person2} from {city} employs the {person}.
           | The {person} is employed by the {person2} from {city}.
    dev    name<>name2 | {name} taught {name2} the trade of a {person}.
           | {name2} learned the trade of a {person} from {name}.
           | The trade of a {person} was taught to {name2} by {name}.
    dev    person<>person2 | The {person} owes the {person2} some {mass}.
           | The {person} is in debt to the {person2} for some {mass}.
           | The {person2} is still waiting for the {person} to pay for some {mass}.
comparison and order
    train  person<>person2 | The {person} is much {tall.comparative} than the {person2}.
           | The {person2} is much less {tall} than the {person}.
           | The {person2} is not nearly as {tall} as the {person}.
    train  object<>object2 | In {city}, the {object} cost more than the {object2}.
           | The {object2} was cheaper than the {object} in {city}.
           | The {object} was more expensive than the {object2} in {city}.
    train  person<>person2 | The {person} arrived in {city} before the {person2}.
           | The {person2} arrived in {city} after the {person}.
           | When the {person2} arrived in {city}, the {person} was already there.
    train  laugh<>laugh2 | {name} {laugh.past} first and {laugh2.past} later.
           | {name} {laugh.past} before {name.he} {laugh2.past}.
           | First {name} {laugh.past}, and then {name.he} {laugh2.past}.
    dev    building<>building2 | The {building} in {city} is older than the {building2}.
           | The {building2} in {city} was built after the {building}.
           | In {city}, the {building} was there before the {building2}.
    dev    building<>building2 | {name} visited the {building} and afterwards the {building2}.
           | {name}'s visit to the {building} was followed by one to the {building2}.
           | Before the {building2}, {name} visited the {building}.
who said it and who did it
    train  name<>name2 | {name} told the {person} that {name2} had {laugh.part}.
           | According to what {name} told the {person}, {name2} had {laugh.part}.
           | The {person} heard from {name} that {name2} had {laugh.part}.
    train  person<>person2 | The {person} denies that the {person2} {buy.past} the {object}.
           | It is not true, says the {person}, that the {person2} {buy.past} the {object}.
           | The {person} says that the {person2} never {buy.past} the {object}.
    train  person<>person2 | The {person} who {admire.past} the {person2} {buy.past} the {object}.
           | The {object} was {buy.part} by the {person} who {admire.past} the {person2}.
           | It was the {person} who {admire.past} the {person2} that {buy.past} the {object}.
    train  mood<>mood2 | The {person}, who was {mood}, met a {mood2} {person2} in {city}.
           | In {city}, the {mood} {person} met a {person2} who was {mood2}.
           | A {mood2} {person2} was met in {city} by the {mood} {person}.
    dev    name<>name2 | {name} promised {name2} to look after the {animal}.
           | {name2} was promised by {name} that {name.he} would look after the {animal}.
           | A promise to look after the {animal} was made to {name2} by {name}.
    dev    colour<>colour2 | The {person} with the {colour} {object} bought a {object2}, which was {colour2}.
           | A {colour2} {object2} was bought by the {person} who had the {colour} {object}.
           | The {person} whose {object} was {colour} bought a {object2} that was {colour2}.
relations that hold both ways
    train  city>city2 | {name} met {name2} in {city} on {day}.
           | On {day}, {name2} met {name} in {city}.
           | {name2} and {name} met on {day} in {city}.
    train  person2>person3 | The {person} is married to the {person2} from {city}.
           | The {person2} from {city} and the {person} are husband and wife.
           | The {person2} from {city} is the one to whom the {person} is married.
    dev    building>building2 | The {person} and the {person2} both work in the {building} in {city}.
           | In the {building} in {city}, the {person2} is a colleague of the {person}.
           | The {person} is a colleague of the {person2} in the {building} in {city}.
    dev    season>season2 | In {season}, the {person} shared a flat with {name}.
           | {name} and the {person} lived in the same flat in {season}.
           | {name} shared a flat with the {person} in {season}.
numbers
    train  number>number2 | {name} {buy.past} {number} {object.pl} in {city}.
           | In {city}, {number} {object.pl} were {buy.part} by {name}.
           | The number of {object.pl} that {name} {buy.past} in {city} was {number}.
    train  number<>number2 | There were {number} {person.pl} and {number2} {person2.pl} at the {building}.
           | At the {building} were {number2} {person2.pl} and {number} {person.pl}.
           | The {building} was visited by {number} {person.pl} and by {number2} {person2.pl}.
    dev    number>number2 | The {person} waited at the {building} for {number} hours.
           | For {number} hours, the {person} was left waiting at the {building}.
           | The wait of the {person} at the {building} lasted {number} hours.
    dev    number<>number2 | The price of the {object} changed from {number} to {number2} dollars.
           | The {object}, which had cost {number} dollars, was priced at {number2}.
           | {number2} dollars, not {number} as before, was the new price of the {object}.
places and dates
    train  city<>city2 | The {person} left {city} for {city2} on {day}.
           | On {day}, the {person} set out from {city} to {city2}.
           | The {person} travelled to {city2} from {city} on {day}.
    train  day<>day2 | The {building} opens on {day} and closes on {day2}.
           | On {day2} the {building} closes, and on {day} it opens.
           | The opening of the {building} is on {day} and its closing on {day2}.
    dev    month>month2 | {name} will marry the {person} from {city} in {month}.
           | The wedding of {name} and the {person} from {city} is planned for {month}.
           | In {month}, {name} and the {person} from {city} will get married.
    dev    city<>city2 | {name} was born in {city} but grew up in {city2}.
           | {name} spent {name.his} childhood in {city2}, though {name.his} birthplace was {city}.
           | Born in {city}, {name} was raised in {city2}.
up and down
    train  rise>fall rise2>fall2 | The price of {goods} {rise.past} in {month}.
           | In {month}, {goods} prices {rise2.past}.
           | {goods} prices {rise2.past} in {month}.
    train  accept>reject accept2>reject2 | The {person} {accept.past} the plan of the {person2}.
           | The plan of the {person2} was {accept2.part} by the {person}.
           | What the {person2} planned was {accept2.part} by the {person}.
    dev    rise>fall rise2>fall2 | The number of visitors to the {building} {rise.past} in {month}.
           | In {month}, the {building} saw its number of visitors {rise2}.
           | Visitor numbers at the {building} {rise2.past} in {month}.
    dev    accept>reject accept2>reject2 | In {city}, {name}'s offer for the {building} was {accept.part}.
           | The offer that {name} made for the {building} in {city} was {accept2.part}.
           | They {accept2.past} the offer that {name} had made in {city} for the {building}.
all and some
    train  all>some all2>some2 | {all} {person.pl} from {city} {laugh.past} on {day}.
           | On {day}, {all2} {person.pl} from {city} {laugh.past}.
           | On {day} {all2} {person.pl} who are from {city} {laugh.past}.
    train  all>some all2>some2 | {name} {buy.past} {all} {object.pl} in the {room}.
           | In the {room}, {all2} {object.pl} were {buy.part} by {name}.
           | {all2} {object.pl} in the {room} were {buy.part} by {name}.
    dev    all>some all2>some2 | {all} {animal.pl} that {name} owns are {fur}.
           | {all2} {animal.pl} that belong to {name} are {fur}.
           | {fur} is the colour of {all2} {animal.pl} that {name} owns.
another person
    train  person>person2 | The {person} from {city} {buy.past} a {state} {object} {past}.
           | {past}, a {state} {object} was {buy.part} by the {person} from {city}.
           | It was {past} that the {person} from {city} {buy.past} a {state} {object}.
    train  name>name2 | {name} gave a talk about the {animal.pl} of {city} at the {building}.
           | The {animal.pl} of {city} were the subject of what {name} said at the {building}.
           | At the {building}, it was {name} who spoke about the {animal.pl} of {city}.
    dev    name>name2 | Nobody in {city} sings as well as {name}. | {name} is the best singer in {city}.
           | In {city} there is no better singer than {name}.
    dev    person>person2 | The {state} {object} was found by a {person} who lives in {city}.
           | It was a {person} living in {city} who found the {state} {object}.
           | A {person}, whose home is {city}, has found the {state} {object}.
another thing
    train  object>object2 | {name} keeps a {object} in the {container} in the {room}.
           | In the {container} in the {room}, there is a {object} that belongs to {name}.
           | The {container} in the {room} holds {name}'s {object}.
    train  instrument>instrument2 | The {person} plays the {instrument} in an orchestra in {city}.
           | An orchestra in {city} has the {person} as its {instrument} player.
           | In {city}, the {person} belongs to an orchestra and plays the {instrument} there.
    dev    sport>sport2 | {name} has been playing {sport} since {month}.
           | It was in {month} that {name} took up {sport}.
           | {name} started to play {sport} in {month}.
    dev    building>building2 | The {person} wants to turn the {building} into flats.
           | Flats are what the {person} wants to make of the {building}.
           | According to the plans of the {person}, the {building} will become flats.
allowed and forbidden
    train  allow>forbid allow2>forbid2 | The {person} {allow.past} smoking in the {building} in {city}.
           | Smoking in the {building} in {city} was {allow2.part} by the {person}.
           | In {city}, the {person} {allow2.past} smoking in the {building}.
    train  confirm>deny confirm2>deny2 | The {person} {confirm.past} that {name} had {laugh.part} in {city}.
           | That {name} had {laugh.part} in {city} was {confirm2.part} by the {person}.
           | It was {confirm2.part} by the {person} that in {city} {name} had {laugh.part}.
    dev    hire>dismiss hire2>dismiss2 | The {building} {hire.past} {number} {person.pl} in {month}.
           | In {month}, {number} {person.pl} were {hire2.part} by the {building}.
           | There were {number} {person.pl} whom the {building} {hire2.past} in {month}.
    dev    begin>end begin2>end2 | In the {building} the concert of the {person} {begin.past} at {few}.
           | The concert of the {person} in the {building} {begin2.past} at {few}.
           | At {few}, the {person}'s concert {begin2.past} in the {building}.
sure and able
    train  sure>unsure sure2>unsure2 | The {person} is {sure} that {name} will win in {city}.
           | The {person} is {sure2} of a win by {name} in {city}.
           | Will {name} win in {city}? The {person} is {sure2} of it.
    train  able>unable able2>unable2 | {name} {able} {clean} the {object} of the {person}.
           | The {object} of the {person} is something that {name} {able2} {clean}.
           | As for the {person}'s {object}, {name} {able2} {clean} it.
    dev    sure>unsure sure2>unsure2 | {name} is {sure} of getting the {mood} {person}'s vote.
           | The {mood} {person}'s vote is one of which {name} is {sure2}.
           | {name} is {sure2} that the {mood} {person} will vote for {name.him}.
    dev    able>unable able2>unable2 | In {season}, {name} {able} sleep in the {room}.
           | The {room} is where {name} {able2} sleep in {season}.
           | When it is {season}, {name} {able2} sleep in the {room}.
"""
