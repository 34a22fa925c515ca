"""Exporting a release: its files, what may be in it, and reading it back."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from itr_bench.cli.data_export import command as export_command
from itr_bench.cli.main import cli
from itr_bench.data import build, home, writing
from itr_bench.data.inspection import verify_set
from itr_bench.data.manifest import Manifest, text_hash
from itr_bench.data.release_files import Release, read_release
from itr_bench.data.sets import get_set
from itr_bench.data.tsv import Row
from itr_bench.errors import DataError
from itr_bench.release import licences
from itr_bench.release.difference import RowDifference, changelog, check_above, row_differences
from itr_bench.release.export import export
from itr_bench.release.licences import IDS_ONLY, LICENCES, read_stated, settle
from itr_bench.release.plan import plan, tasks_here
from itr_bench.tasks.loading import load, open_task
from itr_bench.tasks.spec import get_task
from tests import released_data
from tests.conftest import RunLmmsEval
from tests.homes import home_at
from tests.released_data import IDS, DrawnImages

LTEC = ("ltec_itr_lv", "ltec_itr_en_manual")
FRENCH = "ltec_itr_fr_mt@made-up-1.0"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with made-up data of every kind that a release can hold."""
    folder = tmp_path_factory.mktemp("filled")
    with home_at(folder):
        released_data.build_ltec()
        released_data.build_translation("made-up-1.0", "cc-by-nc-4.0")
        released_data.build_tirt()
    return folder


@pytest.fixture(scope="module")
def release(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of it, exported."""
    folder = tmp_path_factory.mktemp("release") / "v1"
    with home_at(filled):
        export(folder, plan(), repo_id="made-up/relations", date="2026-01-31")
    return folder


@pytest.fixture
def at_filled(filled: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ITR_BENCH_HOME", str(filled))
    return filled


def copied(release: Path, folder: Path) -> Path:
    """A copy of a release, to be damaged."""
    for file in release.rglob("*"):
        if file.is_file():
            to = folder / file.relative_to(release)
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(file.read_bytes())
    return folder


def summed(folder: Path) -> Path:
    """Make SHA256SUMS fit the files in *folder* again."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "SHA256SUMS")
    lines = (
        f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(folder).as_posix()}\n"
        for p in files
    )
    (folder / "SHA256SUMS").write_text("".join(lines))
    return folder


# The files


# Everything that a user without this package can do with a release: `datasets` alone.
_FOREIGN = """
import hashlib, json, sys
sys.modules["itr_bench"] = None
from datasets import Image, load_dataset
out = {}
for config in sys.argv[2:]:
    tweets = load_dataset(sys.argv[1], config, split="test")
    names = tweets.features["relation"].names
    found = {"columns": tweets.column_names, "names": names, "tweets": {}}
    if "image" in tweets.column_names:
        assert tweets[0]["image"].mode == "RGB"
        tweets = tweets.cast_column("image", Image(decode=False))
    for row in tweets:
        sha = hashlib.sha256
        text = sha(row["text"].encode()).hexdigest() if "text" in row else row["text_sha256"]
        image = sha(row["image"]["bytes"]).hexdigest() if "image" in row else row["image_sha256"]
        found["tweets"][row["tweet_id"]] = [row["relation"], text, image]
    out[config] = found
print(json.dumps(out))
"""


