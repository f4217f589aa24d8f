"""Captions of a game: a few words, a sentence, everything; they follow from the game and a seed. `grammar` says what the marks mean."""

from yozora.world.game import Game, play
from yozora.world.grammar import Slots, Voice, Writer, article, speak, tidy
from yozora.world.words import Captions, Phrase, writer
from yozora.world.words_names import COLOUR_WORDS, NUMBERS

PLAYER_WORDS = ("player", "character", "hero", "creature")
WAY_WORDS = {
    "left": ("to the left", "left", "leftwards"),
    "right": ("to the right", "right", "rightwards"),
    "up": ("up", "upwards", "toward the top"),
    "down": ("down", "downwards", "toward the bottom"),
}
THEME_WORDS = {
    "meadow": ("a meadow", "a green meadow", "a grassy field"),
    "desert": ("a desert", "a sandy desert", "the sand"),
    "ice": ("an icy field", "a field of ice", "the snow"),
    "cave": ("a cave", "a dark cave", "a cavern"),
    "night": ("a garden at night", "a field at night", "a courtyard at night"),
}
SHORT = (
    "{a} [%collect] {loot}",
    "{a} [%gather] {loot}",
    "{a} [%go] {way} and [%collect] {loot}",
    "{a} [%move] {way} in {place}",
    "a game in which {a} [collect] {loot}",
    "a grid game with {a} and {all}",
    "{loot} collected by {a}",
    "{a} [%search] {place} for {all}",
    "{a} [%pick] up {loot} in {place}",
    "a game in {place}, {a} [%get] {loot}",
)
SENTENCE = (
    "{a} first [move] {way} and [collect] {loot} in {place}",
    "in {place} {a} [walk] {way} at first and [collect] {loot}",
    "in a small game {a} [set] off {way} and [pick] up {loot}",
    "in a grid game {a} [go] {way} first and [get] {loot}",
    "{a} [start] {way} in {place} and [gather] {loot}",
    "{a} [head] {way} through {place}, [%collect] {loot}",
    "a video game in {place}, {a} [%start] {way} and [%collect] {loot}",
    "seen from above, {a} [move] {way} and [collect] {loot}",
    "{a} [step] {way} and [collect] {loot} in a game in {place}",
    "{a} [collect] {loot} in {place}, [%go] {way} first",
    "a game seen from above, {a} [%begin] {way} and [%gather] {loot}",
    "on a board in {place} {a} [move] {way} first and [pick] up {loot}",
    "{a} in {place} [go] {way} first, then [collect] {loot}",
    "{a} [walk] {way} and then [pick] up {loot} in {place}",
    "a little game, {a} [walk] {way} first and [collect] {loot}",
    "cell by cell {a} [go] {way} first and [collect] {loot}",
    "step by step {a} [move] {way} and [gather] {loot} in {place}",
    "a clip of a game, {a} [%move] {way} and [%pick] up {loot}",
    "among walls in {place} {a} [turn] {way} and [collect] {loot}",
    "{loot} are collected in {place} by {a} that [start] {way}",
)
OPENINGS = (
    "a grid game in {place} with {all}",
    "a small game seen from above, in {place}, with {all}",
    "{all} lie in {place}, a game of square cells",
    "a video game, {place} with walls and {all}",
    "on a board in {place} lie {all}",
    "{place} as a grid of cells, with {all}",
    "a game in {place}, {all} lie between walls",
    "in {place} with walls and a door lie {all}",
    "a simple game shows {place} with {all}",
)
DEEDS = (
    "{a} first [move] {way} and [collect] {loot}",
    "{a} [set] off {way} and [gather] {loot}",
    "{a} [start] {way}, then [pick] up {loot}",
    "{a} [walk] {way} at first and [get] {loot}",
    "{a} [begin] {way} and [collect] {loot} on its way",
    "at first {a} [go] {way}, and it [collect] {loot}",
    "{a} [head] {way} first and [take] up {loot}",
    "{loot} are collected by {a}, which [start] {way}",
    "first {a} [step] {way}, and it [pick] up {loot}",
    "{a} [move] {way} to begin with and [gather] {loot}",
    "around the walls {a}, [%go] {way} first, [collect] {loot}",
    "{a} [turn] {way} and [get] {loot}",
)
SCORES = (
    "the score at the top reaches {score}",
    "the points above the board count {score}",
    "the score at the end is {score}",
    "at the top the score shows {score} in the end",
    "{score} points are filled at the top",
    "the final score is {score}",
    "in the end the row at the top shows {score} points",
    "the player ends with a score of {score}",
)
DOORS = {
    "closed": (
        "the door stays closed",
        "the door does not open",
        "the locked door stays shut",
        "the door remains closed",
        "the way out stays locked",
        "the door is still closed at the end",
    ),
    "open": (
        "the door opens",
        "the door opens with the last coin",
        "then the door stands open",
        "the last coin opens the door",
        "the way out opens",
        "at last the door is open",
    ),
    "left": (
        "it leaves through the open door",
        "then it goes to the door, which is open",
        "in the end it stands in the door",
        "the door opens and it goes in",
        "with the last coin the door opens, and it goes there",
        "it ends in the open door",
    ),
}


def caption_game(game: Game, seed: int, split: str = "train") -> Captions:
    """Captions of a game; a pure function of its arguments. The script is one cue, the sentence."""
    writers = [writer(seed, order, split) for order in range(3)]
    short, sentence = (speak(one, one.phrasing(*group), slots(one, game), Voice()) for one, group in zip(writers, GROUPS))
    used = (name for one in writers for name in one.used)
    texts = {"short": short, "sentence": sentence, "full": full(writers[2], game)}
    return Captions(**texts, script=(Phrase(text=sentence, start=0.0, end=1.0),), phrasings=frozenset(used))


GROUPS = (("game short", SHORT), ("game sentence", SENTENCE))


def full(writer: Writer, game: Game) -> str:
    """Board, deed, score and door, a sentence each."""
    end = play(game)[-1]
    door = "left" if end.player == game.board.door else "open" if end.open else "closed"
    groups = {"game opening": OPENINGS, "game deed": DEEDS, "game score": SCORES, f"game door {door}": DOORS[door]}
    said = slots(writer, game)
    return tidy(" ".join(f"{speak(writer, writer.phrasing(name, group), said, Voice())}." for name, group in groups.items()))


def slots(writer: Writer, game: Game) -> Slots:
    """What the slots of a caption's phrasings say."""
    score, total = play(game)[-1].score, len(game.board.coins)
    coins = f"{writer.word(COLOUR_WORDS[game.coin])} coins"
    share = f"{NUMBERS[score] if score else 'none'} of {NUMBERS[total]}"
    if score == total:
        share = "both" if total == 2 else f"all {NUMBERS[total]}"
    return {
        "a": article(f"{writer.word(COLOUR_WORDS[game.player])} {writer.word(PLAYER_WORDS)}"),
        "way": writer.word(WAY_WORDS.get(game.first, ("nowhere",))),
        "place": writer.word(THEME_WORDS[game.theme]),
        "all": f"{NUMBERS[total]} {coins}",
        "loot": f"{share} {coins}",
        "score": NUMBERS[score] if score else "zero",
    }
