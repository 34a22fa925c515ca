"""Exporting a release: its files, what may be in it, and reading it back."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from itr_bench.cli.data_export import command as export_command
from itr_bench.data import build, home
from itr_bench.data.inspection import verify_set
from itr_bench.data.loading import load, open_task
from itr_bench.data.manifest import Manifest, text_hash
from itr_bench.data.release_files import Release, read_release
from itr_bench.errors import DataError
from itr_bench.release import licences
from itr_bench.release.difference import RowDifference, changelog, row_differences
from itr_bench.release.export import export
from itr_bench.release.licences import IDS_ONLY, LICENCES, read_stated, settle
from itr_bench.release.plan import plan, tasks_here
from tests import released_data
from tests.conftest import RunLmmsEval
from tests.released_data import IDS, DrawnImages

LTEC = ("ltec_itr_lv", "ltec_itr_en_manual")
FRENCH = "ltec_itr_fr_mt@made-up-1.0"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with made-up data of every kind that a release can hold."""
    folder = tmp_path_factory.mktemp("filled")
    with released_data.home_at(folder):
        released_data.build_ltec()
        released_data.build_translation("made-up-1.0", "cc-by-nc-4.0")
        released_data.build_tirt()
    return folder


@pytest.fixture(scope="module")
def release(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of it, exported."""
    folder = tmp_path_factory.mktemp("release") / "v1"
    with released_data.home_at(filled):
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
        data = open_task(task)
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
        "Agreement of the annotators of the published labels: not available.",
        "French, machine translation by made-up-1.0",
        "name the authors, no commercial use",
        "holds ids, labels and hashes, no texts and no images",
        "eprint = {2505.05040}",
        "https://aclanthology.org/P19-1272/",
        "| `ltec` | images | made-up images | not available | not available | MIT |",
        "This is version 1.0.0, of 2026-01-31.",
    ):
        assert said in card.text, said
    assert "TRIAL" not in card.content
    assert "{{" not in card.content


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


def test_croissant(release: Path) -> None:
    mlcroissant = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed")
    found = mlcroissant.Dataset(jsonld=str(release / "croissant.json"))
    assert not found.metadata.ctx.issues.errors
    assert not found.metadata.ctx.issues.warnings
    (personal,) = found.metadata.personal_sensitive_information
    assert "Who wants a tweet removed" in personal
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
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "home") == ["out", "own"]


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
    assert [p.name for p in tmp_path.iterdir() if p.name != "home"] == ["out"]


def test_the_changelog_says_what_differs(release: Path, tmp_path: Path) -> None:
    with released_data.home_at(tmp_path / "another"):
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
    assert changelog("2.0.0", (), ("1.9.0", "# Changelog\n\nold\n", {})) == (
        "# Changelog\n\n## 2.0.0\n\nNo change of the data.\n\nold\n"
    )
    with pytest.raises(DataError, match="not above"):
        changelog("1.9.0", (), ("1.10.0", "", {}))


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
    assert found["configs"][0]["identity"] == open_task("tirt").identity
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
    assert "| MIT, as the exporter states |" in card


# Reading


@pytest.mark.parametrize("task", [*LTEC, "ltec_itr_fr_mt", FRENCH])
def test_a_task_on_a_release_is_the_same(
    release: Path, filled: Path, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    with released_data.home_at(filled):
        expected = open_task(task)
    monkeypatch.setenv("ITR_BENCH_HUB", str(release))
    found = open_task(task)
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
        open_task("ltec_itr_full_lv")
    with pytest.raises(DataError, match=r"ids, labels and hashes of 'tirt'.*no texts") as caught:
        open_task("tirt")
    assert "TIRT is published as tweet ids" in str(caught.value)
    with pytest.raises(DataError, match="does not hold the data set 'ltec_fr_mt@other'"):
        open_task("ltec_itr_fr_mt@other")
    monkeypatch.setenv("ITR_BENCH_HUB", str(tmp_path))
    with pytest.raises(DataError, match="is not a release of itr-bench"):
        open_task("ltec_itr_lv")
    monkeypatch.setenv("ITR_BENCH_HUB", " ")  # as good as none
    with pytest.raises(DataError, match="TIRT is published as tweet ids"):
        open_task("tirt")


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
        (lambda f: _facts(f, task="../x"), True, "unknown task '../x'"),
        (lambda f: _facts(f, content_sha256="0" * 64), True, "differ from the content hash"),
        (_other_image, True, "tweet 5003, 5003.png: another SHA-256 than the release states"),
        (
            lambda f: (f / "SHA256SUMS").write_text(f"{'0' * 64}  ../../etc/passwd\n"),
            False,
            "outside of the folder",
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
        open_task("ltec_itr_lv")
    assert message in str(caught.value)
    assert not (home / "sets" / "ltec").exists()


def test_stand_ins_stay_stand_ins_whatever_the_release_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    from itr_bench.data.image_sources import StandInImages

    with released_data.home_at(tmp_path / "origin"):
        released_data.build_ltec(StandInImages())
        export(tmp_path / "out", plan(["ltec_itr_lv"], trial=True))
    _facts(tmp_path / "out", kind="hub")
    monkeypatch.setenv("ITR_BENCH_HUB", str(summed(tmp_path / "out")))
    assert open_task("ltec_itr_lv").identity.startswith("stand-in-")


def test_translations_of_another_state_are_refused(
    release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released_data.build_ltec(texts={"5000": "another text"})
    monkeypatch.setenv("ITR_BENCH_HUB", str(release))
    with pytest.raises(DataError, match=r"another state of the set 'ltec'.*--replace"):
        open_task("ltec_itr_fr_mt")
    build.fetch("ltec", replace=True)
    assert open_task("ltec_itr_fr_mt").identity.startswith("hub-")


def test_a_set_that_is_here_is_used_before_the_release(
    release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released_data.build_ltec(texts={"5000": "another text"})
    monkeypatch.setenv("ITR_BENCH_HUB", str(release))
    assert open_task("ltec_itr_lv").texts[0] == "another text"


def test_several_systems_in_a_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with released_data.home_at(tmp_path / "origin"):
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
        open_task("ltec_itr_fr_mt")
    assert open_task("ltec_itr_fr_mt@second").identity.endswith("-second")
    # A set that was read can be released again.
    with released_data.home_at(home.home()):
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