def test_datasets_alone_reads_the_same(release: Path, at_filled: Path, tmp_path: Path) -> None:
    tasks = [*LTEC, FRENCH, "tirt"]
    configs = [task.replace("@", "__") for task in tasks]
    done = subprocess.run(
        [sys.executable, "-I", "-c", _FOREIGN, str(release), *configs],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PATH": "", "HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    for task, config in zip(tasks, configs, strict=True):
        data = open_task(get_task(task))
        expected = {
            tweet: [relation, text_hash(text), image]
            for tweet, relation, text, image in zip(
                data.tweets.tweet_ids,
                data.tweets.relations,
                data.texts,
                data.tweets.image_hashes,
                strict=True,
            )
        }
        assert found[config]["tweets"] == expected
        assert found[config]["names"] == load(task).features["relation"].names
    same = load("ltec_itr_lv").column_names
    assert found["ltec_itr_lv"]["columns"] == [*same, "text_en"]
    assert found["tirt"]["columns"] == ["tweet_id", "relation", "text_sha256", "image_sha256"]


def test_the_same_data_gives_the_same_bytes(release: Path, at_filled: Path, tmp_path: Path) -> None:
    export(tmp_path / "again", plan(), repo_id="made-up/relations", date="2026-01-31")
    files = {p.relative_to(release) for p in release.rglob("*") if p.is_file()}
    assert {str(path) for path in files} >= {"README.md", "tirt/test-00000-of-00001.parquet"}
    for path in files:
        assert (tmp_path / "again" / path).read_bytes() == (release / path).read_bytes(), path


def test_sha256sum_verifies_the_release(release: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "--strict", "-c", "SHA256SUMS"],
        cwd=release,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len([p for p in release.rglob("*") if p.is_file()]) - 1


def test_images_are_the_same_bytes_in_every_config(release: Path) -> None:
    """So that a storage that knows chunks keeps them once."""

    def chunks(config: str) -> list[bytes]:
        path = release / config / "test-00000-of-00001.parquet"
        file, content, found = pq.ParquetFile(path), path.read_bytes(), []
        for group in range(file.metadata.num_row_groups):
            columns = file.metadata.row_group(group)
            (image,) = (
                columns.column(i)
                for i in range(columns.num_columns)
                if columns.column(i).path_in_schema == "image.bytes"
            )
            start = image.data_page_offset
            found.append(content[start : start + image.total_compressed_size])
        return found

    assert len(chunks("ltec_itr_lv")) == 11  # 350 tweets, 32 a group
    assert chunks("ltec_itr_lv") == chunks("ltec_itr_en_manual")
    assert chunks("ltec_itr_lv") == chunks(FRENCH.replace("@", "__"))


def test_no_text_of_a_tweet_without_a_licence_is_in_any_file(release: Path) -> None:
    for path in release.rglob("*"):
        if path.is_file():
            assert b"secret text" not in path.read_bytes(), path
    for name in ("README.md", "croissant.json", "release.json", "CHANGELOG.md", "hashes.tsv"):
        assert "pīrāgu" not in (release / name).read_text(encoding="utf-8")


def test_the_card(release: Path) -> None:
    from huggingface_hub import DatasetCard

    card = DatasetCard.load(release / "README.md")
    data = card.data.to_dict()
    assert data["language"] == ["lv", "en", "fr"]
    assert data["license"] == ["apache-2.0", "mit", "cc-by-nc-4.0", "unknown"]
    assert data["size_categories"] == ["1K<n<10K"]  # 3 times 350, and 8
    assert data["task_categories"] == ["visual-question-answering", "image-text-to-text"]
    assert data["language_creators"] == ["found", "machine-generated"]
    assert data["configs"][0] == {
        "config_name": "ltec_itr_lv",
        "data_files": [{"split": "test", "path": "ltec_itr_lv/test-00000-of-00001.parquet"}],
        "default": True,
    }
    infos = {info["config_name"]: info for info in data["dataset_info"]}
    assert infos["ltec_itr_lv"]["splits"][0]["num_examples"] == 350
    assert infos["tirt"]["splits"][0]["num_examples"] == 8
    size = (release / "tirt/test-00000-of-00001.parquet").stat().st_size
    assert infos["tirt"]["download_size"] == size
    assert {"name": "image", "dtype": {"image": {"mode": "RGB"}}} in infos["ltec_itr_lv"][
        "features"
    ]
    for said in (
        'load_dataset("made-up/relations", "ltec_itr_lv", split="test", revision="REVISION")',
        "| 350 | 113 | 72 | 113 | 52 | 32.3 % |",
        "| 8 | 2 | 2 | 2 | 2 | 25.0 % |",
        "uniform chance is 25 %",
        "Agreement of those who made these labels: not available here.",
        "French, machine translation by made-up-1.0",
        "name the authors, no commercial use",
        "`tirt` holds ids, labels and hashes, no texts and no images: they are not ours to pass "
        "on.",
        "itr-bench data hydrate-plan --labels tirt/ids.tsv --out ids/\n"
        "itr-bench data build tirt --labels tirt/ids.tsv --tweets FETCHED --all\n",
        "as stated by the publisher of the source",
        "not granted by the authors of the tweets; the terms of X apply to texts and images",
        "Only the owner of its repository (made-up) can act on it.",
        "Vempala and Preotiuc-Pietro 2019 (TIRT)",
        "eprint = {2505.05040}",
        "https://aclanthology.org/P19-1272/",
        "| `ltec` | images | made-up images | not available | not available | MIT |",
        "This is version 1.0.0, of 2026-01-31.",
        "hyparquet 1.33 (JavaScript): set `utf8: false`",
        "`hyparquet-compressors`",
        "mlcroissant 1.1.1: it does not turn images upright by their EXIF orientation",
        "datasets 5.2.0: where the function given to `map` returns the image of its row",
    ):
        assert said in card.text, said
    assert "TRIAL" not in card.content
    assert "{{" not in card.content
    assert "made without" not in card.content
    assert not re.search(r"\n{4}|[ \t]\n", card.text)


def test_a_trial_is_marked(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"itr_demo_lv: demo data is no release.*--trial"):
        plan(["itr_demo_lv"])
    made = export(tmp_path / "trial", plan(["itr_demo_lv"], trial=True))
    assert made.trial
    card = (tmp_path / "trial" / "README.md").read_text()
    assert "pretty_name: 'TRIAL: " in card
    assert "> **TRIAL. This is not the data set.**" in card
    croissant = json.loads((tmp_path / "trial" / "croissant.json").read_text())
    assert croissant["description"].startswith("TRIAL")


def test_agreement_in_the_card(at_filled: Path, tmp_path: Path) -> None:
    from itr_bench.agreement.report import Coefficient

    found = {
        "tables": [
            {
                "what": "relation",
                "tweets_with_two_or_more": 20,
                "coefficients": {
                    "fleiss_kappa": vars(Coefficient(0.5, 0.25, 0.75, 0, None)),
                    "gwet_ac1": vars(Coefficient(None, None, None, 0, "one category")),
                },
            }
        ]
    }
    path = tmp_path / "agreement.json"
    path.write_text(json.dumps(found))
    export(tmp_path / "out", plan(["tirt"]), agreement=path)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| relation | 20 | fleiss kappa | 0.500 | 0.250 to 0.750 |" in card
    assert "| gwet ac1 | not available | not available to not available |" in card
    path.write_text('{"tables": [{}]}')
    with pytest.raises(DataError, match=r"not what `itr-bench data agreement --json` writes"):
        export(tmp_path / "other", plan(["tirt"]), agreement=path)
    assert not (tmp_path / "other").exists()
    for value in ("Infinity", "NaN", "1e999", "1" + "0" * 400):
        for count, one in ((value, "0.5"), ("20", value)):
            path.write_text(
                '{"tables": [{"what": "x", "tweets_with_two_or_more": '
                f'{count}, "coefficients": {{"a": {{"value": {one}, "low": 0, "high": 1}}}}}}]}}'
            )
            if (value, one) != ("1" + "0" * 400, "0.5"):  # many tweets, but a number
                with pytest.raises(DataError, match="not what `itr-bench data agreement"):
                    export(tmp_path / "other", plan(["tirt"]), agreement=path)
    for content in (b"[" * 200_000, b"\xff\xfe\x00", b"null"):
        path.write_bytes(content)
        with pytest.raises(DataError, match="not what `itr-bench data agreement"):
            export(tmp_path / "other", plan(["tirt"]), agreement=path)


def test_a_previous_changelog_that_is_no_text(
    release: Path, at_filled: Path, tmp_path: Path
) -> None:
    folder = copied(release, tmp_path / "copy")
    (folder / "CHANGELOG.md").write_bytes(b"# Changelog\n\xff\xfe")
    summed(folder)
    with pytest.raises(DataError, match=r"CHANGELOG\.md: not a text in UTF-8"):
        export(tmp_path / "other", plan(["tirt"]), version="2.0.0", previous=folder)
    assert not (tmp_path / "other").exists()


def test_croissant(release: Path) -> None:
    mlcroissant = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed")
    found = mlcroissant.Dataset(jsonld=str(release / "croissant.json"))
    assert not found.metadata.ctx.issues.errors
    assert not found.metadata.ctx.issues.warnings
    (personal,) = found.metadata.personal_sensitive_information
    assert "Who wants a tweet removed" in personal
    assert [one.name for one in found.metadata.creators] == [
        *("Matīss Rikters", "Edison Marrese-Taylor"),
        *("Alakananda Vempala", "Daniel Preoţiuc-Pietro"),
    ]
    assert [one.name for one in found.metadata.publisher] == ["The itr-bench authors"]
    assert "ltec_itr_lv: Apache-2.0, MIT; " in found.metadata.description
    assert "tirt: none stated." in found.metadata.description
    assert "the terms of X apply" in found.metadata.description
    assert found.metadata.data_biases
    assert found.metadata.data_limitations
    assert found.metadata.data_collection
    first = next(iter(found.records("ltec_itr_lv")))
    assert first["ltec_itr_lv/text"].decode() == "ēdu pīrāgu nr. 0 | @kāds <b>"
    assert first["ltec_itr_lv/relation"] == 0
    assert first["ltec_itr_lv/image"].size == (8, 6)
    assert len(list(found.records("tirt"))) == 8
    assert next(iter(found.records("hashes")))["hashes/tweet_id"] == IDS[0].encode()


# What may be in it


def test_what_is_exported_by_default(at_filled: Path) -> None:
    assert tasks_here() == [*LTEC, FRENCH, "tirt"]
    assert [one.ids_only for one in plan()] == [False, False, False, True]
    (chosen,) = plan(["ltec_itr_fr_mt"], ids_only_for=["ltec_itr_fr_mt"])
    assert (chosen.task, chosen.ids_only) == (FRENCH, True)
    assert chosen.licences == ("CC-BY-NC-4.0", "Apache-2.0", "MIT")


def test_nothing_to_export() -> None:
    with pytest.raises(DataError, match=r"no data is built here.*--tasks"):
        plan()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tasks": ["ltec_itr_xx"]}, "unknown task 'ltec_itr_xx'"),
        ({"tasks": ["ltec_itr_lv_explained"]}, "has the same data as ltec_itr_lv"),
        ({"tasks": ["ltec_itr_lv_instruct_lv"]}, "has the same data as ltec_itr_lv"),
        ({"tasks": ["tirt", "tirt"]}, "tirt: named twice"),
        ({"tasks": ["ltec_itr_fr_mt", FRENCH]}, f"{FRENCH}: named twice"),
        ({"stated": {"nobody": "MIT"}}, "--licence nobody=...: not in this release"),
        ({"stated": {"made-up-1.0": "MIT"}}, "state a licence themselves (CC-BY-NC-4.0), which"),
        ({"stated": {"ltec": "MIT", "tirt": "MIT"}}, "themselves (Apache-2.0, MIT), which holds"),
        ({"ids_only_for": ["demo"]}, "--ids-only-for demo: not in this release"),
    ],
)
def test_what_is_refused(at_filled: Path, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(DataError) as caught:
        plan(**arguments)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("sources", "expected", "obstacle"),
    [
        ([{"licence": "MIT"}], ("MIT",), None),
        ([{"licence": "apache-2.0"}, {"licence": "MIT"}], ("Apache-2.0", "MIT"), None),
        ([{"licence": "MIT"}, {"licence": "mit "}], ("MIT",), None),
        ([{}], ("NOASSERTION",), "no licence stated; if you know it: --licence some=SPDX"),
        ([{"licence": "MIT"}, {}], ("MIT", "NOASSERTION"), "no licence stated"),
        ([{"licence": None}], ("NOASSERTION",), "no licence stated"),
        ([{"licence": "other"}], ("NOASSERTION",), "licence 'other' is not in the table"),
        ([{"licence": ["mit", "x"]}], ("NOASSERTION",), "licence 'mit, x' is not in the table"),
        ([{"licence": "CC-BY-ND-4.0"}], ("CC-BY-ND-4.0",), "does not let it be passed on"),
        ([{"licence": "CC-BY-NC-4.0"}], ("CC-BY-NC-4.0",), None),
    ],
)
def test_every_source_needs_a_licence(
    sources: list[dict[str, str]], expected: tuple[str, ...], obstacle: str | None
) -> None:
    found, obstacles = settle(sources, "some")
    assert found == expected
    assert len(obstacles) == (obstacle is not None)
    assert obstacle is None or obstacle in obstacles[0]


