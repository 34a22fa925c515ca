"""The set `drawn`: what its labels say is what its texts and pictures show, and it is no result."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from itr_bench.cli import data_build, data_list
from itr_bench.data import drawn, home, inspection, loading, near_copies
from itr_bench.data.images import check_image, decode
from itr_bench.data.manifest import Manifest
from itr_bench.errors import DataError
from itr_bench.relation import RELATIONS, Relation
from itr_bench.release.plan import tasks_here
from itr_bench.tasks import documents
from itr_bench.tasks.spec import LEADERBOARD, get_task

STYLES = {False: drawn.USUAL, True: drawn.SHIFTED}
both = pytest.mark.parametrize("shifted", [False, True])


def opened(content: bytes) -> Image.Image:
    assert check_image(content, "a drawn picture").placeholder
    return decode(content)


def shown_colour(image: Image.Image, style: drawn.Style) -> drawn.Named:
    """The colour of the thing in a picture: the nearest to the median of what is not grey."""
    pixels = np.asarray(image, dtype=int).reshape(-1, 3)
    coloured = pixels[np.ptp(pixels, axis=1) > 60]
    # The blots darken a picture by 16 in the middle.
    median = np.median(coloured, axis=0) + 16
    return min(style.colours, key=lambda name: np.abs(median - style.colours[name]).sum())


def has_extra(image: Image.Image, style: drawn.Style) -> bool:
    """Whether a picture has what adds to it: a black border, or a white strip with figures."""
    grey = np.asarray(image.convert("L"), dtype=int)
    if style.has_border:
        return bool(max(grey[0].max(), grey[-1].max(), grey[:, 0].max(), grey[:, -1].max()) == 0)
    return any((strip > 220).mean() > 0.3 for strip in (grey[:6], grey[-6:]))


@both
def test_the_relation_is_what_text_and_picture_show(shifted: bool) -> None:
    style = STYLES[shifted]
    rows, pictures, _ = drawn.draw(200, seed=3, shifted=shifted)
    for row in rows:
        content, file = pictures.read(row.values["tweet_id"])
        assert file == f"{row.values['tweet_id']}.png"
        image = opened(content)
        colour = shown_colour(image, style)
        named = {
            language: {
                name
                for name in style.colours
                if getattr(name, language) in re.findall(r"\w+", row.values[f"text_{language}"])
            }
            for language in ("lv", "en")
        }
        assert named["lv"] == named["en"]
        assert len(named["lv"]) == 1
        found = Relation.of(adds=has_extra(image, style), represented=named["lv"] == {colour})
        assert found == int(row.values["relation"]), row


@pytest.mark.parametrize(("tweets", "counts"), [(8, [2, 2, 2, 2]), (9, [3, 2, 2, 2])])
def test_relations_are_equally_frequent(tweets: int, counts: list[int]) -> None:
    rows, _, _ = drawn.draw(tweets)
    relations = [row.values["relation"] for row in rows]
    assert [relations.count(str(int(relation))) for relation in RELATIONS] == counts


@pytest.mark.parametrize("tweets", [0, 7, drawn.MOST + 1])
def test_too_few_and_too_many_are_refused(tweets: int) -> None:
    with pytest.raises(DataError, match=rf"^{tweets} drawn tweets: expected 8 to 1600$"):
        drawn.draw(tweets)


def fingerprint(tweets: int, **options: int) -> str:
    rows, pictures, _ = drawn.draw(tweets, **options)
    found = hashlib.sha256()
    for row in rows:
        found.update(repr(sorted(row.values.items())).encode())
        found.update(opened(pictures.read(row.values["tweet_id"])[0]).tobytes())
    return found.hexdigest()


def test_a_seed_gives_the_same_tweets() -> None:
    first = fingerprint(40)
    assert fingerprint(40) == first
    others = [fingerprint(40, seed=1), fingerprint(40, shifted=True), fingerprint(41)]
    assert len({first, *others}) == 4


def test_the_texts_of_a_seed_are_the_same_everywhere() -> None:
    rows, _, facts = drawn.draw(8, seed=1)
    columns = ("tweet_id", "relation", "text_lv", "text_en")
    assert [tuple(row.values[column] for column in columns) for row in rows[:2]] == [
        (
            "2000000000000000001",
            "2",
            "Laura Balvos: sarkana dālija, sarkana!",
            "Laura in Balvi: red dahlia, red!",
        ),
        (
            "2000000000000000002",
            "0",
            "Rasma Tukumā: zaļa kleita, zaļa!",
            "Rasma in Tukums: green dress, green!",
        ),
    ]
    assert facts["seed"] == 1


@both
def test_cross_validation_finds_no_near_copies(shifted: bool, monkeypatch: Any) -> None:
    monkeypatch.setattr(near_copies, "ALIKE_TEXT", 0.65)  # with room to spare
    monkeypatch.setattr(near_copies, "ALIKE_PICTURE", 4)
    rows, pictures, _ = drawn.draw(600, shifted=shifted)
    for language in ("lv", "en"):
        assert near_copies.alike_texts([row.values[f"text_{language}"] for row in rows]) == []
    small = near_copies.thumbnails(opened(pictures.read(row.values["tweet_id"])[0]) for row in rows)
    assert near_copies.alike_pictures(small) == []


def build(*options: str) -> Result:
    return CliRunner().invoke(data_build.command, ["drawn", *options])


def test_the_command_builds_a_set_that_is_no_result() -> None:
    done = build("--size", "12", "--seed", "5")
    assert done.exit_code == 0, done.output
    assert "drawn: 12 tweets (0: 3, 1: 3, 2: 3, 3: 3), placeholder" in done.output
    assert "no score of this set is a result" in done.output
    manifest = inspection.verify_set("drawn")
    assert manifest.kind == "placeholder"
    assert manifest.sources[0]["name"] == "usual"
    assert manifest.sources[0]["seed"] == 5
    assert documents.identity(get_task("itr_drawn_en")).startswith("placeholder-")
    assert not {"itr_drawn_lv", "itr_drawn_en"} & set(LEADERBOARD)
    assert tasks_here() == []  # what a release takes by itself

    again = build("--size", "12", "--shifted")
    assert again.exit_code == 1
    assert "the data set 'drawn' is there already" in str(again.exception)
    assert build("--size", "12", "--shifted", "--replace").exit_code == 0
    assert Manifest.read(home.set_folder("drawn")).sources[0]["name"] == "shifted"


def test_a_task_makes_the_set_it_needs() -> None:
    listed = CliRunner().invoke(data_list.command).output
    assert re.search(r"drawn .*\| made on first use +\|", listed)
    tweets = loading.open_set("drawn")
    assert (len(tweets.tweet_ids), tweets.image(0).size) == (drawn.TWEETS, (28, 28))
    (first, second, *_) = documents.documents(get_task("itr_drawn_lv"))
    assert (first["question"], second["question"]) == ("adds", "represented")
    assert first["text"] == tweets.texts("lv")[0]
    assert documents.image(first).tobytes() == tweets.image(0).tobytes()
