"""The report of the world suite: one page that opens without a network, everything within it."""

import base64
import html
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from yozora.evaluate.cases import GIVEN, LEVELS
from yozora.evaluate.report import Row, difference, measures, of_all, share, split, takes_of, tally, wilson
from yozora.evaluate.world import MODEL, RENDER, THROUGH, clip_file
from yozora.video import Video
from yozora.video.sheet import sheet

KINDS = {MODEL: "#2f6fdf", THROUGH: "#d98a1f", RENDER: "#5a9b57"}  # and the colour of each in the plots
SIDED = ("all", "direction", "camera", "permanence")  # measures by which sides are compared
WAYS = ("left", "right", "toward", "away", "still")  # where one thing can be seen to go
SEVERAL = "no one way"
CHANGED = "changes"  # the level of what changes for good, which a model may not have been trained on
CLAIM, CLAIMED = ("pairs", "triples"), "held-out pairs and triples together"
THUMB, COLUMNS, FRAME = 76, 12, 2  # pixels of a moving thumbnail, thumbnails in a row, pixels of the line around each
PASSED, FAILED, MISSING = (90, 155, 87), (200, 70, 60), (40, 40, 40)
ENDS, STRIP = 6, 8  # best and worst clips that are shown, and frames of each
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2.2rem } p.big { font-size: 1.25rem }
table { border-collapse: collapse; font-size: 13px; display: block; overflow-x: auto }
td, th { padding: .2rem .6rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap }
td:first-child, th:first-child { text-align: left }
.facts td { text-align: left; white-space: normal; overflow-wrap: anywhere }
video, img { max-width: 100% } figure { margin: .6rem 0 } figcaption, .note { color: #666; font-size: 13px }
.plots { display: flex; flex-wrap: wrap; gap: 1rem } code { font-size: 13px }
"""


def page(facts: Mapping, rows: Sequence[Row], clips: Path) -> str:
    """The whole report as HTML; `facts` are what `summarise` returns, `clips` the folder with the model's clips."""
    once = [row for row in rows if row["take"] == 0]
    made = [row for row in once if row["kind"] == MODEL]
    parts = [
        f"<h1>{html.escape(facts['model'])} on the world suite</h1>",
        f'<p class="big">Joint pass@1: <b>{said(facts["joint"])}</b> clips from words, none picked;<br>'
        f"without what changes for good {said(facts['joint without changes for good'])}.</p>",
        f'<p class="note">{html.escape(facts["tier"])} Trajectory and gravity are measured from a known start alone, in the '
        f"levels {', '.join(f'<i>{level}</i>' for level in GIVEN)}, which the figure above leaves out.</p>",
        "<h2>By level</h2>",
        by_level(once, rows),
        "<h2>By measure</h2>",
        by_measure(once),
        '<p class="note">Share of the clips that pass, with 95 % Wilson intervals; a clip that could not be made fails. '
        f"Beside: {RENDER} of the same scenes, and of every fourth case of a level {THROUGH}. What can be measured in a render must be "
        "there to be measured in the clip.</p>",
        f"<h2>Lost on {CLAIMED}</h2>",
        '<p class="note">How many more of a hundred clips of seen combinations pass, with 95 % intervals (Newcombe).</p>',
        gaps(once),
        "<h2>Which way</h2>",
        '<p class="note">Clips in which one thing is to go one way, by the way that was asked and the way that was seen.</p>',
        by_way(made),
        '<p class="note">How often what is to go to one side alone passes.</p>',
        by_side(made),
        "<h2>What changes for good, by kind</h2>",
        by_family([row for row in once if row["level"] == CHANGED]),
        "<h2>Measure by measure</h2>",
        f'<p class="note">{legend()}</p><div class="plots">{"".join(plot(name, once) for name in measures(once))}</div>',
        "<h2>Whether clips differ, and whether they are copies</h2>",
        likeness(facts),
        "<h2>All clips</h2>",
        '<p class="note">The first take of every case, in order, nothing left out; a green line: all measures pass, red: some do not, '
        "black: no clip was made.</p>",
        *(moving(level, [row for row in made if row["level"] == level], clips) for level in LEVELS),
        "<h2>Best and worst</h2>",
        *extremes(made, clips),
        "<h2>What it took</h2>",
        '<div class="facts">',
        table(("", ""), [(html.escape(name), html.escape(str(value))) for name, value in facts["made with"].items()]),
        "</div>",
    ]
    title = f"{html.escape(facts['model'])}: world suite"
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def said(counted: Mapping) -> str:
    """Such as `12 % (8-17) of 362`."""
    return of_all(counted["right"], counted["of"])


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """An HTML table; its cells are HTML already."""
    rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in line)}</tr>" for line in lines)
    return f"<table><tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr>{rows}</table>"