def test_licences_that_the_user_states() -> None:
    assert read_stated(["opus=apache-2.0", "ltec=MIT"]) == {"opus": "Apache-2.0", "ltec": "MIT"}
    for pair in ("opus", "=MIT", "opus=", "opus=GPLv9"):
        with pytest.raises(DataError, match="--licence"):
            read_stated([pair])
    with pytest.raises(DataError, match=r"--licence opus=\.\.\.: named twice"):
        read_stated(["opus=MIT", "opus=Apache-2.0"])
    assert licences.with_licences([{"licence": "MIT"}, {"name": "x"}], "opus", {"opus": "MIT"}) == [
        {"licence": "MIT"},
        {"name": "x", "licence": "MIT", "licence_stated_by": "exporter"},
    ]
    # Spelled as SPDX and the Hub do.
    assert all(licence.hub == name for name, licence in LICENCES.items())
    assert IDS_ONLY == ("tirt",)


# Writing


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"version": "1.0"}, "version '1.0': expected MAJOR.MINOR.PATCH"),
        ({"version": "v1.0.0"}, "expected MAJOR.MINOR.PATCH"),
        ({"repo_id": "name"}, "--repo-id name: expected ORG/NAME"),
        ({"repo_id": "a/b--c"}, "--repo-id a/b--c: expected ORG/NAME"),
        ({"repo_id": "a/b.git"}, "--repo-id a/b.git: expected ORG/NAME"),
        ({"repo_id": "datasets/a/b"}, "expected ORG/NAME"),
        ({"date": "31.1.2026"}, "--date 31.1.2026: expected YYYY-MM-DD"),
        ({"date": "2026-02-30"}, "expected YYYY-MM-DD"),
    ],
)
def test_bad_facts_are_refused(
    at_filled: Path, tmp_path: Path, arguments: dict[str, str], message: str
) -> None:
    with pytest.raises(DataError) as caught:
        export(tmp_path / "out", plan(["tirt"]), **arguments)
    assert message in str(caught.value)
    assert not (tmp_path / "out").exists()
    option = [f"--{name.replace('_', '-')}={value}" for name, value in arguments.items()]
    dry = CliRunner().invoke(export_command, [str(tmp_path / "out"), "--dry-run", *option])
    assert dry.exit_code == 1
    assert message in str(dry.exception)


