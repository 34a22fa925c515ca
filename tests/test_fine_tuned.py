"""Models that were fine-tuned with cross-validation, from the run folder to the leaderboard: never
among models without training, and never with a tweet that they were trained on.
"""

from __future__ import annotations

import csv
import dataclasses
import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from itr_bench.cli.main import cli
from itr_bench.data.sets import get_set
from itr_bench.errors import DataError, ItrBenchError
from itr_bench.leaderboard import layout
from itr_bench.leaderboard import training as checking
from itr_bench.leaderboard.claims import signature_of
from itr_bench.leaderboard.collect import collect
from itr_bench.leaderboard.comment import comment
from itr_bench.leaderboard.entry import Badge, Entry
from itr_bench.leaderboard.findings import Collector
from itr_bench.leaderboard.layout import FOLDS, SUBMISSION
from itr_bench.leaderboard.make import folds_of
from itr_bench.leaderboard.schema import Folds, Submission
from itr_bench.leaderboard.site.across import averages, gaps
from itr_bench.leaderboard.site.board import Board, make_boards
from itr_bench.leaderboard.site.build import build_site
from itr_bench.leaderboard.site.encode import comparison_data
from itr_bench.leaderboard.site.markdown import markdown_table
from itr_bench.leaderboard.site.model_page import badge_text
from itr_bench.leaderboard.site.model_page import collect as by_model
from itr_bench.leaderboard.site.plots import plots
from itr_bench.report.words import percent
from itr_bench.runs.comparing import compare_runs
from itr_bench.runs.response import Response
from itr_bench.runs.run import Run
from itr_bench.runs.run_folder import read_run_folder
from itr_bench.runs.tables import details, summary
from itr_bench.scoring.signature import digest
from itr_bench.studies import language
from itr_bench.studies.grouping import subjects_of
from itr_bench.studies.study import Material
from itr_bench.tasks.spec import get_task
from itr_bench.training import splits
from itr_bench.training.config import TrainingConfig
from tests import submissions
from tests.homes import home_at
from tests.site_entries import ALPHA, LTEC, Made, entry, fine_tuned
from tests.test_site import Page
from tests.test_submit import run_folder

TASK = "itr_demo_lv"
CONFIG = TrainingConfig(languages=("lv",), folds=2, batch_size=4)
CARD = """\
name: Tiny
organisation: itr-bench
id: tiny/model
revision: 0123456789abcdef0123456789abcdef01234567
licence: MIT
open_weights: true
saw_this_data: "yes"
base_saw_this_data: "no"
submitter:
  name: The tests
"""


@functools.cache
def good() -> tuple[Submission, list[Response], Folds]:
    return submissions.make_fine_tuned()


# The validator: what is done to a good submission, and what is found


@dataclasses.dataclass
class Draft:
    """A good submission, to be spoilt."""

    facts: dict[str, Any]
    folds: Any

    @property
    def signed(self) -> dict[str, Any]:
        found: dict[str, Any] = self.facts["run"]["generation"]["training"]
        return found

    def both(self, **values: Any) -> None:
        """Put settings of the training into the block and into what is signed."""
        self.facts["training"].update(values)
        self.signed.update(values)


Change = Callable[[Draft], None]


def hashed(draft: Draft) -> None:
    """Make the hash fit the folds, as somebody who cheats would."""
    draft.folds["hash"] = digest(draft.folds["fold_of"])
    draft.both(fold_hash=draft.folds["hash"])


def own(draft: Draft, fold: int = 0) -> str:
    """A tweet that the model of *fold* predicts."""
    return min(tweet for tweet, one in draft.folds["fold_of"].items() if one == fold)


def used(part: str) -> Change:
    return lambda draft: draft.folds["folds"][0][part].append(own(draft))


def moved(draft: Draft) -> None:
    """Another model predicts a tweet than the one that did not see it."""
    draft.folds["fold_of"][own(draft)] = 1
    hashed(draft)


def forgotten(draft: Draft) -> None:
    tweet = own(draft)
    del draft.folds["fold_of"][tweet]
    draft.folds["folds"][1]["train"].remove(tweet)
    hashed(draft)


def unknown(draft: Draft) -> None:
    draft.folds["fold_of"]["5"] = 0
    draft.folds["folds"][1]["train"].append("5")
    hashed(draft)


def put(place: str, value: Any) -> Change:
    def change(draft: Draft) -> None:
        *above, last = place.split(".")
        functools.reduce(lambda found, part: found[part], above, draft.facts)[last] = value

    return change


