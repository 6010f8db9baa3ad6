"""Ways to ask the same; see `paraphrase.frame` for how to read it."""

TEXT = """
who does what to whom
    train  animal<>animal2 | Why are {animal.pl} afraid of {animal2.pl}?
           | What makes {animal.pl} fear {animal2.pl}?
           | What is it about {animal2.pl} that frightens {animal.pl}?
    train  person<>person2 | Does a {person} earn more than a {person2}?
           | Is a {person2} paid less than a {person}?
           | Do {person.pl} have a higher salary than {person2.pl}?
    train  person<>person2 | How can a {person} become a {person2}?
           | What must someone who works as a {person} do to be a {person2}?
           | I want to be a {person2} but I am a {person}. How do I do it?
    dev    animal<>animal2 | Can a {animal} outrun a {animal2}?
           | Are {animal.pl} faster than {animal2.pl}?
           | Do {animal2.pl} run more slowly than {animal.pl}?
    dev    person<>person2 | When should a {person} call a {person2} for help?
           | In which case does a {person} need the help of a {person2}?
           | When should a {person2} be asked by a {person} for help?
    dev    person<>person2 | Is it hard to retrain as a {person2} after years as a {person}?
           | After working as a {person} for years, is it difficult to train as a {person2}?
           | How difficult is it for a {person} to start a career as a {person2}?
from one to the other
    train  city<>city2 | How long does the train from {city} to {city2} take?
           | How many hours is it by train to {city2} from {city}?
           | If I leave {city} by train, when do I arrive in {city2}?
    train  container<>container2 | How do I move {object.pl} from a {container} to a {container2}?
           | What is the best way of getting {object.pl} into a {container2} from a {container}?
           | Is there a good way to take {object.pl} out of a {container} and put them into a {container2}?
    train  material<>material2 | How do you glue {material} onto {material2}?
           | What is the best way to attach {material} to a surface of {material2}?
           | How can a surface of {material2} be covered with {material}?
    dev    city<>city2 | What is the cheapest flight to {city2} from {city}?
           | How can I fly from {city} to {city2} for the lowest price?
           | Which airline has the lowest fares for someone in {city} who wants to go to {city2}?
    dev    material<>material2 | Can I replace the {material} in my {ware} with {material2}?
           | My {ware} has parts of {material}. Could I use {material2} instead?
           | Is {material2} a good substitute for the {material} in my {ware}?
which is better
    train  material<>material2 | Why is {material} more expensive than {material2}?
           | Why does {material2} cost less than {material}?
           | What makes {material} dearer than {material2}?
    train  city<>city2 | Is {city} a better place to live than {city2}?
           | Would you rather live in {city} than in {city2}?
           | Is life in {city2} worse than in {city}?
    dev    vehicle<>vehicle2 | Is a {vehicle} safer than a {vehicle2} in {season}?
           | In {season}, is a {vehicle2} more dangerous than a {vehicle}?
           | When it comes to {season}, is it better to trust a {vehicle} than a {vehicle2}?
    dev    building<>building2 | Should I visit the {building} in {city} before the {building2}?
           | In {city}, should the {building2} come after the {building} in my plans?
           | Is it best to leave the {building2} in {city} until I have seen the {building}?
starting and stopping
    train  start>stop start2>stop2 | How do I {start} {laugh.ing} at work?
           | What is the best way to {start2} {laugh.ing} at work?
           | How can I {start2} {laugh.ing} when I am at work?
    train  acquire>sell acquire2>sell2 | Where can I {acquire} an old {object} in {city}?
           | In {city}, what is the best place to {acquire2} an old {object}?
           | I live in {city}. Where should I go to {acquire2} an old {object}?
    dev    start>stop start2>stop2 | When should a {person} {start} {laugh.ing}?
           | Is there a good time for a {person} to {start2} {laugh.ing}?
           | I am a {person}. When should I {start2} {laugh.ing}?
    dev    acquire>sell acquire2>sell2 | When is the best time to {acquire} a {vehicle}?
           | In which month should one {acquire2} a {vehicle}?
           | What time of the year is good for someone who has to {acquire2} a {vehicle}?
which thing
    train  ware>ware2 | How do I repair an old {ware} of {material}?
           | What is the best way to repair an old {ware} that is made of {material}?
           | My old {ware} of {material} is broken. How do I mend it?
    train  city>city2 | What is the best {building} in {city}?
           | Which {building} in {city} would you recommend?
           | I am in {city}. What {building} should I go to?
    dev    material>material2 | Which soap is best for cleaning {ware.pl} made of {material}?
           | How do I get {ware.pl} of {material} clean?
           | What should I use to wash a {ware} of {material}?
    dev    animal>animal2 | What do {animal.pl} eat in {season}?
           | In {season}, what is the food of a {animal}?
           | Which food should I give my {animal} in {season}?
why, how or where
    train  why>how | {why} did {name} {buy} the {state} {object}?
           | {why} was the {state} {object} {buy.part} by {name}?
           | Can you tell me {why} {name} {buy.past} the {state} {object}?
    train  where>why | {where} do {person.pl} usually {laugh} in {season}?
           | In {season}, {where} do {person.pl} usually {laugh}?
           | Can you tell me {where} {person.pl} usually {laugh} in {season}?
    dev    why>how | {why} should I {maintain} my {object} before {season}?
           | My {object} has to be {maintain.part} before {season}, but {why}?
           | Does anybody know {why} I should {maintain} my {object} before {season}?
    dev    how>where | {how} can one learn to {laugh} like a {person}?
           | Does anybody know {how} one can learn to {laugh} like a {person}?
           | If you want to {laugh} like a {person}, {how} can you learn it?
which place
    train  city>city2 | How is the weather in {city} in {month}? | What weather can I expect in {city} in {month}?
           | In {month}, what is the weather like in {city}?
    train  building>building2 | Who built the {building} in {city}? | By whom was the {building} in {city} built?
           | Who was the builder of the {building} in {city}?
    dev    room>room2 | Which colour should I paint the {room}? | What is the best colour for the walls of a {room}?
           | In what colour do the walls of a {room} look best?
    dev    city>city2 | Is it safe to walk in {city} on a {day} night?
           | Is a walk through {city} on a {day} night dangerous?
           | Can I go for a walk in {city} on a {day} night without danger?
which person or animal
    train  person>person2 | How much does a {person} in {city} earn? | What is the salary of a {person} in {city}?
           | How much money do {person.pl} make in {city}?
    train  animal>animal2 | How long does a {animal} live in a zoo? | What age can {animal.pl} reach in a zoo?
           | In a zoo, what is the life span of a {animal}?
    dev    person>person2 | What does a {person} do on a {day} morning? | How do {person.pl} spend a {day} morning?
           | What is it like to be a {person} on a {day} morning?
    dev    animal>animal2 | Where can I see {animal.pl} near {city}?
           | What is a good place near {city} to watch a {animal}?
           | Is there a place near {city} where {animal.pl} can be seen?
at what time
    train  month>month2 | Does it rain much in {city} in {month}? | Is there much rain in {city} in {month}?
           | Is {month} a rainy month in {city}?
    train  day>day2 | Is the {building} in {city} open on {day}? | Can I visit the {building} in {city} on a {day}?
           | In {city}, does the {building} open on {day}?
    dev    season>season2 | What should I wear in {city} in {season}? | Which clothes are right for {city} in {season}?
           | I am going to {city} in {season}. What clothes should I take?
    dev    few>few2 | How do I cook a {dish} for {few} people? | What is a good way to cook a {dish} for {few}?
           | I have {few} guests. How do I make a {dish} for them?
"""
