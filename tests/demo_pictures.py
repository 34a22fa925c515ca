"""Draw the pictures of the demo set.

Every picture is drawn by one small function, so that what it shows, and with it the label of
its tweet, is true by construction. ``python -m tests.demo_pictures FOLDER`` writes all.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

Point = tuple[float, float]
Box = tuple[float, float, float, float]

SCALE = 3  # pictures are drawn this many times too large and then reduced, for smooth edges
SHADES = [(value + 8) // 17 * 17 for value in range(256)]  # 16 a channel, for small files

INK, GREY = "#2b2b2b", "#8d949a"
RED, GREEN, BROWN, WOOD = "#cc2f2f", "#4c9a3f", "#8f6238", "#b98250"
CRUST, DOUGH = "#a8642a", "#dd9c4a"


class Sketch:
    """A picture in the making; all lengths are in pixels of the finished picture."""

    def __init__(self, width: int, height: int, ground: str) -> None:
        """Start an empty picture in one colour."""
        self._image = Image.new("RGB", (width * SCALE, height * SCALE), ground)
        self._pen = ImageDraw.Draw(self._image)

    def rect(self, fill: str, *boxes: Box, radius: float = 0) -> None:
        """Fill rectangles, each a left upper corner and a size, with round corners."""
        for x, y, w, h in boxes:
            box = (x * SCALE, y * SCALE, (x + w) * SCALE - 1, (y + h) * SCALE - 1)
            self._pen.rounded_rectangle(box, radius * SCALE, fill)

    def oval(self, fill: str, *boxes: Box, line: float = 0) -> None:
        """Fill ovals, each a centre and two radii; or only their line, so wide."""
        for x, y, rx, ry in boxes:
            box = ((x - rx) * SCALE, (y - ry) * SCALE, (x + rx) * SCALE, (y + ry) * SCALE)
            self._pen.ellipse(box, None if line else fill, fill, round(line * SCALE))

    def pie(self, fill: str, x: float, y: float, r: float, *, start: float, turn: float) -> None:
        """Fill a slice of a disc, clockwise from an angle; 0 is to the right."""
        box = ((x - r) * SCALE, (y - r) * SCALE, (x + r) * SCALE, (y + r) * SCALE)
        self._pen.pieslice(box, start, start + turn, fill)

    def poly(self, fill: str, *points: Point) -> None:
        """Fill a polygon."""
        self._pen.polygon([(x * SCALE, y * SCALE) for x, y in points], fill)

    def drop(self, fill: str, x: float, y: float, w: float, h: float) -> None:
        """Fill a drop around a centre; a negative height turns its tip down."""
        turns = [math.pi * step / 30 for step in range(60)]
        tips = [(math.sin(turn) * math.sin(turn / 2), math.cos(turn)) for turn in turns]
        self.poly(fill, *((x + w * across, y - h * up) for across, up in tips))

    def line(self, fill: str, width: float, *points: Point) -> None:
        """Draw a line with round ends and corners."""
        self._pen.line([(x * SCALE, y * SCALE) for x, y in points], fill, round(width * SCALE))
        self.oval(fill, *((x, y, width / 2, width / 2) for x, y in points))

    def mug(self, fill: str, drink: str, x: float, y: float, size: float) -> None:
        """Draw a full mug, its handle to the right, from its left upper corner."""
        self.oval(fill, (x + size, y + size * 0.45, size * 0.3, size * 0.3), line=size * 0.11)
        self.rect(fill, (x, y, size, size), radius=size * 0.16)
        self.oval(fill, (x + size / 2, y + size * 0.03, size / 2, size * 0.14))
        self.oval(drink, (x + size / 2, y + size * 0.03, size * 0.45, size * 0.1))

    def write(self, words: str, at: Point, size: float, fill: str = INK, to: str = "mm") -> None:
        """Write words around a point, or from it to the right ("lm") or left ("rm")."""
        font = ImageFont.load_default(size=size * SCALE)
        self._pen.text((at[0] * SCALE, at[1] * SCALE), words, fill, font, to)

    def done(self) -> Image.Image:
        """Give the finished picture."""
        return self._image.reduce(SCALE).point(SHADES * 3)


def strawberries_with_price(s: Sketch) -> None:
    """A crate of strawberries with a price sign."""
    s.rect("#cdb38c", (0, 240, 400, 60))
    for number in range(9):
        x, y = 120 + 36 * number - 162 * (number > 3), 168 if number > 3 else 140
        s.drop(RED, x, y, 25, -27)
        for dx, dy in [(-9, -6), (3, -9), (10, 0), (-3, 4), (2, 15)]:
            s.oval("#ffe08a", (x + dx, y + dy, 1.5, 2))
        s.poly(GREEN, (x - 15, y - 19), (x, y - 32), (x + 15, y - 19), (x, y - 22))
    s.rect(WOOD, (60, 190, 232, 30), (60, 224, 232, 30), radius=3)
    s.rect(BROWN, (66, 182, 16, 76), (270, 182, 16, 76), (326, 130, 6, 130), radius=3)
    s.rect("white", (276, 54, 108, 84), radius=6)
    s.write("2.50", (330, 84), 36, RED)
    s.write("EUR / kg", (330, 116), 18)


def cafe_sign(s: Sketch) -> None:
    """A hanging sign that names a cafe."""
    s.rect(INK, (22, 20, 14, 60), (22, 37, 330, 7), (108, 40, 3, 44), (308, 40, 3, 44), radius=1)
    for inset, fill in [(0, "#4b2a6b"), (8, "#f5e9c9"), (12, "#4b2a6b")]:
        box = (60 + inset, 82 + inset, 300 - 2 * inset, 150 - 2 * inset)
        s.rect(fill, box, radius=18 - inset)
    s.write("KAFEJNICA", (210, 128), 25, "#f5e9c9")
    s.write("Violetais Ezis", (210, 180), 37, "#f5e9c9")


def three_apples(s: Sketch) -> None:
    """Three red apples on a table."""
    s.rect(WOOD, (0, 190, 480, 98))
    for x in (110, 240, 370):
        s.oval("#9c6a3c", (x, 226, 48, 8))
        s.oval(RED, (x - 18, 178, 35, 46), (x + 18, 178, 35, 46))
        s.line("#5d3d1e", 5, (x, 142), (x + 5, 116))
        s.poly(GREEN, (x + 5, 126), (x + 18, 112), (x + 36, 114), (x + 24, 127))


def tiles(s: Sketch) -> None:
    """A pattern of quarter discs."""
    for row, column in product(range(5), range(5)):
        pick = (3 * row + 2 * column + row * column) % 4
        x, y = 64 * (column + pick % 2), 64 * (row + pick // 2)
        fill = ("#5b7c99", "#93a9b8", "#34495e", "#b9c6cf")[(row + column) % 4]
        s.pie(fill, x, y, 64, start=(0, 90, 270, 180)[pick], turn=90)


def pancakes_with_recipe(s: Sketch) -> None:
    """A stack of pancakes beside a recipe card with quantities."""
    s.rect("#c9a77c", (0, 220, 460, 80))
    s.oval("white", (140, 238, 124, 24))
    for y in range(226, 150, -15):
        s.oval(CRUST, (140, y + 7, 88, 19))
        s.oval("#e5ae5d", (140, y, 88, 19))
    s.rect("#fffdf4", (280, 40, 160, 200), radius=6)
    s.write("RECEPTE", (360, 68), 22, RED)
    quantities = [("Milti", "250 g"), ("Piens", "0.5 l"), ("Olas", "3"), ("Cukurs", "40 g")]
    for row, (what, much) in enumerate(quantities):
        s.write(what, (296, 110 + 34 * row), 20, to="lm")
        s.write(much, (426, 110 + 34 * row), 20, to="rm")


def receipt(s: Sketch) -> None:
    """A shop receipt with high prices."""
    s.rect("#fbfbf8", (44, 30, 200, 332))
    s.poly("#fbfbf8", *((44 + 10 * step, 361 + 13 * (step % 2)) for step in range(21)))
    s.rect(INK, (60, 86, 168, 2), (60, 266, 168, 2))
    lines = [("Sviests", "4.89"), ("Siers", "9.75"), ("Kafija", "11.20"), ("Medus", "8.60")]
    for row, (what, price) in enumerate([("", "EUR"), *lines]):
        s.write(what, (60, 68 + 44 * row), 20, to="lm")
        s.write(price, (228, 68 + 44 * row), 20, to="rm")
    s.write("SUMMA", (60, 308), 22, to="lm")
    s.write("34.44", (228, 308), 30, RED, to="rm")


def coffee_and_croissant(s: Sketch) -> None:
    """A mug of coffee and one croissant."""
    s.rect("#a9744a", (0, 190, 420, 90))
    s.mug("#3f7f93", "#4a2a14", 50, 112, 108)
    for step in (-4, 4, -3, 3, -2, 2, -1, 1, 0):
        angle, size = math.radians(90 + 19 * step), 31 - 4.6 * abs(step)
        x, y = 300 - 72 * math.cos(angle), 236 - 66 * math.sin(angle)
        s.oval(CRUST, (x, y, size, size + 3))
        s.oval(DOUGH, (x, y, size - 3, size))


def key(s: Sketch) -> None:
    """A key."""
    s.rect(GREY, (150, 117, 186, 22), (270, 130, 16, 46), (300, 130, 16, 36), radius=3)
    s.oval(GREY, (108, 128, 60, 60), line=24)


def bread_poster(s: Sketch) -> None:
    """A poster with a loaf of rye bread, a date and an hour."""
    s.rect("#fff6df", (14, 14, 272, 392), radius=10)
    s.oval("#85522a", (150, 166, 100, 58))
    for x in (88, 126, 164):
        s.line("#e2bf8c", 7, (x, 186), (x + 26, 140))
    s.write("RUDZU MAIZE", (150, 62), 33, "#6b3f1d")
    for words, y, size in [("SESTDIEN", 274, 28), ("12.07.", 318, 48), ("11:00", 368, 40)]:
        s.write(words, (150, y), size, RED)


def sold_out(s: Sketch) -> None:
    """A note on a door: the bread is sold out."""
    s.rect("#d9c06a", (262, 150, 12, 60), radius=6)
    s.rect("#fffef8", (62, 66, 186, 172), radius=3)
    s.write("MAIZE", (155, 118), 42)
    s.write("IZPARDOTA", (155, 164), 29, RED)
    s.write("SOLD OUT", (155, 204), 22, "#777777")


def watermelon_slice(s: Sketch) -> None:
    """A slice of watermelon on a blue plate."""
    s.oval("#2f66b0", (180, 160, 160, 122))
    s.oval("#4a82cc", (180, 160, 128, 95))
    for r, fill in [(114, "#2f7d37"), (103, "#e6f2c8"), (96, "#e5484d")]:
        s.pie(fill, 180, 112, r, start=0, turn=180)
    s.oval("#241a17", *((120 + 20 * step, 134 + 30 * (step % 2), 4, 6) for step in range(7)))


def rings(s: Sketch) -> None:
    """A pattern of circles inside each other."""
    for step, r in enumerate(range(90, 10, -20)):
        s.oval(("#6c5b9c", "#ece7f2")[step % 2], (105, 130, r, r), (295, 130, r, r))


def ice_cream_with_thermometer(s: Sketch) -> None:
    """A melting ice cream beside a thermometer that reads 34 degrees."""
    s.poly("#d99a4e", (66, 206), (194, 206), (130, 368))
    s.oval("#fff4e0", (130, 166, 72, 74), (130, 382, 74, 10))
    for x, low in [(70, 262), (98, 232), (128, 292), (160, 236), (188, 250)]:
        s.line("#fff4e0", 17, (x, 190), (x, low))
    s.rect("white", (244, 60, 36, 250), radius=18)
    s.oval("white", (262, 316, 32, 32))
    s.oval(RED, (262, 316, 23, 23))
    s.rect(RED, (255, 106, 14, 200), radius=7)
    s.rect(INK, *((284, y, 16, 2) for y in range(80, 290, 26)))
    s.write("34 °C", (266, 32), 36, RED)


def clock(s: Sketch) -> None:
    """A digital clock that shows 9:47."""
    s.rect("#33373b", (50, 52, 300, 152), radius=22)
    s.rect("#0e1a12", (70, 72, 260, 112), radius=8)
    s.write("9:47", (200, 128), 92, "#63e07f")


def eggs_in_pan(s: Sketch) -> None:
    """Two fried eggs in a pan."""
    s.rect("#2a2a2a", (300, 134, 166, 30), radius=13)
    s.oval("#2a2a2a", (180, 150, 140, 136))
    s.oval("#454545", (180, 150, 124, 120))
    for x, y in [(128, 134), (230, 168)]:
        for dx, dy, r in [(0, 0, 44), (-20, 16, 32), (22, 16, 30), (10, -22, 30), (-18, -18, 28)]:
            s.oval("white", (x + dx, y + dy, r, r))
        s.oval("#f7b32b", (x, y, 22, 22))


def pencil(s: Sketch) -> None:
    """A pencil."""
    s.rect("#d98a94", (60, 112, 30, 36), radius=6)
    s.rect("#aab2b8", (84, 112, 22, 36))
    s.rect("#3e6fae", (106, 112, 210, 36))
    s.poly("#ecd0a0", (316, 112), (316, 148), (378, 130))
    s.poly(INK, (357, 123.9), (357, 136.1), (378, 130))


def kiosk(s: Sketch) -> None:
    """A kiosk with coffee and buns and its opening hours."""
    s.rect("#a9a9a0", (0, 300, 420, 40))
    s.rect("#2f7f79", (60, 70, 300, 236))
    s.rect("#fff3d6", (80, 90, 196, 126))
    for step in range(9):
        s.rect((RED, "white")[step % 2], (48 + 36 * step, 46, 36, 48))
        s.oval((RED, "white")[step % 2], (66 + 36 * step, 94, 18, 12))
    s.rect(WOOD, (70, 210, 216, 14), radius=3)
    s.mug("#5b7fa8", "#4a2a14", 104, 160, 50)
    for x, y in [(206, 198), (246, 198), (226, 176)]:
        s.oval(CRUST, (x, y, 21, 13))
        s.oval(DOUGH, (x, y - 2, 19, 10))
    s.rect("white", (286, 124, 68, 104), radius=4)
    for y, words in [(144, "P - Sv"), (172, "8:00"), (188, "-"), (206, "20:00")]:
        s.write(words, (320, y), 20, INK if y == 144 else RED)


def map_with_address(s: Sketch) -> None:
    """A street map with a pin and an address."""
    s.rect("#b6d7a0", (110, 120, 120, 130))
    s.rect("white", (84, 0, 26, 300), (230, 0, 26, 300), (0, 90, 320, 30), (0, 250, 320, 30))
    s.drop(RED, 170, 210, 44, -52)
    s.oval("white", (170, 194, 14, 14))
    s.rect("#34495e", (0, 300, 320, 80))
    s.write("Karotes iela 7", (160, 340), 36, "white")


def carrot_tomato_cucumber(s: Sketch) -> None:
    """A carrot, a tomato and a cucumber."""
    for dx in (-16, 0, 16):
        s.line(GREEN, 7, (80, 84), (80 + dx, 34))
    s.poly("#ee7f22", (48, 84), (112, 84), (86, 226), (74, 226))
    s.oval("#ee7f22", (80, 84, 32, 13), (80, 225, 6, 6))
    s.rect("#c9630f", (60, 112, 18, 3), (78, 146, 18, 3), (70, 180, 14, 3), radius=1)
    s.oval("#dc3a2c", (224, 150, 70, 62))
    s.line(GREEN, 6, (198, 104), (224, 94), (224, 112), (224, 94), (250, 104))
    s.line("#3b7d34", 56, (346, 196), (410, 76))
    s.line("#6ba95e", 3, (336, 186), (398, 72))
    s.line("#6ba95e", 3, (358, 198), (420, 84))


def triangles(s: Sketch) -> None:
    """A pattern of triangles."""
    for row, column in product(range(8), range(6)):
        x, y = 45 * column, 45 * row
        fill = ("#3c8d8a", "#8fbdb9", "#c7dcd9")[(row + 2 * column) % 3]
        s.poly(fill, (x, y), (x + 45, y), (x + 45 * (row % 2), y + 45))


def pie_in_oven(s: Sketch) -> None:
    """A pie in an oven that shows the heat and the minutes left."""
    s.rect("#c9ced2", (30, 20, 340, 350), radius=14)
    s.rect("#14201a", (50, 36, 300, 58), radius=8)
    s.write("180 °C", (68, 65), 34, "#ff9f43", to="lm")
    s.write("25 min", (332, 65), 34, "#ff9f43", to="rm")
    s.rect("#3a2a20", (50, 122, 300, 228), radius=12)
    s.rect("#f2a33a", (64, 136, 272, 200), radius=8)
    s.rect("#6b5a4a", (64, 292, 272, 5), *((x, 294, 3, 20) for x in range(84, 330, 24)))
    s.poly(GREY, (104, 246), (296, 246), (276, 292), (124, 292))
    s.oval(CRUST, (200, 244, 102, 32))
    s.oval("#f7dc8f", (200, 240, 90, 24))
    for x in (152, 200, 248):
        s.line("#c98238", 9, (x - 22, 224), (x + 22, 256))
        s.line("#c98238", 9, (x + 22, 224), (x - 22, 256))


def forecast(s: Sketch) -> None:
    """A weather forecast: rain and cold on two days."""
    for x, date, heat in [(107, "24.05.", "9 °C"), (293, "25.05.", "8 °C")]:
        s.rect("#5b738c", (x - 87, 20, 174, 240), radius=14)
        s.oval("#d5dde4", (x, 108, 36, 36), (x - 28, 128, 34, 22), (x + 28, 128, 34, 22))
        for dx in (-36, -12, 12, 36):
            s.line("#8fd0ff", 5, (x + dx, 164), (x + dx - 8, 188))
        s.write(date, (x, 50), 28, "white")
        s.write(heat, (x, 226), 38, "white")


def teapot_and_cups(s: Sketch) -> None:
    """A yellow teapot and two white cups."""
    s.rect("#7a5236", (0, 200, 480, 80))
    s.oval("#e0b021", (78, 148, 44, 44), line=13)
    s.poly("#f2c530", (190, 190), (200, 140), (246, 92), (264, 104), (228, 160))
    s.oval("#f2c530", (142, 158, 74, 70))
    s.oval("#e0b021", (142, 98, 42, 14), (142, 82, 10, 10))
    s.rect("#e0b021", (106, 218, 72, 12), radius=5)
    s.mug("white", "#a3602a", 272, 166, 64)
    s.mug("white", "#a3602a", 376, 166, 64)


def chair(s: Sketch) -> None:
    """A chair."""
    s.rect("#6d7f8c", (80, 50, 14, 280), (194, 50, 14, 280), (84, 284, 120, 10), radius=4)
    s.rect("#8da0ad", (84, 62, 120, 20), (84, 106, 120, 20), (84, 150, 120, 20), radius=4)
    s.rect("#566673", (66, 208, 156, 24), radius=6)


# what is drawn, on which size and ground, in the order of the tweets
_PICTURES: tuple[tuple[Callable[[Sketch], None], int, int, str], ...] = (
    (strawberries_with_price, 400, 300, "#e9f1dc"),
    (cafe_sign, 400, 280, "#e4d8c8"),
    (three_apples, 480, 288, "#f3eee2"),
    (tiles, 320, 320, "#dfe5e8"),
    (pancakes_with_recipe, 460, 300, "#dcebef"),
    (receipt, 288, 400, "#7d8a91"),
    (coffee_and_croissant, 420, 280, "#f7ead7"),
    (key, 384, 256, "#eeeeee"),
    (bread_poster, 300, 420, "#f2c14e"),
    (sold_out, 320, 320, "#779977"),
    (watermelon_slice, 360, 300, "#f4f1ea"),
    (rings, 400, 260, "#ece7f2"),
    (ice_cream_with_thermometer, 340, 400, "#cfeaf8"),
    (clock, 400, 256, "#dddddd"),
    (eggs_in_pan, 480, 300, "#eeeedd"),
    (pencil, 440, 256, "#e6edf2"),
    (kiosk, 420, 340, "#cfe6f5"),
    (map_with_address, 320, 380, "#d5cbb9"),
    (carrot_tomato_cucumber, 460, 256, "#f4f0e6"),
    (triangles, 270, 360, "#f0f0ec"),
    (pie_in_oven, 400, 380, "#eeeedd"),
    (forecast, 400, 280, "#42566b"),
    (teapot_and_cups, 480, 280, "#5d8a83"),
    (chair, 288, 384, "#e9edf0"),
)
_BY_ID = {str(10**18 + number): picture for number, picture in enumerate(_PICTURES, start=1)}
IDS: tuple[str, ...] = tuple(_BY_ID)


def draw(tweet_id: str) -> Image.Image:
    """Draw the picture of one tweet; an unknown id raises `KeyError`."""
    fill_in, width, height, ground = _BY_ID[tweet_id]
    sketch = Sketch(width, height, ground)
    fill_in(sketch)
    return sketch.done()


def main() -> None:
    """Write all pictures into the folder named on the command line."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.demo_pictures FOLDER")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for tweet_id in IDS:
        draw(tweet_id).save(folder / f"{tweet_id}.png", optimize=True)


if __name__ == "__main__":
    main()