def drop(place: str) -> Change:
    def change(draft: Draft) -> None:
        *above, last = place.split(".")
        del functools.reduce(lambda found, part: found[part], above, draft.facts)[last]

    return change


def no_folds(draft: Draft) -> None:
    draft.folds = None


def other_folds(change: Callable[[dict[str, Any]], object]) -> Change:
    def changed(draft: Draft) -> None:
        change(draft.folds)

    return changed


OVERLAP = r"fold 0: trained on tweet \d+, which is in this fold, so what it predicts is no predict"
CASES: dict[str, tuple[list[Change], list[tuple[str, str, str]]]] = {
    "as it should be": ([], []),
    "trained on what it predicts": ([used("train")], [("overlap", FOLDS, OVERLAP)]),
    "stopped by what it predicts": ([used("inner")], [("overlap", FOLDS, OVERLAP)]),
    "predicted by a model that saw it": (
        [moved],
        [
            ("folds", FOLDS, "fold 0: trained on 12 tweets, the other folds have 13 and 100 %"),
            ("overlap", FOLDS, "fold 1: trained on tweet"),
        ],
    ),
    "a tweet in no fold": (
        [forgotten],
        [("no-fold", FOLDS, r"tweet \d+ is predicted and is in no fold: which model")],
    ),
    "a tweet of another set": (
        [unknown],
        [("folds", FOLDS, "tweet 5 is none of the set")],
    ),
    "trained on a tweet of no fold": (
        [other_folds(lambda folds: folds["folds"][0]["train"].append("7"))],
        [("folds", FOLDS, "fold 0: trained on tweet 7, which is in no fold")],
    ),
    "trained on nothing": (
        [other_folds(lambda folds: folds["folds"][1]["train"].clear())],
        [("folds", FOLDS, "fold 1: trained on 0 tweets, the other folds have 12")],
    ),
    "a hash of other folds": (
        [other_folds(lambda folds: folds.update(hash="0" * 12))],
        [("fold-hash", FOLDS, "folds.json says that the hash of the folds is 000000000000")],
    ),
    "signed with other folds": (
        [lambda draft: draft.both(fold_hash="0" * 12)],
        [("fold-hash", FOLDS, "submission.json says that the hash of the folds is 00000000000")],
    ),
    "more folds than models": (
        [lambda draft: draft.both(folds=3)],
        [("folds", FOLDS, "says what 2 models were trained on, expected 3")],
    ),
    "a fold without a model": (
        [lambda draft: draft.folds["fold_of"].update({own(draft): 2}), hashed],
        [
            ("folds", FOLDS, r"tweet \d+: fold 2, expected 0 to 1"),
            ("folds", FOLDS, "fold 0: trained on 12 tweets, the other folds have 13"),
        ],
    ),
    "no file of folds": ([no_folds], [("missing-file", FOLDS, "expected the fold of each tweet")]),
    "folds of no form": (
        [other_folds(lambda folds: folds.update(text="x"))],
        [("folds", FOLDS, "text: Extra inputs")],
    ),
    "a share, and part of the tweets": (
        [
            lambda draft: draft.both(share=50),
            other_folds(lambda folds: folds["folds"][0]["train"].pop()),
        ],
        [],
    ),
    "shuffled labels": (
        [lambda draft: draft.both(shuffled_labels=True)],
        [("training", SUBMISSION, "trained on shuffled labels: a control, no result")],
    ),
    "submitted as a model without training": (
        [put("training", None), put("model.saw_this_data", "no"), no_folds],
        [
            ("training", SUBMISSION, "run.generation.training says that the model was fine-tuned"),
            ("training", SUBMISSION, "model.base_saw_this_data is 'unknown', and there is no"),
        ],
    ),
    "its card as of a model without training": (
        [put("model.saw_this_data", "no"), put("model.base_saw_this_data", None)],
        [
            ("training", SUBMISSION, "model.saw_this_data is 'no', and the model was fine-tuned"),
            ("training", SUBMISSION, "model.base_saw_this_data is empty"),
        ],
    ),
    "a run without training": (
        [drop("run.generation.training")],
        [("training", SUBMISSION, "the training block says that the model was fine-tuned")],
    ),
    "trained otherwise than signed": (
        [put("training.languages", "en"), put("training.steps", 1)],
        [("training", SUBMISSION, "languages, steps: the training block and run.generation")],
    ),
    "signed as nonsense": (
        [put("run.generation.training", ["x"])],
        [("training", SUBMISSION, "training: the training block and run.generation.training")],
    ),
    "of another checkpoint": (
        [put("training.content", "commit:1")],
        [("training", SUBMISSION, "training.content is commit:1, run.generation.content is co")],
    ),
    "folds beside a model without training": (
        [put("training", None), drop("run.generation.training"), put("model", None)],
        [("unexpected-file", FOLDS, "and submission.json has no training block: take it out")],
    ),
    "other data": (
        [put("run.data", "local-0123456789ab")],
        [("unchecked", SUBMISSION, "Made on the data local-0123456789ab")],
    ),
}