def by_level(once: Sequence[Row], rows: Sequence[Row]) -> str:
    """Joint pass@1 of each level, beside renders; and how often all takes of a case pass."""
    groups = {title: (level,) for level, title in LEVELS.items()} | {
        CLAIMED: CLAIM,
        "all from words": [level for level in LEVELS if level not in GIVEN],
    }
    lines = []
    for title, levels in groups.items():
        kinds = [[row for row in once if row["level"] in levels and row["kind"] == kind] for kind in KINDS]
        if kinds[0]:
            every = of_all(*repeated([row for row in rows if row["level"] in levels]))
            lines.append((title, str(len(kinds[0])), *(share(kind, "all") if kind else "-" for kind in kinds), every))
    return table(("level", "clips", *(f"joint, {kind}" for kind in KINDS), "all of 4 pass"), lines)


def gap(once: Sequence[Row]) -> dict[str, tuple[float, float, float]]:
    """By how much more of the seen combinations than of the held-out pairs and triples pass, with its interval, measure by measure."""
    seen, held = ([row for row in once if row["level"] in levels] for levels in (("seen",), CLAIM))
    return {
        name: difference(tally(seen, name), tally(held, name)) for name in measures(once) if tally(seen, name)[1] and tally(held, name)[1]
    }


def gaps(once: Sequence[Row]) -> str:
    """What a model loses on combinations that it has not seen, beside what renders lose, whose shapes are not all as easy to tell."""
    found = {kind: gap([row for row in once if row["kind"] == kind]) for kind in (MODEL, RENDER)}
    lines = [
        ("joint" if name == "all" else name, *(points(losses[name]) if name in losses else "-" for losses in found.values()))
        for name in found[MODEL]
    ]
    return table(("points", *found), lines) if lines else "<p>No case of both kinds.</p>"


def points(lost: tuple[float, float, float]) -> str:
    """Such as `+12 (-3 to +26)`, in percent."""
    return "{:+.0f} ({:+.0f} to {:+.0f})".format(*(100 * value for value in lost))


def sided(made: Sequence[Row]) -> dict[str, Sequence[Row]]:
    """The clips of what is to go to one side alone, by that side."""
    return {way: [row for row in made if set(row["ways"]) == {way}] for way in ("left", "right")}


def confusion(made: Sequence[Row]) -> Mapping[str, Mapping[str, int]]:
    """Of the clips in which one thing is to go one way, how many go which: by the way that was asked, and the one that was seen."""
    found: dict[str, dict[str, int]] = {way: dict.fromkeys((*WAYS, SEVERAL), 0) for way in WAYS if way != "still"}
    for row in made:
        score = row["scores"].get("direction")
        if score and len(row["ways"]) == 1 and row["ways"][0] in found:
            seen = set(score[2].split("+")) & set(WAYS)
            found[row["ways"][0]][seen.pop() if len(seen) == 1 else SEVERAL] += 1
    return found


def by_way(made: Sequence[Row]) -> str:
    """The same as a table."""
    return table(("asked", *WAYS, SEVERAL), [(way, *map(str, seen.values())) for way, seen in confusion(made).items()])


