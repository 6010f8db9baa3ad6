"""The suite's vocabulary: classes of words that can stand in one another's place, named after one of their members.

Templates name a class in braces: `{person}` is any of PERSON, `{laugh.past}` the past tense of any verb that takes no
object. One word in five of the open classes is held out of them in training, so dev sentences hold unseen words too.
"""

from functools import cache
from zlib import crc32

from ina.data.probe.inflection import Word, adjectives, kinds, names, nouns, numbered, plain, verbs

HELD_OUT_EVERY = 5
SMALLEST_OPEN_CLASS = 20
"""Classes with fewer words are used whole in every split."""

HE, SHE = "he him his himself", "she her her herself"
BOB = names(
    """Adam Ahmed Alan Albert Alfred Ben Carlos Charles Daniel David Dennis Diego Edward Eric Felix Frank Fred George
    Harry Henry Hugo Igor Jack James John Karl Kevin Lars Leo Louis Marco Mark Martin Nathan Oliver Omar Oscar Pablo
    Patrick Paul Peter Rahul Richard Robert Simon Stefan Steven Thomas Victor Walter William""",
    HE, SHE,
)  # fmt: skip
ANN = names(
    """Agnes Aisha Alice Amanda Angela Anna Astrid Barbara Carla Carmen Caroline Clara Diana Elena Ellen Emily Emma Eva
    Fatima Fiona Grace Greta Hannah Helen Ingrid Irene Jane Julia Karen Laura Linda Lucy Maria Martha Mary Mei Monica
    Nadia Nina Olga Paula Priya Rachel Rosa Ruth Sara Sofia Susan Teresa Vera""",
    SHE, HE,
)  # fmt: skip