Whole = tuple[Submission, list[Response], Folds]


def put_down(root: Path, *changes: Change, made_of: Whole | None = None) -> Path:
    """Write the good submission after *changes*, everything else fitting."""
    submission, found, folds = made_of or good()
    draft = Draft(submission.model_dump(mode="json"), json.loads(layout.folds_bytes(folds)))
    for change in changes:
        change(draft)
    if draft.facts["model"] is None:
        draft.facts["model"] = submissions.card(0).model_dump(mode="json")
    made = Submission.model_validate(draft.facts)
    line = str(signature_of(made.run, made.score.tweets, made.run.prompt))
    made = made.model_copy(update={"run": made.run.model_copy(update={"signature": line})})
    folder = submissions.write(root, made, found)
    if draft.folds is not None:
        content = (json.dumps(_sorted(draft.folds), indent=1) + "\n").encode()
        (folder / FOLDS).write_bytes(content)
        sums = {**layout.contents(made, found), FOLDS: content}
        (folder / layout.SUMS).write_bytes(_sums(sums))
    return folder


def _sorted(folds: dict[str, Any]) -> dict[str, Any]:
    parts = [{name: sorted(own) for name, own in one.items()} for one in folds["folds"]]
    return {**folds, "fold_of": dict(sorted(folds["fold_of"].items())), "folds": parts}


def _sums(files: dict[str, bytes]) -> bytes:
    names = sorted(files.keys() - {layout.SUMS})
    return "".join(
        layout.sums_line(name, hashlib.sha256(files[name]).hexdigest()) for name in names
    ).encode()


@pytest.mark.parametrize("name", CASES)
def test_validator(name: str, tmp_path: Path) -> None:
    changes, expected = CASES[name]
    put_down(tmp_path, *changes)
    collected = collect(tmp_path, trial=True)
    found = collected.all_findings
    assert [(f.code, f.path.rpartition("/")[2]) for f in found] == [e[:2] for e in expected], found
    for finding, (_, _, words) in zip(found, expected, strict=True):
        assert re.match(words, finding.message) or words in finding.message, finding.message
    refused = any(code != "unchecked" for code, _, _ in expected)
    assert len(collected.entries) == int(not refused)
    if not expected:
        assert collected.entries[0].badge is Badge.RECOMPUTED


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    """Two tweets of different folds, which are said to be near copies of each other."""
    _, _, folds = good()
    pair = tuple(min(t for t, fold in folds.fold_of.items() if fold == k) for k in (0, 1))
    pool_of = splits.pool_of

    def alike(tasks: Any) -> splits.Pool:
        pool = pool_of(tasks)
        groups = pool.groups.copy()
        groups[pool.place[pair[1]]] = groups[pool.place[pair[0]]]
        return dataclasses.replace(pool, groups=groups)

    monkeypatch.setattr(checking, "pool_of", alike)
    checking._groups_of.cache_clear()
    yield pair[0], pair[1]
    checking._groups_of.cache_clear()


def test_near_copies_on_both_sides_are_refused(copies: tuple[str, str], tmp_path: Path) -> None:
    put_down(tmp_path)
    collected = collect(tmp_path, trial=True)
    assert collected.entries == []
    assert [(f.code, f.message.partition(", so")[0]) for f in collected.all_findings] == [
        (
            "near-copy",
            f"fold {fold}: trained on tweet {copies[1 - fold]}, of which text or picture are those "
            f"of tweet {copies[fold]}, or nearly so, which it predicts",
        )
        for fold in (0, 1)
    ]


