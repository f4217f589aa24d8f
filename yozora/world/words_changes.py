"""The phrasings of events that change the world, as `words_events` has those of all others; `tower` names what is knocked down."""

TOWER = (
    "{a} [ROLL] {pace} {to} into {tower} and [+knock] it over {past}",
    "{a} [HIT] {tower}, coming {to!}, and it [1~TOPPLE] {past}",
    "{tower} [1be] knocked over by {a} coming {to!} {past}",
    "{a} [knock] down {tower} {to} {past}",
    "{a} [crash] {to!} into {tower}, which [~TOPPLE] {past}",
    "{tower} [collapse] when {a} [~HIT] it {to} {past}",
    "{a} [ROLL] {to} {pace} and [+knock] over {tower} {past}",
    "{tower} [fall] apart as {a} [~ROLL] {to!} into it {past}",
    "^moving {to!} {pace}, {a} [HIT] {tower} and [+knock] it down {past}",
    "{tower} [come] down when {a} [~crash] into it {to} {past}",
    "{a} [send] {tower} tumbling {to} {past}",
    "{a} [bump] into {tower} {to} and all of it [1~fall] down {past}",
    "{a} [push] over {tower} {to} {past}",
    "{a} [ROLL] {pace} {to!} through {tower} {past}",
)
PAINT = (
    "{a} [ROLL] {pace} {to} and [+leave] a trail of paint {past}",
    "{a} [leave] a trail of paint on the floor as it [~ROLL] {to!} {past}",
    "^wet with paint, {a} [ROLL] {to!} {pace} {past}",
    "{a} [*be] wet with paint and [+ROLL] {to!} {pace} {past}",
    "{a} [ROLL] {to!} {pace}, leaving paint on the floor {past}",
    "{a}, wet with paint, [ROLL] {to!} {pace} {past}",
    "a trail of paint [1~follow] {a} as it [~ROLL] {to!} {pace} {past}",
    "{a} [ROLL] across the floor {to!} {pace} and a stripe of paint [1~stay] {past}",
    "{a} [cross] the floor {to!} {pace} and [+leave] its paint there {past}",
    "{a} [ROLL] {to!} {pace} with wet paint on it, which [1~stay] on the floor {past}",
    "^as {a} [~ROLL] {to!}, it [leave] a trail of paint {past}",
    "{a} [make] its way {to!} {pace} and [+leave] a stripe of paint {past}",
    "{a} [head] {to!} {pace}, a trail of paint behind it {past}",
)
SEESAW = (
    "{a} [FALL] {high} on one end of a seesaw and [+throw] up {t} {past}",
    "{a} [FALL] {high} onto a seesaw and {t} [1~fly] up from the other end {past}",
    "{t} [be] thrown up by a seesaw when {a} [~fall] on it {high} {past}",
    "{a} [drop] {high} on a seesaw, which [1~throw] {t} into the air {past}",
    "a seesaw [1throw] up {t} as {a} [~FALL] on it {high} {past}",
    "{t} [be] thrown into the air from a seesaw by {a} that [~fall] on the other end {high} {past}",
    "^{high!} {a} [FALL] on a seesaw and [+throw] {t} up {past}",
    "{a} [land] {high} on one end of a seesaw and {t} [1~fly] up from the other {past}",
    "{a} [land] on a seesaw {high} and [+throw] {t} into the air {past}",
    "{t} [fly] up from a seesaw when {a} [~drop] on its other end {high} {past}",
    "{a} [drop] {high} and [+tip] a seesaw, throwing up {t} {past}",
    "{t} [be] thrown up from a seesaw on which {a} [~land] {high} {past}",
)
BREAK = (
    "{a} [FALL] {high} and [+BREAK] into pieces {past}",
    "{a} [BREAK] into pieces on the floor {past}",
    "{a} [FALL] to the floor {high} and [+fall] apart {past}",
    "{a} [break] when it [~fall] on the floor {high} {past}",
    "^dropped {high!}, {a} [BREAK] into pieces {past}",
    "{a} [be] dropped {high} and [+BREAK] {past}",
    "{a} [hit] the floor after falling {high!} and [+BREAK] {past}",
    "{a} [drop] {high} and [+go] to pieces {past}",
    "{a} [FALL] {high}, and its pieces [2~lie] on the floor {past}",
    "{a} [BREAK] apart when it [~land] {high} {past}",
    "^{high!} {a} [FALL] and [+break] into many pieces {past}",
    "{a} [fall] {high} onto the ground and [+be] broken {past}",
)
POUR = (
    "{a} [pour] onto the floor {past}",
    "{a} [pour] {high} out of a spout and [+form] a heap {past}",
    "{a} [pour] down {high} and [+lie] in a heap {past}",
    "a spout [1pour] {a} onto the floor {high} {past}",
    "{a} [run] out of a spout {high} onto the ground {past}",
    "{a} [fall] {high} from a spout and [+make] a heap {past}",
    "{a} [be] poured onto the floor {high} {past}",
    "{a} [pour] from a spout {high} onto a heap {past}",
    "^out of a spout [pour] {a} {high} {past}",
    "{a} [FALL] out of a spout {high} and [+stay] in a heap {past}",
    "{a} [pour] down {high} until there [~be] a heap {past}",
    "{a} [FALL] {high} and [+form] a heap on the floor {past}",
)
CHANGE_PHRASINGS = {"tower": TOWER, "paint": PAINT, "seesaw": SEESAW, "break": BREAK, "pour": POUR}