def by_family(changed: Sequence[Row]) -> str:
    """How often what is to change for good does, and stays so, by the kind of event and of clip."""
    kinds = split(changed, lambda row: row["family"])
    if not kinds:
        return "<p>No such case.</p>"
    lines = [
        (
            family,
            str(sum(row["kind"] == MODEL for row in some)),
            *(share([row for row in some if row["kind"] == kind], name) for name in ("irreversible", "all") for kind in KINDS),
        )
        for family, some in kinds.items()
    ]
    return table(("event", "clips", *(f"{name}, {kind}" for name in ("irreversible", "joint") for kind in KINDS)), lines)


def by_side(made: Sequence[Row]) -> str:
    """Whether a model knows one side better than the other: the clips of what is to go to that side alone."""
    lines = [(way, str(len(some)), *(share(some, name) for name in SIDED)) for way, some in sided(made).items()]
    return table(("to the", "clips", *("joint" if name == "all" else name for name in SIDED)), lines)


def repeated(rows: Sequence[Row]) -> tuple[int, int]:
    """In how many of the cases that were made several times all takes pass jointly, of how many."""
    several = [takes for takes in takes_of([row for row in rows if row["kind"] == MODEL]) if len(takes) > 1]
    return sum(tally(takes, "all")[0] == len(takes) for takes in several), len(several)


def by_measure(once: Sequence[Row]) -> str:
    """Every rate of the model by level, and of all clips from words together beside renders."""
    levels = [level for level in LEVELS if any(row["level"] == level for row in once)]
    made, words = [row for row in once if row["kind"] == MODEL], [row for row in once if row["level"] not in GIVEN]
    lines = []
    for name in measures(once):
        cells = [share([row for row in made if row["level"] == level], name) for level in levels]
        beside = [share([row for row in words if row["kind"] == kind], name) for kind in KINDS]
        lines.append(("joint" if name == "all" else name, *beside, *cells))
    counts = [sum(row["kind"] == kind for row in words) for kind in KINDS]
    beside = [f"from words, {kind} ({count})" for kind, count in zip(KINDS, counts, strict=True)]
    return table(("measure", *beside, *(f"{level} ({sum(row['level'] == level for row in made)})" for level in levels)), lines)


def legend() -> str:
    """What the colours of the plots mean."""
    return ", ".join(f'<span style="color:{colour}">&#9679;</span> {kind}' for kind, colour in KINDS.items())


def plot(name: str, once: Sequence[Row]) -> str:
    """The share that passes a measure, level by level, as dots with their intervals."""
    levels = [level for level in LEVELS if any(row["level"] == level for row in once)]
    left, wide, line = 92, 180, 20
    parts = [f'<text x="0" y="12" font-weight="600">{"joint" if name == "all" else name}</text>']
    for index, level in enumerate(levels):
        y = 30 + line * index
        parts.append(f'<text x="0" y="{y + 4}">{level}</text><line x1="{left}" x2="{left + wide}" y1="{y}" y2="{y}" stroke="#eee"/>')
        for offset, (kind, colour) in zip((-4, 0, 4), KINDS.items(), strict=True):
            right, of = tally([row for row in once if row["level"] == level and row["kind"] == kind], name)
            if of:
                low, high = (left + wide * end for end in wilson(right, of))
                parts.append(f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y + offset}" y2="{y + offset}" stroke="{colour}"/>')
                parts.append(f'<circle cx="{left + wide * right / of:.1f}" cy="{y + offset}" r="2.5" fill="{colour}"/>')
    y = 34 + line * len(levels)
    parts += [f'<text x="{left + wide * tick:.0f}" y="{y + 8}" text-anchor="middle">{100 * tick:.0f}</text>' for tick in (0, 0.5, 1)]
    return f'<svg width="{left + wide + 16}" height="{y + 14}" font-size="11" font-family="system-ui">{"".join(parts)}</svg>'


def likeness(facts: Mapping) -> str:
    """How many different clips there are among the takes of a prompt, and the check for copies where it was made."""
    found = facts["diversity"]
    parts = [
        f"<p>Of {found['takes']} takes of one prompt, {found['model']:.2f} differ (mean over {found['prompts']} prompts); of as many "
        f"scenes composed from the same words, {found['renders']:.2f}. That counts differences of any kind: smears differ too.</p>"
        if found
        else "<p>No case was made several times.</p>"
    ]
    memory = facts["memory"]
    if memory:
        parts.append(
            f"<p>The nearest of {memory['learned']} training clips of its own length and size is {memory['median']:.2f} times as far "
            f"from a clip of the model as the nearest of as many clips that nobody has seen (median of {memory['clips']}; near 1: nothing "
            f"learned by heart); below one half: {memory['copies']} of {memory['clips']}.</p>"
        )
    else:
        parts.append('<p class="note">Not compared with training clips; <code>--recipe</code> says which these were.</p>')
    return "".join(parts)