def test_real_near_copies_are_refused(placeholder_home: Path, tmp_path: Path) -> None:
    """LTEC's own texts: of two that are nearly the same, one is moved to another fold."""
    with home_at(placeholder_home):
        made = submissions.make_fine_tuned(0, "ltec_itr_lv", folds=5, batch_size=16)
        pool = splits.pool_of([get_task("ltec_itr_lv")])
        group = dict(zip(pool.tweet_ids, pool.groups.tolist(), strict=True))
        predicted = {response.tweet_id for response in made[1]}
        kept, gone = next(
            (one, other)
            for one in sorted(predicted)
            for other in pool.tweet_ids
            if one != other and group[one] == group[other]
        )

        def part(draft: Draft) -> None:
            of, models = draft.folds["fold_of"], draft.folds["folds"]
            models[of[gone]]["train"].append(gone)
            of[gone] = (of[gone] + 1) % 5
            models[of[gone]]["train"].remove(gone)
            hashed(draft)

        checking._groups_of.cache_clear()
        put_down(tmp_path / "good", made_of=made)
        assert len(collect(tmp_path / "good", trial=True).entries) == 1
        put_down(tmp_path / "bad", part, made_of=made)
        found = collect(tmp_path / "bad", trial=True).all_findings
    assert {f.code for f in found} == {"near-copy"}
    fold = made[2].fold_of[kept]
    said = f"fold {fold}: trained on tweet {gone}, of which text or picture are those of tweet"
    assert any(f.message.startswith(f"{said} {kept}, or nearly so") for f in found)


TWEETS = st.sampled_from(["1", "2", "3", "4"])
PARTS = st.fixed_dictionaries({"train": st.lists(TWEETS), "inner": st.lists(TWEETS)})


@given(
    st.dictionaries(TWEETS, st.integers(0, 2), min_size=1),
    st.lists(PARTS, min_size=1, max_size=3),
    st.sets(TWEETS, min_size=1),
    st.sampled_from([50, 100]),
)
def test_what_is_accepted_has_no_leak(
    fold_of: dict[str, int], parts: list[dict[str, list[str]]], predicted: set[str], share: int
) -> None:
    training = good()[0].training
    assert training is not None
    training = training.model_copy(update={"share": share, "fold_hash": digest(fold_of)})
    folds = Folds.model_validate({"hash": digest(fold_of), "fold_of": fold_of, "folds": parts})
    found = Collector("a")
    checking.check_folds(folds, training, predicted, found)
    used = [{*one["train"], *one["inner"]} for one in parts]
    fine = len(parts) == training.folds and set(fold_of.values()) <= {0, 1}
    fine = fine and predicted <= fold_of.keys() and all(one["train"] for one in parts)
    others = [{t for t, k in fold_of.items() if k != fold} for fold in range(len(parts))]
    leaks = any(own - rest for own, rest in zip(used, others, strict=True))
    whole = share < 100 or all(own >= rest for own, rest in zip(used, others, strict=True))
    assert found.failed is not (fine and whole and not leaks)


@given(st.one_of(st.binary(), st.text().map(str.encode)))
def test_any_file_of_folds_is_read_or_refused(content: bytes) -> None:
    found = Collector("a")
    assert (checking.read_folds(content, found) is None) is found.failed
    assert found.failed


def test_without_the_data_it_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(tasks: Any) -> splits.Pool:
        raise DataError("not here")

    put_down(tmp_path)
    checking._groups_of.cache_clear()
    monkeypatch.setattr(checking, "pool_of", absent)
    with pytest.raises(DataError, match="not here"):  # the demo is always here
        collect(tmp_path, trial=True)
    own = dataclasses.replace(get_set(splits.pool_name(get_task(TASK))), supply="by hand")
    monkeypatch.setattr(checking, "get_set", lambda name: own)
    (one,) = collect(tmp_path, trial=True).checked
    assert one.entry is not None
    assert one.entry.badge is Badge.REPORTED
    assert [f.code for f in one.findings] == ["unchecked"]
    assert "copies of the predicted tweets" in one.findings[0].message


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"weights": {"1": "another", "2": "machine"}}, True),
        ({"base": "a/copy"}, True),
        ({"content": "commit:1"}, False),
        ({"languages": "en"}, False),
        ({"share": 50}, False),
        ({"seed": 2}, False),
    ],
)
def test_a_rerun_lies_where_its_submission_does(changes: dict[str, Any], same: bool) -> None:
    submission = good()[0]
    assert submission.training is not None
    training = submission.training.model_copy(update=changes)
    again = submission.model_copy(update={"training": training})
    assert (layout.relative_folder(again) == layout.relative_folder(submission)) is same