def test_the_current_folder_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    for named in (".", "..", str(tmp_path / "in"), "/"):
        dry = CliRunner().invoke(export_command, [named, "--dry-run"])  # no data is built, too
        assert "is the current folder or holds it" in str(dry.exception)
    Path("file").touch()
    dry = CliRunner().invoke(export_command, ["file/below", "--dry-run"])
    assert "file is no folder" in str(dry.exception)


def test_files_of_the_user_are_not_replaced(at_filled: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    export(folder, plan(["tirt"]))
    (folder / "tirt" / "my-notes.txt").write_text("mine")
    with pytest.raises(DataError, match=r"files of no release.*\n.*tirt/my-notes\.txt"):
        export(folder, plan(["tirt"]), replace=True)
    assert (folder / "tirt" / "my-notes.txt").read_text() == "mine"


_KILLED = """
import os, sys
from pathlib import Path
from itr_bench.release import export
from itr_bench.release.plan import plan
export.croissant = lambda *_: os._exit(9) if sys.argv[2] == "kill" else input()
export.export(Path(sys.argv[1]), plan(["tirt"]), replace=True)
"""


def test_what_a_killed_export_left_is_removed(at_filled: Path, tmp_path: Path) -> None:
    folder = tmp_path / "rel"
    arguments = [sys.executable, "-c", _KILLED, str(folder)]
    assert subprocess.run([*arguments, "kill"], check=False).returncode == 9
    (left,) = tmp_path.glob(".rel.*")
    of_killed = {left / "new" / "CHANGELOG.md"}
    (tmp_path / ".rel.mine").mkdir()
    with subprocess.Popen([*arguments, "wait"], stdin=subprocess.PIPE) as running:
        while not (work := set(tmp_path.glob(".rel.*/new/CHANGELOG.md")) - of_killed):
            assert running.poll() is None
            time.sleep(0.05)
        assert not left.exists()
        export(folder, plan(["tirt"]))
        assert all(path.exists() for path in work)  # of one that runs
        running.kill()
    export(folder, plan(["tirt"]), replace=True)
    found = sorted(p.name for p in tmp_path.iterdir())
    assert found == [".rel.mine", "rel"]


def test_a_release_on_its_way_out_comes_back(at_filled: Path, tmp_path: Path) -> None:
    """Killed between the two renames: the old release is there, under another name."""
    folder = tmp_path / "rel"
    export(folder, plan(["tirt"]))
    left = tmp_path / ".rel.x.tmp"
    left.mkdir()
    (left / "lock").touch()
    folder.rename(left / "old")
    with pytest.raises(DataError, match="holds a release already"):
        export(folder, plan(["tirt"]))
    assert read_release(folder)[0].version == "1.0.0"


def test_what_is_there_is_kept(at_filled: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "thesis.txt").write_text("mine")
    with pytest.raises(DataError, match=r"is there and is not a release.*Nothing was touched"):
        export(own, plan(["tirt"]), replace=True)
    assert [p.name for p in own.iterdir()] == ["thesis.txt"]
    folder = tmp_path / "out"
    folder.mkdir()  # an empty one may be there
    export(folder, plan(["tirt"]))
    with pytest.raises(DataError, match=r"holds a release already.*--replace"):
        export(folder, plan(["tirt"]))
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    with pytest.raises(DataError, match=r"version 1.0.0 is not above"):
        export(folder, plan(["tirt"]), previous=folder, replace=True)
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    export(folder, plan(["tirt"]), version="1.0.1", previous=folder, replace=True)
    assert read_release(folder)[0].version == "1.0.1"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "own"]