CLASSES: dict[str, tuple[Word, ...]] = {
    # people
    "bob": BOB,
    "ann": ANN,
    "name": tuple(word for pair in zip(BOB, ANN, strict=False) for word in pair),
    "man": nouns("boy man/men king prince uncle nephew monk gentleman/gentlemen duke widower waiter salesman/salesmen"),
    "woman": nouns("girl woman/women queen princess aunt niece nun lady duchess widow waitress saleswoman/saleswomen"),
    "brother": nouns("brother grandson nephew son stepbrother stepson uncle"),
    "sister": nouns("aunt daughter granddaughter niece sister stepdaughter stepsister"),
    "person": nouns(
        """actor ambassador architect artist athlete author baker banker barber builder butcher captain carpenter
        cashier chemist clerk colonel cook dancer dentist designer detective diplomat doctor driver editor
        electrician engineer farmer gardener general guard guide historian inspector janitor journalist judge lawyer
        librarian magician manager mayor mechanic merchant minister musician novelist nurse officer painter
        pharmacist photographer physicist pianist pilot plumber poet politician porter producer professor programmer
        publisher reporter sailor scientist sculptor secretary senator sheriff singer soldier surgeon tailor
        teacher trainer translator writer"""
    ),
    # things
    "object": nouns(
        """ball bell belt blanket book bottle bowl bracelet broom brush calculator camera candle cap clock coat comb
        compass cup cushion dictionary doll drum flute fork guitar hammer hat helmet jacket kettle key kite knife/knives
        ladder lamp lantern magnet map mirror mug necklace needle notebook pan pencil phone pillow pipe plate purse
        racket radio ring rope rug saddle saucer scarf/scarves shawl shirt shovel spoon statue sword teapot telescope
        towel toy tray trumpet umbrella vase violin wallet watch whistle"""
    ),
    "vessel": nouns("bottle bowl bucket cup jar jug kettle mug pan pot teapot vase"),
    "container": nouns("bag basket box bucket case chest crate cupboard drawer locker sack suitcase trunk backpack"),
    "mass": plain("furniture luggage equipment money jewellery wood paper clothing cutlery glue soap wool"),
    "goods": plain("bread butter coffee copper glue milk paper rice soap steel sugar tea wheat wool"),
    "food": nouns(
        "apple biscuit burger cake carrot melon muffin omelette orange pancake peach pie pizza salad sandwich"
    ),
    "animal": nouns(
        """bear camel cat cow dog donkey duck eagle elephant fox giraffe goat goose/geese hamster hen horse kitten lamb
        lion monkey owl parrot pony puppy rabbit rat snake squirrel swan tiger turtle wolf/wolves zebra"""
    ),
    "tool": nouns("axe chisel drill hammer knife/knives needle razor saw screwdriver spade"),
    "bus": nouns("bus coach ferry minibus ship train tram"),
    "vehicle": nouns("bicycle bus car coach lorry motorcycle scooter taxi tractor train tram truck van"),
    "building": nouns(
        """bakery bank barn bookshop castle cathedral church cinema factory gallery hospital hotel inn laboratory
        library mill museum palace pharmacy prison restaurant school shop stadium station temple theatre tower
        university warehouse"""
    ),
    "room": nouns(
        "attic basement bathroom bedroom cellar garage garden hall kitchen lobby office pantry studio workshop"
    ),
    "material": plain(
        """aluminium bamboo brass bronze clay copper cork glass gold iron ivory leather marble plastic porcelain
        rubber silver steel stone tin wood zinc"""
    ),
    "ware": nouns(
        "bowl bracelet button chair cup lamp mask necklace plate ring spoon statue table toy tray vase whistle"
    ),
    "colour": plain(
        """red beige blue green crimson yellow black white brown grey purple orange pink turquoise violet maroon
        scarlet indigo olive lilac"""
    ),
    "city": plain(
        """Athens Berlin Boston Brussels Budapest Cairo Chicago Copenhagen Delhi Dublin Geneva Glasgow Hamburg Havana
        Helsinki Istanbul Kyoto Lima Lisbon London Madrid Manila Melbourne Milan Montreal Munich Nairobi Naples Oslo
        Paris Prague Rome Seoul Stockholm Sydney Tokyo Toronto Venice Vienna Warsaw"""
    ),
    "fur": plain("black brown grey white red yellow"),
    # time and quantity
    "day": plain("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
    "month": plain("January February March April May June July August September October November December"),
    "season": plain("spring summer autumn winter"),
    "few": plain("two three four five six seven eight nine"),
    "many": plain("eleven twelve fifteen twenty thirty forty fifty"),
    "tens": plain("twenty thirty forty fifty sixty seventy"),
    "number": plain("two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty"),
    "often": plain("often always never rarely sometimes usually frequently seldom"),
    "past": plain("yesterday, last week, last night, two days ago, last Monday, a month ago, last summer, an hour ago"),
    "future": plain("tomorrow, next week, next month, two days from now, next Monday, next summer, next year"),
    "instrument": nouns("cello clarinet drum flute guitar harp oboe piano saxophone trombone trumpet viola violin"),
    "dish": nouns("burger cake curry omelette pancake pie pizza pudding salad sandwich soup steak stew"),
    "sport": plain("basketball badminton chess cricket football golf hockey rugby tennis volleyball"),
    # properties
    "mood": plain(
        """angry anxious bored brave busy calm cheerful clever curious famous friendly generous happy honest hungry
        jealous lonely loud nervous patient polite poor proud quiet rich rude sad serious shy strong talented thirsty
        tired worried"""
    ),
    "state": plain(
        """ancient beautiful broken cheap clean dirty dusty elegant expensive filthy fragile heavy large modern
        new old ordinary plain popular practical precious rare shiny small sturdy ugly unusual useful valuable worn"""
    ),
    "trait": plain("beautiful dirty famous healthy heavy large old rare small strange ugly unusual valuable wet"),
    "tall": adjectives("tall short old young strong weak rich poor brave calm clever quick slow proud happy"),
    "careful": adjectives("careful honest generous patient polite graceful cautious diligent skilful cheerful"),
    "quick": adjectives("quick slow careful quiet loud cheerful calm nervous proud brave patient polite careless"),
    # verbs
    "laugh": verbs(
        """blush chuckle complain cough cry dance doze faint frown giggle hesitate jog+ joke kneel/knelt/knelt laugh
        linger nod+ pray shiver shout sigh skate sleep/slept/slept smile sneeze snore sob+ stroll stumble
        swim+/swam/swum travel+ tremble wait wander whisper yawn"""
    ),
    "admire": verbs(
        """admire annoy assist avoid blame call congratulate criticise defend distrust encourage envy follow
        forgive/forgave/forgiven greet hate help hire ignore insult interrupt interview invite like love
        mention mock notice offend pity praise protect push question recognise remember rescue respect
        see/saw/seen surprise tease thank trust visit warn watch welcome"""
    ),
    "blame": verbs(
        """admire blame congratulate criticise defend encourage forgive/forgave/forgiven hate praise protect question
        respect trust"""
    ),
    "buy": verbs(
        """borrow bring/brought/brought buy/bought/bought carry choose/chose/chosen clean deliver describe
        draw/drew/drawn drop+ examine find/found/found hide/hid/hidden hold/held/held inspect keep/kept/kept lift
        lose/lost/lost measure move need notice order photograph receive remove replace request return
        sell/sold/sold sketch steal/stole/stolen store touch unpack weigh want wrap+"""
    ),
    "repair": verbs(
        """borrow buy/bought/bought clean draw/drew/drawn find/found/found hide/hid/hidden lift move photograph repair
        sell/sold/sold sketch steal/stole/stolen unpack wrap+"""
    ),
    "maintain": verbs("clean inspect paint polish repair replace sell/sold/sold store wash"),
    "clean": verbs("clean drop+ examine hide/hid/hidden inspect lift measure move remove replace touch unpack wrap+"),
    "break": verbs(
        """break/broke/broken choose/chose/chosen draw/drew/drawn see/saw/seen shake/shook/shaken steal/stole/stolen
        take/took/taken throw/threw/thrown"""
    ),
    "get": verbs(
        "buy/bought/bought find/found/found lose/lost/lost need order receive request steal/stole/stolen want"
    ),
    "give": verbs("give/gave/given hand lend/lent/lent offer pass sell/sold/sold send/sent/sent show/showed/shown"),
    "donate": verbs("donate describe demonstrate display mention reveal"),
    "destroy": verbs("acquire avoid describe destroy discover locate lack mention obtain possess purchase replace"),
    "vanish": verbs("arrive disappear fall/fell/fallen vanish appear"),
    "crack": verbs("break/broke/broken drop+ move roll spin+/spun/spun"),
    "enjoy": verbs("admit+ avoid consider deny enjoy finish imagine practise suggest"),
    "hope": verbs("agree decide fail hope manage offer refuse"),
    "persuade": verbs("advise allow convince encourage force invite order persuade tell/told/told urge warn"),
    "think": verbs(
        "argue assume believe claim feel/felt/felt guess say/said/said suppose suspect think/thought/thought"
    ),
    "know": verbs(
        "discover forget+/forgot/forgotten know/knew/known learn notice realise remember regret+ see/saw/seen"
    ),
    "kind": kinds(
        """poodle:dog rose:flower oak:tree hammer:tool violin:instrument apple:fruit carrot:vegetable sparrow:bird
        salmon/salmon:fish/fish ant:insect lorry:vehicle novel:book sandal:shoe dagger:weapon sofa:seat
        terrier:dog tulip:flower pine:tree screwdriver:tool trumpet:instrument peach:fruit onion:vegetable eagle:bird
        beetle:insect taxi:vehicle dictionary:book boot:shoe sword:weapon armchair:seat collie:dog lily:flower
        willow:tree flute:instrument plum:fruit falcon:bird tram:vehicle cookbook:book"""
    ),
    # words and their opposites
    "rise": verbs("rise/rose/risen climb increase"),
    "fall": verbs("fall/fell/fallen drop+ decline"),
    "accept": verbs("accept approve"),
    "reject": verbs("reject refuse"),
    "allow": verbs("allow permit"),
    "forbid": verbs("ban+ forbid/forbade/forbidden prohibit"),
    "confirm": verbs("acknowledge confirm"),
    "deny": verbs("deny dispute"),
    "hire": verbs("hire recruit"),
    "dismiss": verbs("dismiss fire"),
    "begin": verbs("begin+/began/begun start"),
    "end": verbs("end finish"),
    "sure": plain("sure, certain"),
    "unsure": plain("not sure, not certain"),
    "able": plain("can, is able to"),
    "unable": plain("cannot, is not able to"),
    "start": plain("start begin"),
    "stop": plain("stop quit"),
    "acquire": plain("buy, purchase"),
    "sell": plain("sell, find a buyer for"),
    "all": plain("all the, all of the"),
    "some": plain("some of the, a few of the"),
    "why": plain("why"),
    "how": plain("how"),
    "where": plain("where"),
    # reviews
    "work": nouns(
        "cartoon comedy documentary/documentaries drama film musical opera play series/series show thriller western"
    ),
    "part": plain(
        """beginning, ending, first half, second half, music, humour, dialogue, plot, script, middle part, opening,
        title song"""
    ),
    "truly": plain("truly really remarkably thoroughly consistently simply genuinely"),
    "good": plain(
        """absorbing brilliant charming clever convincing delightful elegant enchanting engaging exciting fascinating
        fresh funny graceful gripping imaginative inspired lively lovely memorable moving original powerful refreshing
        rewarding satisfying sharp stylish subtle superb tender thoughtful thrilling touching witty wonderful"""
    ),
    "bad": plain(
        """annoying awkward awful bland boring chaotic clumsy confusing crude disappointing dreary dull empty flat
        forgettable hollow irritating laboured lazy lifeless messy monotonous pointless predictable pretentious
        repetitive ridiculous shallow silly sloppy stale tasteless tedious tiresome unconvincing weak"""
    ),
    "joy": plain("delight, joy, treat, triumph, small masterpiece, real pleasure"),
    "mess": plain("mess, bore, disaster, failure, waste of time, real torture"),
    "charm": verbs("amuse captivate charm delight enchant entertain impress thrill"),
    "bore": verbs("annoy bore depress disappoint exhaust insult irritate tire"),
    # words that agree in number
    "be": numbered("is", "are"),
    "was": numbered("was", "were"),
    "have": numbered("has", "have"),
    "do": numbered("does", "do"),
    "this": numbered("this", "these"),
    "that": numbered("that", "those"),
    "one": numbered("a", "several"),
    "himself": numbered("himself", "themselves"),
    "herself": numbered("herself", "themselves"),
    "lie": numbered("lies", "lie"),
    "stand": numbered("stands", "stand"),
    "seem": numbered("seems", "seem"),
}


@cache
def words(name: str, split: str) -> tuple[Word, ...]:
    """Words of a class that a split may use: `train` all but the held-out ones, `unseen` only those, any other all.

    Raises KeyError for an unknown class.
    """
    members = CLASSES[name]
    if len(members) < SMALLEST_OPEN_CLASS or split not in ("train", "unseen"):
        return members
    return tuple(word for word in members if is_held_out(word) == (split == "unseen"))


def is_held_out(word: Word) -> bool:
    """Whether a word is kept for dev in every open class that it belongs to."""
    return crc32(word[""].encode()) % HELD_OUT_EVERY == 0