def moving(level: str, rows: Sequence[Row], clips: Path) -> str:
    """All first takes of a level as one video of thumbnails."""
    if not rows:
        return ""
    tiles = [thumbnail(clip_file(clips, row), tally([row], "all")[0] == 1) for row in sorted(rows, key=lambda row: row["name"])]
    longest = max(len(tile) for tile in tiles)
    side = THUMB + 2 * FRAME
    wall = np.full((longest, -(-len(tiles) // COLUMNS) * side, min(COLUMNS, len(tiles)) * side, 3), 255, np.uint8)
    for index, tile in enumerate(tiles):
        row, column = divmod(index, COLUMNS)
        held = tile[np.minimum(np.arange(longest), len(tile) - 1)]
        wall[:, row * side : (row + 1) * side, column * side : (column + 1) * side] = held
    return f"<figure>{embedded(Video(wall, 8.0))}<figcaption>{LEVELS[level]}</figcaption></figure>"


def thumbnail(path: Path, passed: bool) -> np.ndarray:  # noqa: FBT001
    """A clip in a small square with a line around it that tells whether it passed, `uint8[time side side 3]`."""
    side = THUMB + 2 * FRAME
    if not path.exists():
        return np.full((1, side, side, 3), MISSING, np.uint8)
    video = Video.load(path)
    scale = THUMB / max(video.width, video.height)
    small = video.resized(round(video.width * scale), round(video.height * scale)).frames
    tile = np.empty((len(small), side, side, 3), np.uint8)
    tile[:] = PASSED if passed else FAILED
    tile[:, FRAME:-FRAME, FRAME:-FRAME] = 255
    top, left = (side - small.shape[1]) // 2, (side - small.shape[2]) // 2
    tile[:, top : top + small.shape[1], left : left + small.shape[2]] = small
    return tile


def extremes(made: Sequence[Row], clips: Path) -> list[str]:
    """Strips of the clips that pass the most measures and the fewest, with what was seen in them."""

    def passing(row: Row) -> float:
        judged = [score[1] for name, score in row["scores"].items() if score and name != "all"]
        return -1.0 if row["error"] else sum(judged) / len(judged)

    order = sorted(made, key=passing, reverse=True)
    best, worst = order[:ENDS], order[ENDS:][-ENDS:]
    return [*(strip(row, clips) for row in best), "<hr>", *(strip(row, clips) for row in worst)]


def strip(row: Row, clips: Path) -> str:
    """One clip as frames side by side, its prompt, and what does not pass."""
    path = clip_file(clips, row)
    wrong = [f"{name}: {score[2]}" for name, score in row["scores"].items() if score and not score[1] and name != "all"]
    said = f"<b>{row['name']}</b> {html.escape(row['prompt'])}<br>{html.escape(row['error'] or '; '.join(wrong) or 'all measures pass')}"
    picture = embedded(sheet([Video.load(path).frames], STRIP)) if path.exists() else ""
    return f"<figure>{picture}<figcaption>{said}</figcaption></figure>"


def embedded(video: Video) -> str:
    """A picture, or a video that begins by itself and goes round, as an HTML element that holds it; any browser shows PNG and WebM."""
    suffix = ".png" if video.num_frames == 1 else ".webm"
    with tempfile.TemporaryDirectory() as folder:
        data = base64.b64encode(video.save(Path(folder) / f"it{suffix}").read_bytes()).decode()
    if suffix == ".png":
        return f'<img src="data:image/png;base64,{data}" alt="frames of the clip">'
    return f'<video autoplay loop muted playsinline src="data:video/webm;base64,{data}"></video>'