def test_a_full_disk_leaves_the_old_release(
    at_filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    export(folder, plan(["tirt"]))
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("itr_bench.release.export.croissant", full)
    with pytest.raises(DataError, match=r"No space left on device.*nothing was changed"):
        export(folder, plan(["tirt"]), replace=True)
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_the_changelog_says_what_differs(release: Path, tmp_path: Path) -> None:
    with home_at(tmp_path / "another"):
        released_data.build_ltec(texts={"5001": "cits", "5002": "teksts"})
        made = export(tmp_path / "v2", plan(LTEC), version="1.1.0", previous=release)
    assert made.version == "1.1.0"
    first = (release / "CHANGELOG.md").read_text()
    assert (tmp_path / "v2" / "CHANGELOG.md").read_text() == (
        "# Changelog\n\n## 1.1.0\n\n"
        "- `ltec_itr_lv`: 2 tweets changed (2 texts).\n"
        "- `ltec_itr_en_manual`: 2 tweets changed (2 texts).\n"  # its column text_lv
        "- `ltec_itr_fr_mt__made-up-1.0`: removed, 350 tweets.\n"
        "- `tirt`: removed, 8 tweets.\n" + first.removeprefix("# Changelog\n")
    )
    assert first.endswith("- `tirt`: 8 tweets.\n")


_ROW = st.tuples(st.sampled_from("0123"), st.sampled_from("ab"), st.sampled_from("xy"))
_ROWS = st.dictionaries(
    st.sampled_from(["one", "two", "three"]),
    st.dictionaries(st.sampled_from("12345"), _ROW),
)


@given(_ROWS, _ROWS)
def test_differences_add_up(old: dict[str, dict], new: dict[str, dict]) -> None:
    found = row_differences(old, new)
    assert found.keys() == old.keys() | new.keys()
    for name, one in found.items():
        before, after = old.get(name, {}), new.get(name, {})
        assert len(after) - len(before) == one.added - one.removed
        same = sum(before.get(tweet) == row for tweet, row in after.items())
        assert same + one.changed + one.added == len(after)
        assert max(one.labels, one.texts, one.images) <= one.changed
        assert one.changed <= one.labels + one.texts + one.images
        assert (one.state == "kept") == (before == after and name in old and name in new)
    back = row_differences(new, old)
    assert {n: (d.added, d.removed, d.changed) for n, d in found.items()} == {
        n: (d.removed, d.added, d.changed) for n, d in back.items()
    }


def test_differences_in_words() -> None:
    assert RowDifference("changed", 1, 2, 3, 1, 2, 0).words == (
        "1 tweet added, 2 tweets removed, 3 tweets changed (1 label, 2 texts)"
    )
    assert changelog("2.0.0", (), ("# Changelog\n\nold\n", {})) == (
        "# Changelog\n\n## 2.0.0\n\nNo change of the data.\n\nold\n"
    )
    with pytest.raises(DataError, match="not above"):
        check_above("1.9.0", "1.10.0")


def test_the_command(at_filled: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    dry = CliRunner().invoke(export_command, [str(folder), "--dry-run"])
    assert dry.exit_code == 0, dry.output
    assert "Dry run: nothing was written." in dry.output
    assert not folder.exists()
    done = CliRunner().invoke(export_command, [str(folder), "--tasks", "tirt, ltec_itr_lv"])
    assert done.exit_code == 0, done.output
    assert "ids, labels, hashes" in done.output
    assert f"written: {folder}" in done.output
    arguments = [str(folder), "--tasks", "tirt", "--json", "--replace"]
    found = json.loads(CliRunner().invoke(export_command, arguments).output)
    assert found["configs"][0]["identity"] == open_task(get_task("tirt")).identity
    assert read_release(folder)[0].configs[0].size == found["configs"][0]["bytes"]


def test_local_files_state_no_licence(tmp_path: Path) -> None:
    released_data.build_ltec(DrawnImages(licence=None))
    (one,) = plan(["ltec_itr_lv"])
    assert one.obstacles == (
        "images made-up images: no licence stated; if you know it: --licence ltec=SPDX",
    )
    (one,) = plan(["ltec_itr_lv"], stated={"ltec": "MIT"})
    assert (one.obstacles, one.licences) == ((), ("Apache-2.0", "MIT"))
    export(tmp_path / "out", [one])
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| MIT, as the exporter states; the source states: none |" in card


@pytest.mark.parametrize("own", ["openrail", "other", ["mit", "other"]])
def test_a_stated_licence_stands_beside_one_that_is_not_known(tmp_path: Path, own: object) -> None:
    released_data.build_ltec()
    released_data.build_translation("opus", own)
    (before,) = plan(["ltec_itr_fr_mt"])
    assert "is not in the table; if you know it: --licence opus=SPDX" in before.obstacles[0]
    (one,) = plan(["ltec_itr_fr_mt"], stated={"opus": "CC-BY-4.0"})
    assert (one.obstacles, one.licences[0]) == ((), "CC-BY-4.0")
    export(tmp_path / "out", [one])
    said = own if isinstance(own, str) else "mit, other"
    line = f"CC-BY-4.0, as the exporter states; the source states: {said}"
    assert f"| {line} |" in (tmp_path / "out" / "README.md").read_text()
    notice = (tmp_path / "out" / "NOTICE").read_text()
    assert line in notice
    assert "CC-BY-4.0: https://spdx.org/licenses/CC-BY-4.0.html" in notice


def test_no_path_of_this_machine_is_in_any_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    """Built from local files, a checkpoint in a folder, and a release in a folder."""
    source = tmp_path / "private"
    source.mkdir()
    lines = ["relation\ttweet_id\ttext"]
    for number in range(8):
        lines.append(f"{number % 4}\t{700 + number}\ttext {number}")
        (source / f"{700 + number}.png").write_bytes(DrawnImages().read(str(number))[0])
    (source / "list.tsv").write_text("\n".join(lines) + "\n")
    with home_at(tmp_path / "origin"):
        build.build("tirt", source / "list.tsv", source)
        released_data.build_ltec()
        released_data.build_translation(str(source / "model"), "MIT", system="model")
        export(tmp_path / "first", plan())
    monkeypatch.setenv("ITR_BENCH_HUB", str(tmp_path / "first"))
    open_task(get_task("ltec_itr_fr_mt"))
    export(tmp_path / "second", plan([*LTEC, "ltec_itr_fr_mt"]))
    for name in ("first", "second"):
        for path in (tmp_path / name).rglob("*"):
            if path.is_file():
                assert str(tmp_path).encode() not in path.read_bytes(), path
    again = read_release(tmp_path / "second")[0].configs[0].sources[0]
    assert again["release"]["name"] == "first"


# Ids only


def _content(release: Path) -> str:
    """All that is in a release, Parquet decoded, images as what Python prints of their bytes."""
    parts = []
    for path in sorted(release.rglob("*")):
        if path.suffix == ".parquet":
            parts.append(repr(pq.read_table(path).to_pylist()))
            assert b"PNG" not in path.read_bytes() or "PNG" in parts[-1]
        elif path.is_file():
            parts.append(path.read_text(encoding="utf-8"))
    return "\n".join(parts)


@pytest.mark.parametrize(
    ("withheld", "tasks", "left"),
    [
        # The set: its other language, and translations with its images.
        ("ltec_itr_lv", None, ""),
        ("ltec_itr_en_manual", None, ""),
        ("ltec", None, ""),
        ("ltec", ["ltec_itr_fr_mt"], ""),
        # Translations alone: not the set that they were made of.
        ("ltec_itr_fr_mt", None, "lv en png"),
        (FRENCH, None, "lv en png"),
        ("tirt", None, "lv en fr png"),
    ],
)
def test_what_is_withheld_is_in_no_file(
    at_filled: Path, tmp_path: Path, withheld: str, tasks: list[str] | None, left: str
) -> None:
    export(tmp_path / "out", plan(tasks or (), ids_only_for=[withheld]))
    content = _content(tmp_path / "out")
    parts = {"lv": "pīrāgu", "en": "I eat pie", "fr": "je mange", "png": r"\x89PNG"}
    assert " ".join(name for name, part in parts.items() if part in content) == left
    assert "secret text" not in content


def test_a_set_that_shares_tweets_is_withheld(tmp_path: Path) -> None:
    released_data.build_ltec()
    found = [
        Row(n, {"tweet_id": str(5000 + n), "relation": str(n % 4), "text_en": f"text {n}"})
        for n in range(349, 352)
    ]
    with home.locked("tirt"):
        writing.write(get_set("tirt"), found, DrawnImages(), {})
    # TIRT is never given whole, so its tweets are not given elsewhere.
    assert [one.ids_only for one in plan()] == [True, True, True]


def test_tweets_left_out_by_choice_are_not_called_anothers(at_filled: Path, tmp_path: Path) -> None:
    export(tmp_path / "out", plan(["ltec_itr_lv"], ids_only_for=["ltec"]))
    card = (tmp_path / "out" / "README.md").read_text()
    assert "no texts and no images, which the exporter left out." in card
    assert "not ours to pass on" not in card
    assert not list((tmp_path / "out").rglob("ids.tsv"))


def test_the_ids_make_the_same_set_again(release: Path, filled: Path, tmp_path: Path) -> None:
    ids = release / "tirt" / "ids.tsv"
    assert ids.read_text().splitlines()[:2] == ["tweet_id\trelation", "900\t0"]
    fetched = tmp_path / "FETCHED"
    fetched.mkdir()
    tweets = []
    for number in range(8):
        (fetched / f"{900 + number}.png").write_bytes(DrawnImages().read(str(900 + number))[0])
        tweets.append(json.dumps({"id": str(900 + number), "text": f"secret text {number}"}))
    (fetched / "tweets.jsonl").write_text("\n".join(tweets))
    commands = read_release(release)[0].configs[-1].rehydration
    assert commands is not None
    for line in commands.replace("ids/", str(tmp_path / "ids/")).splitlines():
        words = line.replace("FETCHED", str(fetched)).replace("tirt/ids.tsv", str(ids)).split()
        done = CliRunner().invoke(cli, words[1:])
        assert done.exit_code == 0, done.output
    with home_at(filled):
        expected = open_task(get_task("tirt")).tweets.manifest.content_sha256
    assert open_task(get_task("tirt")).tweets.manifest.content_sha256 == expected


# Licences and words


def test_texts_are_there_of_licences_that_have_to_go_along() -> None:
    folder = resources.files("itr_bench.release") / "texts"
    needed = {licence.spdx for licence in LICENCES.values() if licence.with_text}
    assert {path.name for path in folder.iterdir()} == {f"{name}.txt" for name in needed}
    assert needed == {"MIT", "Apache-2.0", "BSD-3-Clause"}


def test_licence_texts_and_notice(release: Path, at_filled: Path, tmp_path: Path) -> None:
    texts = {p.name: p.read_bytes() for p in (release / "LICENSES").iterdir()}
    assert sorted(texts) == ["Apache-2.0.txt", "MIT.txt"]
    # Of https://www.apache.org/licenses/LICENSE-2.0.txt
    assert hashlib.sha256(texts["Apache-2.0.txt"]).hexdigest() == (
        "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
    )
    assert b"The line itself is not available" in texts["MIT.txt"]
    assert b"itr-bench" not in texts["MIT.txt"]
    sums = (release / "SHA256SUMS").read_text()
    assert "  NOTICE\n" in sums
    assert "  LICENSES/MIT.txt\n" in sums
    notice = (release / "NOTICE").read_text()
    for said in (
        "joined by tweet id, hashed, and encoded again as Parquet",
        "not granted by the authors of the tweets; the terms of X apply",
        "Texts of licences: LICENSES/Apache-2.0.txt, LICENSES/MIT.txt\n",
        "CC-BY-NC-4.0: https://spdx.org/licenses/CC-BY-NC-4.0.html",
        "Sources of ltec_itr_lv:\n  tweet list: made-up.tsv\n    licence: Apache-2.0\n",
        "texts and images left out: tirt.",
        "    licence: none stated\n",
    ):
        assert said in notice, said
    export(tmp_path / "out", plan(["tirt"]))
    assert not (tmp_path / "out" / "LICENSES").exists()
    assert "Texts of" not in (tmp_path / "out" / "NOTICE").read_text()


@pytest.mark.parametrize("published", [True, False])
def test_words_are_those_of_what_is_in_it(tmp_path: Path, published: bool) -> None:
    mlcroissant = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed")
    released_data.build_tirt(published)
    folder = tmp_path / "out"
    export(folder, plan(["tirt"]))
    for name in ("README.md", "croissant.json", "NOTICE"):
        text = (folder / name).read_text(encoding="utf-8")
        for other in ("Latvia", "LTEC", "350", "food", "Who annotated", "Rikters", "Multilingual"):
            assert other not in text, (name, other)
        assert published or "TIRT" not in text
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "ITR_BENCH_HUB" not in card  # it cannot be read without texts
    assert ("described in the paper (ACL P19-1272)" in card) is published
    assert ("Tweets of the exporter's own list" in card) is not published
    found = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    assert not found.metadata.ctx.issues.errors
    assert "Licences by config: tirt: none stated." in found.metadata.description
    with home_at(tmp_path / "another"):
        released_data.build_ltec()
        export(tmp_path / "ltec", plan())
    for name in ("README.md", "croissant.json", "NOTICE"):
        assert "TIRT" not in (tmp_path / "ltec" / name).read_text(encoding="utf-8")
    assert "Who annotated the Latvian tweets" in (tmp_path / "ltec" / "README.md").read_text()


# Reading


@pytest.mark.parametrize("task", [*LTEC, "ltec_itr_fr_mt", FRENCH])
def test_a_task_on_a_release_is_the_same(
    release: Path, filled: Path, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    with home_at(filled):
        expected = open_task(get_task(task))
    monkeypatch.setenv("ITR_BENCH_HUB", str(release))
    found = open_task(get_task(task))
    assert found.identity == expected.identity
    assert found.identity.startswith("hub-")
    assert list(found.texts) == list(expected.texts)
    assert found.images.image_file(7) == expected.images.image_file(7)
    manifest = verify_set(found.tweets.manifest.set_name)
    assert manifest.content_sha256 == expected.tweets.manifest.content_sha256
    assert manifest.notes == expected.tweets.manifest.notes
    assert manifest.sources[0]["release"]["version"] == "1.0.0"
    assert manifest.sources[0]["licence"] == expected.tweets.manifest.sources[0]["licence"]


def test_what_a_release_does_not_hold(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ITR_BENCH_HUB", str(release))
    with pytest.raises(DataError, match=r"does not hold the data set 'ltec_full'; it holds: ltec"):
        open_task(get_task("ltec_itr_full_lv"))
    with pytest.raises(DataError, match=r"ids, labels and hashes of 'tirt'.*no texts") as caught:
        open_task(get_task("tirt"))
    assert "itr-bench data build tirt --labels tirt/ids.tsv" in str(caught.value)
    with pytest.raises(DataError, match="does not hold the data set 'ltec_fr_mt@other'"):
        open_task(get_task("ltec_itr_fr_mt@other"))
    monkeypatch.setenv("ITR_BENCH_HUB", str(tmp_path))
    with pytest.raises(DataError, match="is not a release of itr-bench"):
        open_task(get_task("ltec_itr_lv"))
    monkeypatch.setenv("ITR_BENCH_HUB", " ")  # as good as none
    with pytest.raises(DataError, match="TIRT is published as tweet ids"):
        open_task(get_task("tirt"))


def _facts(folder: Path, **changes: object) -> None:
    path = folder / "release.json"
    found = json.loads(path.read_text())
    found["configs"] = [{**config, **changes} for config in found["configs"]]
    path.write_text(json.dumps(found))


def _other_image(folder: Path) -> None:
    path = folder / "ltec_itr_lv/test-00000-of-00001.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    rows[3]["image"]["bytes"] = rows[4]["image"]["bytes"]
    pq.write_table(type(table).from_pylist(rows, schema=table.schema), path)


@pytest.mark.parametrize(
    ("damage", "fits", "message"),
    [
        (lambda f: (f / "README.md").unlink(), False, "README.md: missing"),
        (
            lambda f: (f / "ltec_itr_lv/test-00000-of-00001.parquet").write_bytes(b"PAR1"),
            False,
            "another SHA-256 than in SHA256SUMS",
        ),
        (
            lambda f: (f / "ltec_itr_lv/test-00000-of-00001.parquet").write_bytes(b"PAR1"),
            True,
            "not the Parquet file of a release",
        ),
        (lambda f: (f / "release.json").write_text("{}"), True, "is not the release.json"),
        (lambda f: (f / "release.json").write_text("]"), True, "is not the release.json"),
        (lambda f: _facts(f, task="../x"), True, "newer itr-bench, or damaged: '../x' is no n"),
        (lambda f: _facts(f, set_name="../x"), True, "unknown data set '../x'"),
        (lambda f: _facts(f, content_sha256="0" * 64), True, "differ from the content hash"),
        (_other_image, True, "tweet 5003, 5003.png: another SHA-256 than the release states"),
        (
            lambda f: (f / "SHA256SUMS").write_text(f"{'0' * 64}  ../../etc/passwd\n"),
            False,
            "../../etc/passwd: no file of a release",
        ),
        (lambda f: (f / "SHA256SUMS").write_text("hello\n"), False, "line 1: expected a SHA-256"),
    ],
)
def test_a_damaged_release_is_refused(
    release: Path,
    tmp_path: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    damage: Callable[[Path], object],
    fits: bool,
    message: str,
) -> None:
    folder = copied(release, tmp_path / "copy")
    damage(folder)
    if fits:
        summed(folder)
    monkeypatch.setenv("ITR_BENCH_HUB", str(folder))
    with pytest.raises(DataError) as caught:
        open_task(get_task("ltec_itr_lv"))
    assert message in str(caught.value)
    assert not (home / "sets" / "ltec").exists()


def test_a_snapshot_of_the_hub_is_a_release(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `huggingface_hub.snapshot_download` makes it: links to files elsewhere."""
    snapshot, blobs = tmp_path / "snapshots" / "0123", tmp_path / "blobs"
    blobs.mkdir()
    for number, file in enumerate(p for p in release.rglob("*") if p.is_file()):
        (blobs / str(number)).write_bytes(file.read_bytes())
        link = snapshot / file.relative_to(release)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blobs / str(number))
    monkeypatch.setenv("ITR_BENCH_HUB", str(snapshot))
    assert open_task(get_task("ltec_itr_lv")).identity.startswith("hub-")
    manifest = verify_set("ltec")
    assert manifest.sources[0]["release"]["name"] == "made-up/relations"


def test_building_translations_again_takes_them_from_the_release(
    release: Path, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released_data.build_ltec()
    released_data.build_translation("made-up-1.0", None, text="autre chose")
    monkeypatch.setenv("ITR_BENCH_HUB", str(release))
    assert open_task(get_task(FRENCH)).texts[0].startswith("autre chose")
    arguments = ["data", "build", "ltec_fr_mt@made-up-1.0", "--replace"]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    with home_at(filled):
        expected = open_task(get_task(FRENCH))
    assert open_task(get_task(FRENCH)).identity == expected.identity
    assert list(open_task(get_task(FRENCH)).texts) == list(expected.texts)


def test_placeholders_stay_placeholders_whatever_the_release_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    from itr_bench.data.image_sources import PlaceholderImages

    with home_at(tmp_path / "origin"):
        released_data.build_ltec(PlaceholderImages())
        export(tmp_path / "out", plan(["ltec_itr_lv"], trial=True))
    _facts(tmp_path / "out", kind="hub")
    monkeypatch.setenv("ITR_BENCH_HUB", str(summed(tmp_path / "out")))
    assert open_task(get_task("ltec_itr_lv")).identity.startswith("placeholder-")


def test_translations_of_another_state_are_refused(
    release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released_data.build_ltec(texts={"5000": "another text"})
    monkeypatch.setenv("ITR_BENCH_HUB", str(release))
    with pytest.raises(DataError, match=r"another state of the set 'ltec'.*--replace"):
        open_task(get_task("ltec_itr_fr_mt"))
    build.fetch("ltec", replace=True)
    assert open_task(get_task("ltec_itr_fr_mt")).identity.startswith("hub-")


def test_a_set_that_is_here_is_used_before_the_release(
    release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released_data.build_ltec(texts={"5000": "another text"})
    monkeypatch.setenv("ITR_BENCH_HUB", str(release))
    assert open_task(get_task("ltec_itr_lv")).texts[0] == "another text"


def test_several_systems_in_a_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with home_at(tmp_path / "origin"):
        released_data.build_ltec()
        for system in ("first", "second"):
            released_data.build_translation(system, "MIT")
        made = export(tmp_path / "out", plan())
    assert [config.name for config in made.configs] == [
        *LTEC,
        "ltec_itr_fr_mt__first",
        "ltec_itr_fr_mt__second",
    ]
    monkeypatch.setenv("ITR_BENCH_HUB", str(tmp_path / "out"))
    with pytest.raises(DataError, match=r"of 2 systems; name one: ltec_fr_mt@first, ltec_fr_mt@se"):
        open_task(get_task("ltec_itr_fr_mt"))
    assert open_task(get_task("ltec_itr_fr_mt@second")).identity.endswith("-second")
    # A set that was read can be released again.
    with home_at(home.home()):
        export(tmp_path / "again", plan(["ltec_itr_fr_mt@second"]))
    assert read_release(tmp_path / "again")[0].configs[0].identity == made.configs[3].identity


def test_release_json_is_read_as_it_was_written(release: Path) -> None:
    content = (release / "release.json").read_bytes()
    found = Release.parse(content, "here")
    assert found.model_dump_json(indent=2) + "\n" == content.decode()
    other = json.dumps({**json.loads(content), "format": 2}).encode()
    with pytest.raises(DataError, match="format 2, expected 1"):
        Release.parse(other, "here")
    header = (release / "README.md").read_text().split("---\n")[1]
    assert [c["config_name"] for c in yaml.safe_load(header)["configs"]] == [
        config.name for config in found.configs
    ]


@pytest.mark.slow
def test_lmms_eval_runs_on_a_release(release: Path, lmms_eval: RunLmmsEval, tmp_path: Path) -> None:
    """A whole run of lmms-eval's command line, with nothing but the release."""
    done = lmms_eval(
        *("--model", "itr_baseline", "--model_args", "strategy=majority"),
        *("--tasks", "ltec_itr_lv"),
        home=tmp_path / "empty",
        env={"ITR_BENCH_HUB": str(release)},
    )
    assert done.status == 0, done.output
    figures = done.figures("ltec_itr_lv")
    assert figures["relation_accuracy"] == pytest.approx(113 / 350)
    manifest = Manifest.read(tmp_path / "empty" / "sets" / "ltec")
    assert manifest.kind == "hub"
