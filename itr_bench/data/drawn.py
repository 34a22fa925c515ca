"""The set ``drawn``: tweets and pictures by a generator, with relations true by construction.

A text names a thing and its colour, in Latvian and in English. The picture shows a thing: of that
colour, so the text is represented, or of another, so it is not. A price list, which no text
gives, adds to the meaning. A tiny model learns both within minutes on a CPU: the set is there to
try training out, and every picture is marked as a placeholder.

A *shifted* set has other colours, wordings, shapes and extras, so what was learnt on the usual
set does not carry over to it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageChops, ImageDraw

from itr_bench.data.image_sources import ImageSource
from itr_bench.data.placeholder import marked_png
from itr_bench.data.tsv import Row
from itr_bench.errors import DataError
from itr_bench.relation import RELATIONS, Relation

TWEETS = 1200
"""Tweets of a set where no number is given."""

SIDE = 28
"""Width and height of a picture in pixels."""

_STRIP = 6  # height of a price list in pixels
_LEAST = 8  # two tweets a relation


@dataclass(frozen=True)
class Named:
    """A word or a text in Latvian and in English."""

    lv: str
    en: str


def _pairs(text: str) -> tuple[Named, ...]:
    return tuple(Named(*pair.split("/")) for pair in text.split())


PEOPLE = (
    *("Anna", "Jānis", "Ilze", "Pēteris", "Līga", "Andris", "Inese", "Mārtiņš", "Kristīne"),
    *("Juris", "Dace", "Edgars", "Zane", "Kārlis", "Evita", "Guntis", "Sanita", "Toms", "Laura"),
    *("Raivis", "Baiba", "Normunds", "Agnese", "Oskars", "Rasma", "Aivars", "Maija", "Viesturs"),
    *("Ieva", "Roberts", "Linda", "Artūrs", "Elīna", "Uldis", "Signe", "Valdis", "Marta"),
    *("Imants", "Solvita", "Kaspars"),
)
PLACES = _pairs(
    "Rīgā/Riga Liepājā/Liepaja Ventspilī/Ventspils Jelgavā/Jelgava Valmierā/Valmiera Cēsīs/Cesis "
    "Rēzeknē/Rezekne Daugavpilī/Daugavpils Ogrē/Ogre Tukumā/Tukums Siguldā/Sigulda Saldū/Saldus "
    "Kuldīgā/Kuldiga Talsos/Talsi Bauskā/Bauska Madonā/Madona Gulbenē/Gulbene Alūksnē/Aluksne "
    "Smiltenē/Smiltene Balvos/Balvi Krāslavā/Kraslava Preiļos/Preili Limbažos/Limbazi "
    "Dobelē/Dobele Jūrmalā/Jurmala Tallinā/Tallinn Pērnavā/Parnu Viļņā/Vilnius Kauņā/Kaunas "
    "Palangā/Palanga Helsinkos/Helsinki Oslo/Oslo Stokholmā/Stockholm Varšavā/Warsaw "
    "Berlīnē/Berlin Hamburgā/Hamburg Parīzē/Paris Romā/Rome Milānā/Milan Londonā/London"
)
THINGS = _pairs(
    "krūze/mug soma/bag cepure/hat bumba/ball lampa/lamp svece/candle torte/cake bļoda/bowl "
    "kaste/box sega/blanket šalle/scarf jaka/jacket aproce/bracelet karote/spoon glāze/glass "
    "grāmata/book roze/rose lente/ribbon poga/button sula/juice zupa/soup konfekte/sweet "
    "maska/mask lelle/doll tase/cup kurpe/shoe josta/belt birste/brush mape/folder pudele/bottle "
    "vāze/vase dakša/fork marka/stamp kleita/dress zeķe/sock paprika/pepper tulpe/tulip "
    "dālija/dahlia želeja/jelly aploksne/envelope"
)
MOST = len(PEOPLE) * len(PLACES)
"""Tweets that a set has at most: any two differ in two of person, place and thing."""


@dataclass(frozen=True)
class Style:
    """What sets the usual and the shifted set apart.

    Attributes:
        colours: by name, as RGB.
        wordings: of texts, with ``{who}``, ``{where}``, ``{colour}`` and ``{thing}``.
        is_round: the thing in a picture is a disc; else a square.
        has_border: what adds to a picture is a black border; else a price list.
    """

    colours: Mapping[Named, tuple[int, int, int]]
    wordings: tuple[Named, ...]
    is_round: bool
    has_border: bool


USUAL = Style(
    colours={
        Named("sarkana", "red"): (220, 30, 30),
        Named("zaļa", "green"): (20, 160, 40),
        Named("zila", "blue"): (30, 60, 230),
        Named("dzeltena", "yellow"): (245, 215, 20),
    },
    wordings=(
        Named(
            "{who} {where}: {colour} {thing}, {colour}!",
            "{who} in {where}: {colour} {thing}, {colour}!",
        ),
        Named(
            "{colour}, {colour} {thing} {where}, saka {who}",
            "{colour}, {colour} {thing} in {where}, says {who}",
        ),
        Named(
            "{where} {colour} {thing}, {who}: {colour}",
            "in {where} {colour} {thing}, {who}: {colour}",
        ),
        Named(
            "{colour} {thing} {where}, {colour}, {who}?",
            "{colour} {thing} in {where}, {colour}, {who}?",
        ),
    ),
    is_round=True,
    has_border=False,
)
SHIFTED = Style(
    colours={
        Named("violeta", "purple"): (130, 30, 180),
        Named("oranža", "orange"): (250, 130, 10),
        Named("tirkīza", "cyan"): (40, 205, 205),
        Named("rozā", "pink"): (250, 140, 190),
    },
    wordings=(
        Named(
            "{thing}: {colour} - {colour} {where} ({who})",
            "{thing}: {colour} - {colour} at {where} ({who})",
        ),
        Named(
            "{thing} {where} {colour}! Tik {colour}, {who}",
            "{thing} at {where} {colour}! So {colour}, {who}",
        ),
        Named(
            "{who} grib {colour} - {where}: {thing} = {colour}",
            "{who} wants {colour} - at {where}: {thing} = {colour}",
        ),
    ),
    is_round=False,
    has_border=True,
)


class DrawnImages(ImageSource):
    """The pictures of drawn tweets, as marked PNG files."""

    kind = "placeholder"

    def __init__(self, pictures: Mapping[str, Image.Image]) -> None:
        super().__init__({"name": "pictures drawn by itr-bench", "licence": "MIT"})
        self._pictures = pictures

    def ids(self) -> frozenset[str]:
        return frozenset(self._pictures)

    def read(self, tweet_id: str) -> tuple[bytes, str]:
        return marked_png(self._pictures[tweet_id]), f"{tweet_id}.png"


def draw(
    tweets: int, *, seed: int = 0, shifted: bool = False
) -> tuple[list[Row], DrawnImages, dict[str, Any]]:
    """Make the tweets of a set; the same arguments give the same texts and pixels.

    The relations are as equally frequent as the number allows.

    Args:
        tweets: how many, from 8 to `MOST`.
        shifted: make them of the other colours, wordings, shapes and extras.

    Returns:
        the rows with ``relation``, ``tweet_id``, ``text_lv`` and ``text_en``; their pictures, of
        28 x 28 pixels; and what a manifest is to say of both.

    Raises:
        DataError: too few tweets, or more than can all be different.
    """
    if not _LEAST <= tweets <= MOST:
        raise DataError(f"{tweets} drawn tweets: expected {_LEAST} to {MOST}")
    style, name = (SHIFTED, "shifted") if shifted else (USUAL, "usual")
    rng = random.Random(f"itr-bench drawn {name} {seed}")
    relations = [RELATIONS[number % len(RELATIONS)] for number in range(tweets)]
    rng.shuffle(relations)
    first = (3 if shifted else 2) * 10**18 + 1
    rows, pictures = [], {}
    for number, cell in enumerate(rng.sample(range(MOST), tweets)):
        tweet, relation = str(first + number), relations[number]
        named = rng.choice(tuple(style.colours))
        values = {"relation": str(int(relation)), "tweet_id": tweet}
        rows.append(Row(number + 1, values | _texts(style, cell, named, rng)))
        pictures[tweet] = _picture(style, named, relation, rng)
    facts = {"what": "tweets drawn by itr-bench", "name": name, "seed": seed, "licence": "MIT"}
    return rows, DrawnImages(pictures), facts


def _texts(style: Style, cell: int, named: Named, rng: random.Random) -> dict[str, str]:
    """The texts by column. A Latin square gives each pair of person and place its thing."""
    person, place = divmod(cell, len(PLACES))
    thing = THINGS[(person + place) % len(THINGS)]
    wording = rng.choice(style.wordings)
    return {
        f"text_{language}": getattr(wording, language).format(
            who=PEOPLE[person],
            where=getattr(PLACES[place], language),
            colour=getattr(named, language),
            thing=getattr(thing, language),
        )
        for language in ("lv", "en")
    }


def _picture(style: Style, named: Named, relation: Relation, rng: random.Random) -> Image.Image:
    """The picture of a tweet whose text names the colour *named*."""
    shown = named
    if not relation.represented:
        shown = rng.choice([colour for colour in style.colours if colour != named])
    image = Image.new("RGB", (SIDE, SIDE), (rng.randrange(90, 170),) * 3)
    pen = ImageDraw.Draw(image)
    width = rng.randrange(14, 22)
    x, y = rng.randrange(SIDE - width), rng.randrange(SIDE - width)
    shape = pen.ellipse if style.is_round else pen.rectangle
    shape((x, y, x + width, y + width), fill=style.colours[shown])
    if relation.adds and style.has_border:
        pen.rectangle((0, 0, SIDE - 1, SIDE - 1), outline="black", width=rng.randrange(2, 4))
    elif relation.adds:
        top = rng.choice((0, SIDE - _STRIP))
        pen.rectangle((0, top, SIDE - 1, top + _STRIP - 1), fill="white")
        for column in range(1, SIDE, 3):
            pen.line((column, top + 1, column, top + _STRIP - 2), fill="black")
    # Blots that make any two pictures differ, whatever they show.
    blots = Image.frombytes("L", (7, 7), bytes(value // 8 for value in rng.randbytes(49)))
    blots = blots.resize((SIDE, SIDE), Image.Resampling.NEAREST)
    return ImageChops.subtract(image, Image.merge("RGB", [blots] * 3))
