"""Balanced subsets: the same everywhere, as equal as the numbers allow, and a list explained."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from itr_bench.cli.data_balance import command
from itr_bench.data.balance import SEED, as_tsv, draw, explain, quotas
from itr_bench.data.tirt_labels import read_labels
from itr_bench.data.tirt_rows import COLUMNS
from itr_bench.errors import DataError
from itr_bench.relation import RELATIONS, Relation

AVAILABLE = st.dictionaries(st.sampled_from(RELATIONS), st.integers(0, 40), min_size=1).filter(
    lambda counts: sum(counts.values()) > 0
)
LABELS = st.dictionaries(
    st.integers(0, 10**19).map(str), st.sampled_from(RELATIONS), min_size=1, max_size=60
)


@pytest.mark.parametrize(
    ("available", "size", "expected"),
    [
        # LTEC's full list and the authors' 350 of it: FACTS, section 2.
        ((392, 72, 296, 52), 350, (113, 72, 113, 52)),
        ((392, 72, 296, 52), 812, (392, 72, 296, 52)),
        # TIRT whole, and the paper's 450.
        ((830, 1147, 981, 1513), 450, (113, 113, 112, 112)),
        ((5, 5, 5, 5), 8, (2, 2, 2, 2)),
        ((5, 5, 5, 5), 11, (3, 3, 3, 2)),
        ((1, 0, 9, 9), 10, (1, 0, 5, 4)),
        ((0, 0, 0, 3), 2, (0, 0, 0, 2)),
        ((3, 1, 3, 3), 1, (1, 0, 0, 0)),
    ],
)
def test_quotas_are_water_filled(
    available: tuple[int, ...], size: int, expected: tuple[int, ...]
) -> None:
    found = quotas(dict(zip(RELATIONS, available, strict=True)), size)
    assert tuple(found[r] for r in RELATIONS) == expected


@given(AVAILABLE, st.data())
def test_quotas_are_as_equal_as_the_numbers_allow(
    available: dict[Relation, int], data: st.DataObject
) -> None:
    size = data.draw(st.integers(1, sum(available.values())))
    found = quotas(available, size)
    assert sum(found.values()) == size
    assert all(0 <= found[r] <= available.get(r, 0) for r in RELATIONS)
    # No relation that still has tweets is more than one behind any other.
    most = max(found.values())
    assert all(found[r] >= most - 1 for r in RELATIONS if found[r] < available.get(r, 0))


@pytest.mark.parametrize("size", [0, -1, 4])
def test_sizes_that_cannot_be_drawn_are_refused(size: int) -> None:
    with pytest.raises(DataError, match="expected 1 to 3, the number available"):
        draw({"1": Relation(0), "2": Relation(0), "3": Relation(1)}, size)


def test_a_draw_stays_what_it_is() -> None:
    """Golden: the ranks worked out by `printf 1:101 | sha256sum` for each of the ids."""
    labels = {str(100 + i): Relation(i % 2) for i in range(1, 9)}
    assert draw(labels, 4, seed=1) == ("101", "102", "103", "104")
    assert draw(labels, 4, seed=2) == ("101", "102", "106", "107")


@given(LABELS, st.data())
def test_a_draw_depends_on_nothing_but_the_set(
    labels: dict[str, Relation], data: st.DataObject
) -> None:
    size = data.draw(st.integers(1, len(labels)))
    seed = data.draw(st.integers(-5, 5))
    drawn = draw(labels, size, seed)
    shuffled = dict(data.draw(st.permutations(list(labels.items()))))
    assert draw(shuffled, size, seed) == drawn
    assert len(set(drawn)) == size
    assert Counter(labels[t] for t in drawn) == Counter(quotas(Counter(labels.values()), size))
    assert set(draw(labels, size - 1, seed) if size > 1 else ()) < set(drawn)  # nested


@given(LABELS)
def test_a_shared_list_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, labels: dict[str, Relation]
) -> None:
    path = tmp_path_factory.mktemp("list") / "ids.tsv"
    path.write_text(as_tsv(labels), encoding="utf-8")
    assert read_labels(path).relations == labels


def test_the_authors_list_is_explained(shared: Path) -> None:
    full = read_labels(shared / "ltec" / "data.tsv").relations
    subset = read_labels(shared / "ltec" / "eval.tsv").relations
    found = explain(subset, full)
    assert found.is_balanced
    assert tuple(found.counts.values()) == (113, 72, 113, 52)
    assert found.words == (
        "all 72 of relation 1, all 52 of relation 3 and 113 each of relations 0 and 2"
    )
    assert not found.drawn
    assert explain({t: full[t] for t in draw(full, 350)}, full).drawn


FULL = "tweet_id\trelation\n" + "".join(f"{100 + i}\t{i % 4}\n" for i in range(20))


def run(*arguments: str, folder: Path) -> tuple[int, str]:
    (folder / "full.tsv").write_text(FULL, encoding="utf-8")
    done = CliRunner().invoke(command, [str(a) for a in arguments], catch_exceptions=True)
    if isinstance(done.exception, DataError):
        return 1, str(done.exception)
    return done.exit_code, done.output


def test_drawing_and_checking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    status, said = run("full.tsv", "--size", "10", "--out", "sub/my.tsv", folder=tmp_path)
    assert (status, said) == (
        0,
        f"sub/my.tsv: 10 of 20 tweets (0: 3, 1: 3, 2: 2, 3: 2), seed {SEED}\n",
    )
    assert [p.name for p in (tmp_path / "sub").iterdir()] == ["my.tsv"]
    status, said = run("full.tsv", "--check", "sub/my.tsv", "--json", folder=tmp_path)
    assert status == 0
    assert json.loads(said) == {
        "tweets": 10,
        "relations": {"0": 3, "1": 3, "2": 2, "3": 2},
        "full": {"0": 5, "1": 5, "2": 5, "3": 5},
        "balanced": {"0": 3, "1": 3, "2": 2, "3": 2},
        "is_balanced": True,
        "seed": SEED,
        "drawn_with_seed": True,
        "notes": [],
    }
    status, said = run("full.tsv", "--check", "sub/my.tsv", "--seed", "9", folder=tmp_path)
    assert "not the tweets that this command draws with seed 9" in said
    (tmp_path / "odd.tsv").write_text("tweet_id\trelation\n100\t0\n104\t0\n", encoding="utf-8")
    status, said = run("full.tsv", "--check", "odd.tsv", folder=tmp_path)
    assert "not balanced: a balanced subset of 2 has 0: 1, 1: 1, 2: 0, 3: 0" in said


def test_the_whole_of_a_built_set_can_be_shared(tmp_path: Path) -> None:
    status, _ = run("demo", "--size", "all", "--out", str(tmp_path / "d.tsv"), folder=tmp_path)
    assert status == 0
    lines = (tmp_path / "d.tsv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "tweet_id\trelation"
    assert len(lines) == 25
    assert all(len(line.split("\t")) == 2 for line in lines)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["full.tsv"], "--size N --out FILE.tsv"),
        (["full.tsv", "--size", "many", "--out", "x"], "expected a number of tweets, or `all`"),
        (["full.tsv", "--size", "9" * 5000, "--out", "x"], "--size '999999999999...': expected"),
        (["full.tsv", "--size", "9" * 12, "--out", "x"], "expected 1 to 20"),
        (["full.tsv", "--size", "2", "--out", "full.tsv"], "full.tsv is an input"),
        (["full.tsv", "--size", "2", "--out", "link.tsv"], "link.tsv is an input (full.tsv)"),
        (["full.tsv", "--size", "2", "--out", "missing/../full.tsv"], "is an input (full.tsv)"),
        (["full.tsv", "--size", "2", "--out", "other-link.tsv"], "no regular file"),
        (["full.tsv", "--size", "2", "--out", "pipe"], "no regular file"),
        (["full.tsv", "--size", "2", "--out", "nowhere"], "no regular file"),
        (["full.tsv", "--size", "21", "--out", "x"], "expected 1 to 20"),
        (["full.tsv", "--size", "2", "--out", "."], "is a directory"),
        (["full.tsv", "--check", "full.tsv", "--size", "2"], "--check draws nothing"),
        (["ltec_full", "--size", "2", "--out", "x"], "'ltec_full' is not built"),
        (["full.tsv", "--size", "2", "--out", "full.tsv/x"], "cannot write full.tsv/x"),
        (["nowhere.tsv", "--size", "2", "--out", "x"], "cannot read nowhere.tsv"),
        (
            ["full.tsv", "--check", "other.tsv"],
            "tweet 7: not in the full list\n  - tweet 101: relation 0, but 1 in the full list",
        ),
    ],
)
def test_bad_input_is_refused_and_nothing_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.tsv").write_text("tweet_id\trelation\n7\t0\n101\t0\n", encoding="utf-8")
    (tmp_path / "link.tsv").symlink_to("full.tsv")
    (tmp_path / "other-link.tsv").symlink_to("other.tsv")
    (tmp_path / "nowhere").symlink_to("missing")
    os.mkfifo(tmp_path / "pipe")
    status, said = run(*arguments, folder=tmp_path)
    assert status != 0
    assert message in said
    assert len(said) < 300
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "full.tsv",
        "link.tsv",
        "nowhere",
        "other-link.tsv",
        "other.tsv",
        "pipe",
    ]
    assert (tmp_path / "other-link.tsv").is_symlink()
    assert (tmp_path / "full.tsv").read_text(encoding="utf-8") == FULL


def test_what_was_not_read_as_it_stands_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = ["11,leaked,0,0,0,0,0,1", "12,1,1,1,0,0,0", "12,1,1,1,0,0,0", "13,0,0,0,0,1"]
    text = "\n".join([",".join(COLUMNS), *rows])
    (tmp_path / "textimage.csv").write_text(text, encoding="utf-8")
    notes = [
        "2 rows of labels were repaired",
        "1 rows of labels stand twice; one of each was read",
    ]
    arguments = ("textimage.csv", "--size", "2", "--out", "my.tsv")
    status, said = run(*arguments, folder=tmp_path)
    assert status == 0
    assert said.splitlines()[1:] == [f"note: {note}" for note in notes]
    _, said = run(*arguments, "--json", folder=tmp_path)
    assert json.loads(said)["notes"] == notes
    named = [f"textimage.csv: {note}" for note in notes]
    arguments = ("textimage.csv", "--check", "my.tsv")
    _, said = run(*arguments, folder=tmp_path)
    assert said.splitlines()[-2:] == [f"note: {note}" for note in named]
    _, said = run(*arguments, "--json", folder=tmp_path)
    assert json.loads(said)["notes"] == named


def test_the_notes_of_the_published_labels(shared: Path, tmp_path: Path) -> None:
    path = shared / "tirt" / "textimage.csv"
    arguments = (str(path), "--size", "450", "--out", str(tmp_path / "my.tsv"), "--json")
    _, said = run(*arguments, folder=tmp_path)
    assert [note.split()[0] for note in json.loads(said)["notes"]] == ["34", "28"]