CHANGE_SHORT = {
    "tower": (
        "{a} [knock] over {tower}", "{a} [HIT] {tower}", "{tower} [be] knocked over by {a}", "{a} [crash] into {tower}",
        "{a} [ROLL] {to!} into {tower}", "{tower} [be] hit by {a} and [+fall]",
    ),
    "paint": (
        "{a} [leave] a trail of paint", "{a} [ROLL] {to!} and [+leave] a trail of paint", "-{a} and its trail of paint",
        "{a} [leave] paint on the floor", "{a} wet with paint [TURN] {to}",
    ),
    "seesaw": (
        "{a} [FALL] on a seesaw and [+throw] up {t}", "{a} on a seesaw [throw] up {t}", "{t} [be] thrown up by {a} on a seesaw",
        "{a} [hit] a seesaw and {t} [1~fly] up", "a seesaw [1throw] up {t} as {a} [~land]",
    ),
    "break": (
        "{a} [BREAK]", "{a} [BREAK] into pieces", "{a} [FALL] and [+BREAK]", "{a} [go] to pieces on the floor",
        "{a} [fall] {high!} and [+break]",
    ),
    "pour": (
        "{a} [pour] onto the floor", "{a} [pour] down", "{a} [form] a heap", "{a} [pour] out of a spout", "{a} [fall] in a heap",
    ),
}  # fmt: skip
CHANGE_PHASES = {
    "tower": (
        ("{a} [ROLL] {to!} toward {tower}", "{a} [ROLL] {to!} up to {tower}"),
        ("{a} [knock] over {tower} {to!}", "{tower} [1be] knocked over by {a} coming {to!}"),
    ),
    "seesaw": (
        ("{a} [FALL] {high} toward a seesaw on which {t} [1~wait]", "{a} [drop] {high} above a seesaw with {t} on it"),
        ("{a} on a seesaw [throw] up {t}", "{t} [fly] up from a seesaw on which {a} [~land]"),
    ),
    "break": (
        ("{a} [FALL] {high}", "{a} [drop] through the air"),
        ("{a} [BREAK] into pieces", "{a} [hit] the floor and [+BREAK]"),
    ),
    "pour": (
        ("{a} [pour] out of a spout", "{a} [pour] onto the floor"),
        ("{a} [lie] in a heap", "{a} [stay] on the floor in a heap"),
    ),
}

TOWER_WORDS = ("tower", "stack")
GRAIN_WORDS = ("grains", "beads")
