"""Pushing a release and reading it back, against a fake Hub."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from click.testing import CliRunner

from itr_bench.cli.data_push import command as push_command
from itr_bench.data.inspection import verify_set
from itr_bench.errors import DataError
from itr_bench.release.export import export
from itr_bench.release.plan import plan
from itr_bench.release.push import compare, push
from itr_bench.tasks.loading import open_task
from itr_bench.tasks.spec import get_task
from tests import hub_server, released_data
from tests.homes import home_at
from tests.hub_server import TOKEN, Hub, Repository

REPO = "made-up/relations"
TASKS = ("ltec_itr_lv", "ltec_itr_en_manual")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with made-up data."""
    folder = tmp_path_factory.mktemp("filled")
    with home_at(folder):
        released_data.build_ltec()
        released_data.build_translation("made-up-1.0", None)
    return folder


@pytest.fixture(scope="module")
def release(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release") / "v1"
    with home_at(filled):
        export(folder, plan(TASKS))
    return folder


@pytest.fixture(scope="module")
def newer(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The next release: one text of another wording, and one config less."""
    folder = tmp_path_factory.mktemp("newer")
    with home_at(folder / "home"):
        released_data.build_ltec(texts={"5003": "cits teksts"})
        export(folder / "v2", plan(TASKS[:1]), version="1.1.0", previous=release)
    return folder / "v2"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    constants = huggingface_hub.constants
    with hub_server.running() as found:
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        for name, value in {
            "ENDPOINT": found.url,
            "HUGGINGFACE_CO_URL_TEMPLATE": found.url + "/{repo_id}/resolve/{revision}/{filename}",
            "HF_HUB_CACHE": str(tmp_path / "hub-cache"),
            "HF_HUB_DISABLE_XET": True,
            "HF_HUB_OFFLINE": False,
        }.items():
            monkeypatch.setattr(constants, name, value)
        monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)
        yield found
        huggingface_hub.utils.close_session()


def holding(hub: Hub, folder: Path, **more: bytes) -> Repository:
    """Give the hub a repository that holds the release in *folder*."""
    files = {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }
    files |= more
    repository = hub.repositories[REPO] = Repository()
    repository.add(files)
    return repository


def test_a_push_by_the_command_line_and_back(
    hub: Hub, release: Path, filled: Path, tmp_path: Path
) -> None:
    """Over real HTTP, each command in a process of its own, as users run it."""
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": TOKEN,
        "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_OFFLINE": "0",
    }

    def run(*arguments: str, **more: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "itr_bench.cli.main", "data", *arguments],
            capture_output=True,
            text=True,
            env={**environment, **more},
            cwd=tmp_path,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert TOKEN not in done.stdout + done.stderr
        return done.stdout

    arguments = ("push", str(release), "--repo-id", REPO)
    assert f"{REPO}: there is no such repository; here: version 1.0.0" in run(*arguments)
    assert hub.repositories == {}
    done = run(*arguments, "--yes", "--create", "--private")
    repository = hub.repositories[REPO]
    revision, files = repository.commits[-1]
    assert len(repository.commits) == 2  # the first one came with the repository
    assert repository.private
    assert f'load_dataset("{REPO}", "ltec_itr_lv", split="test", revision="{revision}")' in done
    assert files.pop(".gitattributes")
    on_disk = [path for path in release.rglob("*") if path.is_file()]
    assert files == {p.relative_to(release).as_posix(): p.read_bytes() for p in on_disk}
    assert "nothing differs" in run(*arguments, "--yes")
    assert len(repository.commits) == 2

    there = {"ITR_BENCH_HUB": f"{REPO}@{revision}", "ITR_BENCH_HOME": str(tmp_path / "empty")}
    assert "350 tweets agree with the manifest" in run("verify", "ltec", **there)
    facts = json.loads((tmp_path / "empty/sets/ltec/manifest.json").read_text())
    with home_at(filled):
        expected = open_task(get_task("ltec_itr_lv")).tweets.manifest
    assert (facts["kind"], facts["content_sha256"]) == ("hub", expected.content_sha256)
    assert facts["sources"][0]["release"]["revision"] == revision
    # What was fetched once is there without a network.
    offline = {**there, "ITR_BENCH_HOME": str(tmp_path / "other"), "HF_HUB_OFFLINE": "1"}
    assert "350 tweets agree with the manifest" in run("verify", "ltec", **offline)


def test_what_a_push_would_change(hub: Hub, release: Path, newer: Path) -> None:
    repository = holding(hub, release, **{"notes.md": b"mine"})
    found = compare(newer, REPO)
    assert found.there == "1.0.0"
    assert found.removed == ("ltec_itr_en_manual/test-00000-of-00001.parquet",)
    assert found.kept == ("notes.md",)
    assert found.added == ()
    assert set(found.changed) == {
        *("CHANGELOG.md", "NOTICE", "README.md", "SHA256SUMS", "croissant.json", "hashes.tsv"),
        *("ltec_itr_lv/test-00000-of-00001.parquet", "release.json"),
    }
    assert found.rows is not None
    assert {name: one.words for name, one in found.rows.items()} == {
        "ltec_itr_lv": "1 tweet changed (1 text)",
        "ltec_itr_en_manual": "removed, 350 tweets",
    }
    # No image is fetched to know it: three small files are.
    assert set(hub.asked) == {"info", "tree", "resolve"}
    assert len(repository.commits) == 1

    revision = push(found)
    assert repository.commits[-1][0] == revision
    assert len(repository.commits) == 2
    files = repository.commits[-1][1]
    assert files["notes.md"] == b"mine"
    assert not any(path.startswith("ltec_itr_en_manual") for path in files)
    again = compare(newer, REPO)
    assert (again.added, again.changed, again.removed) == ((), (), ())


def test_a_repository_without_a_release_is_compared_by_files(hub: Hub, release: Path) -> None:
    hub.repositories[REPO] = Repository()
    hub.repositories[REPO].add({"README.md": b"---\n---\n", "data.parquet": b"PAR1"})
    found = compare(release, REPO)
    assert (found.there, found.rows, found.changed) == (None, None, ("README.md",))
    assert found.kept == ("data.parquet",)


def test_a_repository_that_changes_under_the_upload_is_left_as_it_is(
    hub: Hub, release: Path, newer: Path
) -> None:
    repository = holding(hub, release)
    found = compare(newer, REPO)
    hub.faults["upload"] = lambda: repository.add({"other.md": b"somebody else"}) and None
    with pytest.raises(DataError, match=r"changed meanwhile \(412\), and nothing was published"):
        push(found)
    assert repository.commits[-1][1] == {"other.md": b"somebody else"}


def _other_facts(files: dict[str, bytes], **changes: str) -> dict[str, bytes]:
    """The files of a release, its first config with *changes*; SHA256SUMS fits."""
    found = json.loads(files["release.json"])
    found["configs"][0].update(changes)
    content = json.dumps(found).encode()
    before = hashlib.sha256(files["release.json"]).hexdigest().encode()
    after = hashlib.sha256(content).hexdigest().encode()
    sums = files["SHA256SUMS"].replace(before, after)
    return {**files, "release.json": content, "SHA256SUMS": sums}


@pytest.mark.parametrize(
    ("damage", "message", "removed"),
    [
        (lambda f: {**f, "hashes.tsv": b"x"}, "hashes.tsv: another SHA-256", True),
        (lambda f: {**f, "SHA256SUMS": b"hello"}, "SHA256SUMS, line 1: expected", False),
        (lambda f: {**f, "SHA256SUMS": b"\xff" * 9}, "SHA256SUMS, line 1: expected", False),
        (lambda f: {**f, "release.json": b"{}"}, "release.json: another SHA-256", True),
        (
            lambda f: {n: c for n, c in f.items() if n != "SHA256SUMS"},
            "SHA256SUMS: missing",
            False,
        ),
        (
            lambda f: _other_facts(f, task="ltec_itr_xx"),
            "release.json: made by a newer itr-bench, or damaged: unknown task 'ltec_itr_xx'",
            True,
        ),
    ],
)
def test_a_damaged_release_there_is_an_obstacle_with_a_way_out(
    hub: Hub,
    release: Path,
    newer: Path,
    damage: Callable[[dict[str, bytes]], dict[str, bytes]],
    message: str,
    removed: bool,
) -> None:
    repository = holding(hub, release)
    repository.add({**damage(repository.commits[0][1]), "notes.md": b"mine"})
    arguments = [str(newer), "--repo-id", REPO]
    shown = CliRunner().invoke(push_command, arguments)
    assert shown.exit_code == 0, shown.output
    assert "a release that cannot be read; here: version 1.1.0" in shown.output
    assert "  changed  ltec_itr_lv/test-00000-of-00001.parquet" in shown.output
    assert "not to be pushed: the release that is there cannot be read: " + message in shown.output
    assert "--replace-damaged lets this one take its place" in shown.output
    refused = CliRunner().invoke(push_command, [*arguments, "--yes"])
    assert "--replace-damaged" in str(refused.exception)
    assert len(repository.commits) == 2
    done = CliRunner().invoke(push_command, [*arguments, "--yes", "--replace-damaged"])
    assert done.exit_code == 0, done.output
    files = repository.commits[2][1]
    assert files["notes.md"] == b"mine"
    assert files["release.json"] == (newer / "release.json").read_bytes()
    # What belonged to it goes where its own list can be read.
    assert ("ltec_itr_en_manual/test-00000-of-00001.parquet" not in files) is removed
    assert compare(newer, REPO).damaged is None


def test_a_failed_push_into_a_new_repository_says_what_is_left(hub: Hub, release: Path) -> None:
    hub.faults["commit"] = 403
    with pytest.raises(DataError, match=r"may not do this.*\n.*relations was made and is left"):
        push(compare(release, REPO), create=True)
    assert list(hub.repositories[REPO].commits[-1][1]) == [".gitattributes"]


@pytest.mark.parametrize(
    ("route", "fault", "message"),
    [
        ("preupload", 401, r"refuses the token.*hf auth login"),
        ("preupload", 403, r"may not do this \(403\).*write access"),
        ("preupload", 503, r"the Hub is down \(503\)"),
        ("batch", 413, r"full or the files are too large.*\(413\)"),
        ("upload", 507, r"full or the files are too large.*\(507\)"),
        ("commit", 403, r"may not do this \(403\)"),
        ("commit", 429, r"too many requests \(429\)"),
        ("commit", 409, r"changed meanwhile \(409\)"),
        ("commit", 500, r"the Hub is down \(500\).*All of the release was published or nothing"),
        ("commit", 1.5, r"does not answer in time.*All of the release was published or nothing"),
        ("validate", 400, r"refuses it \(400\)"),
    ],
)
def test_what_goes_wrong_is_said_and_nothing_is_published(
    hub: Hub,
    release: Path,
    newer: Path,
    monkeypatch: pytest.MonkeyPatch,
    route: str,
    fault: Any,
    message: str,
) -> None:
    repository = holding(hub, release)
    found = compare(newer, REPO)
    before = list(repository.commits)
    hub.faults[route] = fault
    if isinstance(fault, float):
        monkeypatch.setattr("itr_bench.release.push.COMMIT_TIMEOUT_S", 0.5)
    with pytest.raises(DataError, match=message) as caught:
        push(found)
    if isinstance(fault, int):
        assert repository.commits == before
    assert REPO in str(caught.value)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (403, r"may not do this"),
        (502, r"the Hub is down \(502\)"),
        (1.0, r"does not answer in time"),
    ],
)
def test_a_hub_that_cannot_be_read(
    hub: Hub, release: Path, monkeypatch: pytest.MonkeyPatch, fault: Any, message: str
) -> None:
    holding(hub, release)
    if isinstance(fault, float):
        monkeypatch.setattr("itr_bench.release.push.TIMEOUT_S", 0.3)
    hub.faults["info"] = fault
    with pytest.raises(DataError, match=message):
        compare(release, REPO)


def test_a_hub_that_is_not_there(
    hub: Hub, release: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(DataError, match=r"the Hub cannot be reached \(Connect"):
        compare(release, REPO)


def test_a_wrong_token_is_refused_and_not_shown(
    hub: Hub, release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holding(hub, release)
    monkeypatch.setenv("HF_TOKEN", "hf_AnotherMadeUpToken")
    with pytest.raises(DataError, match=r"refuses the token") as caught:
        compare(release, REPO)
    assert "hf_Another" not in str(caught.value)
    # What the server repeats is cut out, too.
    hub.faults["info"] = 500
    with pytest.raises(DataError, match=r"made-up fault for \(token\)"):
        compare(release, REPO)


def test_a_missing_repository_is_made_only_where_that_is_asked_for(hub: Hub, release: Path) -> None:
    found = compare(release, REPO)
    assert found.revision is None
    with pytest.raises(DataError, match=r"there is no data set repository.*--create"):
        push(found)
    assert hub.repositories == {}
    assert push(found, create=True) == hub.repositories[REPO].commits[-1][0]
    assert not hub.repositories[REPO].private


def test_what_must_not_be_pushed(
    hub: Hub, filled: Path, release: Path, newer: Path, tmp_path: Path
) -> None:
    holding(hub, release)

    def refused(folder: Path, *messages: str) -> None:
        found = compare(folder, REPO)
        with pytest.raises(DataError) as caught:
            push(found)
        assert all(message in str(caught.value) for message in messages), str(caught.value)

    with home_at(filled):
        export(tmp_path / "mt", plan(["ltec_itr_fr_mt"]))
        refused(
            tmp_path / "mt",
            "ltec_itr_fr_mt__made-up-1.0: machine translation made-up-1.0: no licence stated",
            "--licence made-up-1.0=SPDX",
        )
        nd = plan(["ltec_itr_fr_mt"], stated={"made-up-1.0": "CC-BY-ND-4.0"})
        export(tmp_path / "nd", nd)
        refused(tmp_path / "nd", "CC-BY-ND-4.0 does not let it be passed on")
        export(tmp_path / "trial", plan(["itr_demo_lv"], trial=True))
        refused(tmp_path / "trial", "it is a trial")
        export(tmp_path / "named", plan(TASKS), repo_id="made-up/another")
        refused(tmp_path / "named", "names another repository, made-up/another")
        export(tmp_path / "same", plan(TASKS[:1]), version="1.0.0")
        refused(tmp_path / "same", "version 1.0.0 is there already with other files")
    holding(hub, newer)
    refused(release, "version 1.1.0 is there, above 1.0.0")
    assert len(hub.repositories[REPO].commits) == 1
    assert {"preupload", "commit"}.isdisjoint(hub.asked)


def test_the_command_is_dry_by_default_and_speaks_json(
    hub: Hub, release: Path, newer: Path
) -> None:
    repository = holding(hub, release)
    arguments = [str(newer), "--repo-id", REPO]
    shown = CliRunner().invoke(push_command, arguments)
    assert shown.exit_code == 0, shown.output
    assert "removed  ltec_itr_en_manual/test-00000-of-00001.parquet" in shown.output
    assert "tweets   ltec_itr_lv: 1 tweet changed (1 text)" in shown.output
    assert "Dry run: nothing was changed" in shown.output
    found = json.loads(CliRunner().invoke(push_command, [*arguments, "--json"]).stdout)
    assert found["pushed"] is False
    assert found["rows"]["ltec_itr_lv"]["texts"] == 1
    assert len(repository.commits) == 1
    found = json.loads(CliRunner().invoke(push_command, [*arguments, "--json", "--yes"]).stdout)
    assert found["revision"] == repository.commits[-1][0]
    wrong = CliRunner().invoke(push_command, [*arguments, "--private"])
    assert wrong.exit_code == 2


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (REPO, None),
        (f"{REPO}@main", None),
        (f"{REPO}@{'0' * 40}", r"no such data set repository, file or revision"),
        ("made-up/none", r"no such data set repository"),
        ("not a repository", r"neither a folder nor a repository"),
    ],
)
def test_reading_from_a_repository(
    hub: Hub, release: Path, monkeypatch: pytest.MonkeyPatch, named: str, message: str | None
) -> None:
    holding(hub, release)
    monkeypatch.setenv("ITR_BENCH_HUB", named)
    if message is None:
        assert verify_set("ltec").kind == "hub"
        return
    with pytest.raises(DataError, match=message):
        verify_set("ltec")


def test_a_file_that_was_changed_on_the_hub_is_not_used(
    hub: Hub, release: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    parquet = "ltec_itr_lv/test-00000-of-00001.parquet"
    repository = holding(hub, release)
    monkeypatch.setenv("ITR_BENCH_HUB", REPO)
    for path in (parquet, "release.json"):
        files = dict(repository.commits[0][1])
        repository.add({**files, path: files[path] + b" "})
        with pytest.raises(DataError, match=f"{path}: another SHA-256"):
            verify_set("ltec")
    assert not (home / "sets" / "ltec").exists()
    hub.faults["info"] = 500
    with pytest.raises(DataError, match=rf"{REPO} cannot be read: the Hub is down"):
        verify_set("ltec")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    huggingface_hub.utils.close_session()  # a new one knows
    with pytest.raises(DataError, match="HF_HUB_OFFLINE is set, and this revision is not in the"):
        verify_set("ltec")