def test_doubled_names_and_missing_sums(tmp_path: Path) -> None:
    folder = put_down(tmp_path)
    content = (folder / FOLDS).read_bytes()
    tweet = min(good()[2].fold_of)
    twice = content.replace(f'"{tweet}": '.encode(), f'"{tweet}": 0,\n  "{tweet}": '.encode(), 1)
    (folder / FOLDS).write_bytes(twice)
    codes = [f.code for f in collect(tmp_path, trial=True).all_findings]
    assert codes == ["checksum", "not-canonical"]
    (folder / FOLDS).write_bytes(content)
    sums = (folder / layout.SUMS).read_text().splitlines(keepends=True)
    (folder / layout.SUMS).write_text("".join(line for line in sums if FOLDS not in line))
    (finding,) = collect(tmp_path, trial=True).all_findings
    assert (finding.code, finding.message) == (
        "checksums",
        "folds.json is not in it; submit it anew",
    )


def test_a_run_that_added_an_adapter_is_to_be_looked_at(tmp_path: Path) -> None:
    generation = {"engine": {"way": "shared attention", "peft": "0123"}}
    submissions.write(tmp_path, *submissions.make(generation=generation))
    (finding,) = collect(tmp_path, trial=True).all_findings
    assert (finding.severity.value, finding.code) == ("look", "adapter")


def test_the_cards_of_base_and_fine_tuned_agree(tmp_path: Path) -> None:
    """What the model saw before is one fact; what its fine-tuning saw is another."""
    submissions.write(tmp_path, *good())
    plain = submissions.make(0, model=submissions.card(0, saw_this_data="unknown"))
    submissions.write(tmp_path, *plain)
    assert {f.code for f in collect(tmp_path, trial=True).all_findings} == {"identical"}
    other = submissions.make(0, "itr_demo_en", model=submissions.card(0, saw_this_data="no"))
    submissions.write(tmp_path, *other)
    found = [f.message for f in collect(tmp_path, trial=True).all_findings if f.code == "card"]
    assert any("model.base_saw_this_data is 'unknown', in" in message for message in found)


def test_the_same_responses_before_and_after_are_to_be_looked_at(tmp_path: Path) -> None:
    submissions.write(tmp_path, *good())
    plain = submissions.make(0, model=submissions.card(0, saw_this_data="unknown"))
    submissions.write(tmp_path, *plain)
    found = collect(tmp_path, trial=True)
    assert len(found.entries) == 2
    assert sorted(f.message.rpartition(", which is ")[2] for f in found.all_findings) == [
        "the same model after fine-tuning",
        "the same model without fine-tuning",
    ]


# From a run folder to the pages


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a study of training leaves: a run without training, and one of fold predictions."""
    folder = tmp_path_factory.mktemp("studies")
    run_folder(folder / "tiny" / TASK, task=TASK)
    trained(folder / "tiny-trained-lv")
    return folder


def trained(folder: Path, task: str = TASK, name: str = "lv", **settings: Any) -> Path:
    config = dataclasses.replace(CONFIG, **settings)
    facts, folds, parts = submissions.divided(TASK, config)
    run_folder(
        folder / task,
        lambda tweet, question, seed: "No." if int(tweet) % 3 else f"Yes, {tweet[-2:]}.",
        task=task,
        training=facts,
        command_line="itr-bench study training --model itr_vlm --model_args pretrained=tiny/model",
    )
    folds.write(folder / splits.FOLDS, parts)
    return folder


def run(*arguments: object) -> str:
    done = CliRunner().invoke(cli, [str(one) for one in arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_from_a_run_folder_to_the_pages(out: Path, tmp_path: Path) -> None:
    card, made, site = tmp_path / "card.yaml", tmp_path / "made", tmp_path / "site"
    run("submit", out / "tiny-trained-lv", "--new-card", card)
    written = card.read_text()
    assert 'saw_this_data: "yes"\n' in written
    assert 'name: "model"\n' in written
    card.write_text(CARD)
    said = run("submit", out / "tiny-trained-lv", "--model-card", card, "--out", made, "--trial")
    assert "fine-tuned with cross-validation on lv\n" in said
    zero = CARD.replace('"yes"', '"no"').replace('base_saw_this_data: "no"\n', "")
    card.write_text(zero)
    run("submit", out / "tiny", "--model-card", card, "--out", made, "--trial")

    states = sorted(path.name for path in (made / "tiny__model").iterdir())
    assert [re.sub("[0-9a-f]{12}$", "HASH", one[40:]) for one in states] == [
        "",
        "--trained-lv-HASH",
    ]
    folder = made / "tiny__model" / states[1] / TASK
    assert sorted(path.name for path in folder.iterdir()) == [
        *("SHA256SUMS", "folds.json", "responses.jsonl", "submission.json")
    ]
    submission = Submission.model_validate_json((folder / SUBMISSION).read_bytes())
    assert submission.training is not None
    facts, folds, parts = submissions.divided(TASK, CONFIG)
    assert submission.training.model_dump(exclude_none=True) == {
        **facts,
        "base": "tiny/model",
        "content": f"commit:{submission.model.revision}",
    }
    found = json.loads((folder / FOLDS).read_bytes())
    assert found["fold_of"] == folds.by_tweet
    assert [set(one["train"]) for one in found["folds"]] == [set(part.train) for part in parts]
    assert not re.search(
        r"[^\W\d_]",
        re.sub('"(hash|fold_of|folds|train|inner)"', "", json.dumps({**found, "hash": ""})),
    )

    assert run("validate", "--trial", made).count("accepted as recomputed") == 2
    run("leaderboard", "build", "--trial", "--submissions", made, "--out", site)
    board = (site / f"{TASK}.html").read_text()
    main, tuned = (
        re.search(rf'<table id="{name}".*?</table>', board, re.DOTALL)
        for name in ("results", "fine-tuned-table")
    )
    assert main is not None
    assert tuned is not None
    assert main[0].count('<tr class="entry') == tuned[0].count('<tr class="entry') == 1
    assert "fine-tuned on" not in main[0]
    cells = re.findall(r"<td[^>]*>(?:<[^>]*>)*([^<]*)", tuned[0])
    assert cells[2:8] == ["lv", "LoRA", "2", "100", "9", "no"]
    svg = re.search(r"<svg.*?</svg>", board, re.DOTALL)
    assert svg is not None
    assert svg[0].count("Tiny") >= 1
    assert "1 result of models that were fine-tuned with cross-validation stands in a tab" in board
    page = (site / "models" / "tiny__model.html").read_text()
    assert "Fine-tuned with cross-validation on lv (LoRA, 2 folds, 100 % of the data, 9 st" in page
    assert "yes, fine-tuned with cross-validation; before that: no" in page
    assert f"<dt>Folds</dt><dd>2, hash {folds.hash}, seed 1</dd>" in page
    with (site / "data" / "results.csv").open() as file:
        lines = [line for line in csv.DictReader(file) if line["model"] == "Tiny"]
    plain, after = lines
    assert (plain["accuracy_untrained"], after["accuracy_untrained"]) == ("", plain["accuracy"])
    assert f">{percent(float(plain['accuracy']))} before</small></td>" in tuned[0]
    names = ("group", "saw_this_data", "fine_tuned_on", "adapt", "folds", "share", "tier")
    assert [tuple(line[name] for name in names) for line in lines] == [
        ("main", "no", "", "", "", "", "1"),
        ("main, fine-tuned with cross-validation", "yes", "lv", "lora", "2", "1.0", ""),
    ]
    exported = json.loads((site / "data" / "results.json").read_text())["results"]
    assert [bool(one["training"]) for one in exported if one["model"] == "Tiny"] == [False, True]


@pytest.mark.parametrize(
    ("change", "card", "said"),
    [
        (lambda folder: (folder / splits.FOLDS).unlink(), CARD, "says what each fold was trained"),
        (
            lambda folder: (folder / splits.FOLDS).write_text('{"hash": "0"}'),
            CARD,
            "put the file back that `itr-bench study training` wrote",
        ),
        (
            lambda folder: (folder / splits.FOLDS).write_text(
                (folder / splits.FOLDS).read_text().replace('"hash": "', '"hash": "0')[:-1]
            ),
            CARD,
            "folds.json",
        ),
        (None, CARD.replace('saw_this_data: "yes"', "saw_this_data: unknown"), "say saw_this_data"),
        (None, CARD.replace('base_saw_this_data: "no"\n', ""), "say saw_this_data: yes in the c"),
    ],
)
def test_what_cannot_be_submitted(
    change: Callable[[Path], object] | None, card: str, said: str, out: Path, tmp_path: Path
) -> None:
    folder = trained(tmp_path / "tiny-trained-lv")
    if change is not None:
        change(folder)
    (tmp_path / "card.yaml").write_text(card)
    arguments = ["submit", folder, "--model-card", tmp_path / "card.yaml", "--trial", "--dry-run"]
    done = CliRunner().invoke(cli, [str(one) for one in arguments])
    assert isinstance(done.exception, ItrBenchError), done.output
    assert said in str(done.exception)


def test_controls_and_cards_of_others_cannot_be_submitted(out: Path, tmp_path: Path) -> None:
    (tmp_path / "card.yaml").write_text(CARD)
    shuffled = trained(tmp_path / "tiny-trained-lv-shuffled", shuffled_labels=True)
    for folder, said in (
        (shuffled, "trained on shuffled labels: a control, no result"),
        (out / "tiny", "leave base_saw_this_data empty"),
    ):
        arguments = ["submit", folder, "--model-card", tmp_path / "card.yaml", "--trial"]
        done = CliRunner().invoke(cli, [str(one) for one in (*arguments, "--dry-run")])
        assert said in str(done.exception)
    assert folds_of(out / "tiny" / TASK) is None


# The site: apart from all that is of models without training


def boards_with(*fine_tuned: Entry) -> tuple[list[Entry], tuple[Board, ...]]:
    entries = [
        *(entry(ALPHA, task, saw="no") for task in (*LTEC, "tirt")),
        *(entry(Made("Other", 0.2), task, saw="no") for task in (*LTEC, "tirt")),
    ]
    return entries, make_boards([*entries, *fine_tuned], [], trial=False)


@pytest.fixture(scope="module")
def tuned() -> list[Entry]:
    """A model much better than the others on all tasks, for it was trained."""
    return [fine_tuned(entry(Made("Best", 0.95), task)) for task in (*LTEC, "tirt")]


def test_boards_without_training_stay_as_they_are(tuned: list[Entry]) -> None:
    _, without = boards_with()
    entries, boards = boards_with(*tuned)
    for one, other in zip(boards, without, strict=True):
        assert repr(dataclasses.replace(one.main, fine_tuned=())) == repr(other.main)
        assert [row.name for row in one.main.fine_tuned] == ["Best"]
        (row,) = one.main.fine_tuned
        assert (row.tier, row.complete, row.saw_data) == (None, False, "no")
        assert [p.lines for p in plots(one)] == [p.lines for p in plots(other)]
    assert repr(averages(boards)) == repr(averages(without))
    assert repr([gap.rows for gap in gaps(boards)]) == repr([gap.rows for gap in gaps(without)])
    assert comparison_data(boards) == comparison_data(without)
    assert markdown_table([*entries, *tuned], []) == markdown_table(entries, [])
    (model,) = (one for one in by_model([*entries, *tuned], []) if one.newest.name == "Best")
    assert badge_text(model) is None


def test_accuracy_without_training_stands_beside_it(tmp_path: Path) -> None:
    """That of the same checkpoint on the same data; of no other state, model or task."""
    task, other = LTEC[:2]
    known, unknown = Made("Known", 0.3), Made("Unknown", 0.4)
    made = [
        *(entry(known, task), entry(unknown, other)),
        *(fine_tuned(entry(dataclasses.replace(one, knows=0.9), task)) for one in (known, unknown)),
    ]
    boards = make_boards(made, [], trial=False)
    group = boards[0].main
    shown = {row.name: row.accuracy_untrained for row in group.fine_tuned}
    untrained = next(row.accuracy for row in group.entries if row.name == "Known")
    assert untrained is not None
    assert shown == {"Known": untrained, "Unknown": None}
    build_site(tmp_path / "site", made, [])
    text = (tmp_path / "site" / "index.html").read_text()
    table = re.search(r'<table id="fine-tuned-table".*?</table>', text, re.DOTALL)
    assert table is not None
    assert f">{percent(untrained)} before</small></td>" in table[0]


def test_models_that_saw_the_data_stay_in_their_own_table(tuned: list[Entry]) -> None:
    saw = entry(Made("Saw", 0.9), "ltec_itr_lv", saw="yes")
    _, boards = boards_with(saw, tuned[0])
    group = boards[0].main
    assert [row.name for row in group.trained] == ["Saw"]
    assert [row.name for row in group.fine_tuned] == ["Best"]


def test_other_data_and_fine_tuned_ones_alone(tmp_path: Path, tuned: list[Entry]) -> None:
    old = fine_tuned(
        entry(Made("Old", 0.5), "ltec_itr_lv", version="0", data="hub-eeeeeeeeeeee"),
        languages="lv+en",
        share=50,
    )
    build_site(tmp_path / "site", [old, tuned[0]], [])
    text = (tmp_path / "site" / "index.html").read_text()
    assert "No result is known here yet." in text  # of models without training
    for ident, name, on in (
        ("fine-tuned-table", "Best", "lv"),
        ("fine-tuned-1-table", "Old", "lv+en"),
    ):
        table = re.search(rf'<table id="{ident}".*?</table>', text, re.DOTALL)
        assert table is not None
        assert f">{name}</a>" in table[0]
        assert f"<td>{on}</td>" in table[0]
    assert 'id="other-1"' not in text
    history = (tmp_path / "site" / "history.html").read_text()
    assert "Old (0000000000, fine-tuned on lv+en, 50 % of the data): ltec_itr_lv" in history
    for path in sorted((tmp_path / "site").rglob("*.html")):
        page = Page(path.read_text())  # raises where an element is not closed
        assert len(page.ids) == len(set(page.ids)), path


def test_the_main_table_is_chosen_by_models_without_training() -> None:
    """Two systems of translation: the one with more results without training, fewer in all."""
    task = "ltec_itr_en_mt"
    plain = entry(ALPHA, task, saw="no", current=True)
    others = [
        fine_tuned(entry(Made(f"T{i}", 0.5), task, data="local-dddddddddddd-other", current=True))
        for i in range(3)
    ]
    boards = make_boards([plain, *others], [], trial=False)
    (board,) = (one for one in boards if one.task == task)
    assert [row.name for row in board.main.entries] == ["Alpha 7B"]
    assert len(board.others[0].fine_tuned) == 3


def test_a_comment_compares_like_with_like(tmp_path: Path) -> None:
    submissions.write(tmp_path / "new", *good())
    submissions.write(tmp_path / "there", *submissions.make(1))
    there = collect(tmp_path / "there", trial=True)
    said = comment(collect(tmp_path / "new", trial=True), there.entries)
    assert "Made-up 0, fine-tuned on lv" in said
    assert "Nothing else on `itr_demo_lv` to compare" in said


# Runs and studies


@pytest.fixture(scope="module")
def runs(out: Path) -> tuple[Run, Run]:
    return read_run_folder(out / "tiny" / TASK), read_run_folder(out / "tiny-trained-lv" / TASK)


def test_a_score_says_that_the_model_was_fine_tuned(runs: tuple[Run, Run]) -> None:
    plain, tuned = runs
    words = (
        "fine-tuned with cross-validation on lv, LoRA, 2 folds, 9 steps: each tweet is predicted "
        "by a model that did not see it"
    )
    assert words in details(tuned)
    assert words in summary([plain, tuned])
    assert "fine-tuned" not in details(plain)
    assert "training" not in plain.signature.fields()
    fields = tuned.signature.fields()["training"].split(",")
    assert {"languages=lv", "adapt=lora", "folds=2", "share=100", "steps=9", "seed=1"} < {*fields}
    assert f"fold_hash={submissions.divided(TASK, CONFIG)[1].hash}" in fields


def test_shuffled_labels_are_no_result(tmp_path: Path) -> None:
    folder = trained(tmp_path / "tiny-trained-lv-shuffled", shuffled_labels=True)
    said = details(read_run_folder(folder / TASK))
    assert "TRAINED ON SHUFFLED LABELS, a control and no result" in said


def test_compare_names_the_training(runs: tuple[Run, Run], tmp_path: Path) -> None:
    (pair,) = compare_runs(runs)
    assert pair.unlike() == ["fine-tuning (none and lv, LoRA, 2 folds, 9 steps)"]
    again = trained(tmp_path / "again", epochs=1)
    (pair,) = compare_runs([runs[1], read_run_folder(again / TASK)])
    assert pair.unlike() == ["training.epochs (3 and 1)", "training.steps (9 and 3)"]


def test_studies_keep_fine_tuned_runs_apart(out: Path, tmp_path: Path) -> None:
    """Even where all are called alike."""
    en = run_folder(tmp_path / "plain" / "itr_demo_en", task="itr_demo_en")
    tuned = trained(tmp_path / "tuned", task="itr_demo_en", epochs=1)
    folders = [out / "tiny" / TASK, en, out / "tiny-trained-lv" / TASK, tuned / "itr_demo_en"]
    material = Material(runs=[read_run_folder(folder) for folder in folders])
    subjects, notices = subjects_of(material)
    found = sorted(sorted(one.runs) for one in subjects)
    assert found == [["itr_demo_en"], ["itr_demo_en", TASK], [TASK]]
    (apart,) = [one for one in notices if "are kept apart" in one]
    assert "training.epochs 3" in apart
    assert "training.epochs 1" in apart
    section = language.analyse(material)
    assert section is not None
    assert sum(len(figure.table.rows) for figure in section.figures[:1]) == 1
