"""The leaderboard around its pages: published results, formats, table, workflow, commands."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from itr_bench.cli.main import cli
from itr_bench.errors import DataError, ItrBenchError
from itr_bench.leaderboard.published import leaderboard_folder, read_published
from itr_bench.leaderboard.schema import RESPONSE, Submission, json_schema, response_line
from itr_bench.leaderboard.site.markdown import escaped, markdown_table, replaced
from itr_bench.leaderboard.validate import suspicious_accuracy
from itr_bench.tasks.spec import find_task, get_task
from tests.conftest import ROOT
from tests.submissions import make, write

PUBLISHED = leaderboard_folder() / "published"
OLD_FORMATS = sorted((ROOT / "tests" / "golden" / "formats").iterdir())

# Rikters & Marrese-Taylor 2025 (arXiv:2505.05040), as far as the figures are known here.
KNOWN = {
    ("Llama 3.2 11B", "ltec_itr_lv"): (33.07, None),
    ("Llama 3.2 11B", None): (33.83, None),
    ("LLaVA-NeXT 13B", "ltec_itr_lv"): (19.43, None),
    ("LLaVA-NeXT 13B", None): (28.91, None),
    ("Phi 3.5 4B", "ltec_itr_lv"): (18.14, None),
    ("Phi 3.5 4B", None): (25.14, None),
    ("Qwen2-VL 7B", None): (15.71, 0.0),
    ("LLaVA-NeXT 7B", None): (None, 8.03),
}


def test_published_figures_are_those_that_are_known_and_no_more() -> None:
    (paper,) = read_published(PUBLISHED)
    found = {
        (model.name, figure.task): (figure.accuracy, figure.deviation)
        for model in paper.models
        for figure in model.figures
    }
    assert {k: v for k, v in found.items() if v != (None, None)} == KNOWN
    assert len(paper.models) == 5
    assert suspicious_accuracy() == pytest.approx(2 * 0.3383)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("accuracy: 33.07", "accuracy: '33.07'", "models.0.figures.0.accuracy"),
        ("accuracy: 33.07", "accuracy: .nan", ", line 25: '.nan' is no finite number"),
        ("accuracy: 33.07", "accuracy: 330.7", "models.0.figures.0.accuracy"),
        ("format: 1", "format: 2", "format"),
        ("  year: 2025", "  year: 2025\n  jear: 2025", "source.jear"),
        ("task: ltec_itr_lv", "task: ltec_itr_lw", "Did you mean 'ltec_itr_lv'?"),
        ("models:", "models: [", "cannot read"),
    ],
)
def test_faulty_published_results_are_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = (PUBLISHED / "rikters2025.yaml").read_text()
    assert old in text
    (tmp_path / "paper.yaml").write_text(text.replace(old, new, 1))
    with pytest.raises(DataError, match=r"paper\.yaml") as caught:
        read_published(tmp_path)
    assert said in str(caught.value)


@pytest.mark.parametrize("folder", OLD_FORMATS, ids=lambda folder: f"format {folder.name}")
def test_files_of_every_format_still_load(folder: Path) -> None:
    """Kept as they were written; a change of format adds a folder and changes none."""
    assert read_published(folder)[0].models
    Submission.model_validate_json((folder / "submission" / "submission.json").read_bytes())
    lines = (folder / "submission" / "responses.jsonl").read_bytes().splitlines()
    assert [response_line(RESPONSE.validate_json(line)) for line in lines] == lines


@pytest.mark.parametrize(
    ("name", "table", "blind", "reference"),
    [
        ("ltec_itr_lv", "ltec_itr_lv", False, "ltec_itr_lv"),
        ("ltec_itr_lv_explained", "ltec_itr_lv", False, "ltec_itr_lv_explained"),
        ("ltec_itr_lv~no-image", "ltec_itr_lv", True, "ltec_itr_lv"),
        ("tirt~no-image_explained", "tirt", True, "tirt_explained"),
        ("itr_demo_lv~no-image", "itr_demo_lv", True, "itr_demo_lv"),
        ("ltec_itr_en_mt@a-b~no-image", "ltec_itr_en_mt", True, "ltec_itr_en_mt@a-b"),
        ("ltec_itr_lv~no-image_likelihood", None, True, "ltec_itr_lv_likelihood"),
        ("ltec_itr_lv_likelihood", None, False, "ltec_itr_lv_likelihood"),
        ("ltec_itr_lv~grey-image", None, False, "ltec_itr_lv"),
        ("ltec_itr_full_lv~no-image", None, True, "ltec_itr_full_lv"),
    ],
)
def test_of_what_names_the_leaderboard_takes_results(
    name: str, table: str | None, blind: bool, reference: str
) -> None:
    task = get_task(name)
    assert (task.leaderboard_task, task.without_image) == (table, blind)
    assert task.reference == reference


@pytest.mark.parametrize(
    "name", ["ltec_itr_lv~no-image~no-image", "~no-image", "", "@", "_explained"]
)
def test_names_that_are_no_task(name: str) -> None:
    assert find_task(name) is None


def test_the_schema_in_docs_is_the_one_in_force() -> None:
    """Renew it: itr-bench validate --schema > docs/submission.schema.json"""
    assert json.loads((ROOT / "docs" / "submission.schema.json").read_text()) == json_schema()


def test_the_table_in_the_readme_is_the_current_one() -> None:
    """Renew it: itr-bench leaderboard table --write README.md"""
    done = CliRunner().invoke(cli, ["leaderboard", "table", "--check", str(ROOT / "README.md")])
    assert done.exit_code == 0, done.output


def test_table_of_submissions(tmp_path: Path) -> None:
    root = tmp_path / "submissions"
    write(root, *make(3, right=0.8, samples=2))
    file = tmp_path / "page.md"
    file.write_text("before\n<!-- leaderboard -->\nold\n<!-- /leaderboard -->\nafter\n")
    options = ["--trial", "--submissions", str(root)]
    run = CliRunner()
    stale = run.invoke(cli, ["leaderboard", "table", *options, "--check", str(file)])
    assert stale.exit_code == 1
    assert "renew it" in stale.output
    assert run.invoke(cli, ["leaderboard", "table", *options, "--write", str(file)]).exit_code == 0
    text = file.read_text()
    assert text.startswith("before\n<!-- leaderboard -->\n\n| model | LTEC Latvian |")
    assert text.endswith("\n\n<!-- /leaderboard -->\nafter\n")
    (line,) = (line for line in text.splitlines() if line.startswith("| Made-up 3 "))
    assert ", tier 1 |" in line
    assert run.invoke(cli, ["leaderboard", "table", *options, "--check", str(file)]).exit_code == 0


def test_table_without_anything_known_has_the_references() -> None:
    assert "| *Uniform chance* | 25.00 |" in markdown_table([], [])


@pytest.mark.parametrize(
    "text", ["", "<!-- leaderboard -->", "<!-- /leaderboard --> <!-- leaderboard -->"]
)
def test_a_file_without_marks_is_named(text: str) -> None:
    with pytest.raises(ItrBenchError, match=r"page\.md: expected one line"):
        replaced(text, "table", Path("page.md"))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a|b", r"a\|b"),
        ("[x](http://y)", r"\[x\]\(http://y\)"),
        ("<script>", r"\<script\>"),
        ("a\u202eb\nc", "abc"),
        ("`x` *y* _z_", r"\`x\` \*y\* \_z\_"),
    ],
)
def test_names_in_the_table_are_shown_to_the_letter(name: str, shown: str) -> None:
    assert escaped(name) == shown


def test_build_goes_on_without_what_is_refused(tmp_path: Path) -> None:
    root, out = tmp_path / "submissions", tmp_path / "site"
    write(root, *make(1))
    refused = write(root, *make(2))
    (refused / "responses.jsonl").write_bytes(b"\xff\n")
    arguments = ["leaderboard", "build", "--trial", "--submissions", str(root), "--out", str(out)]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    assert "1 results, 1 submissions were refused" in done.output
    assert "responses.jsonl:1: error (response)" in done.output
    assert (out / "models" / "made-up__model-1.html").is_file()
    assert not (out / "models" / "made-up__model-2.html").exists()
    again = CliRunner().invoke(cli, arguments)
    assert again.exit_code == 0, again.output


@pytest.mark.parametrize("option", ["--submissions", "--published"])
def test_folders_that_are_named_are_there(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = tmp_path / "nowhere"
    for command in (["build", "--out", str(tmp_path / "site")], ["table"]):
        done = CliRunner().invoke(cli, ["leaderboard", *command, option, str(missing)])
        assert done.exit_code == 2
        assert f"{missing}: no such folder" in done.output
    assert not (tmp_path / "site").exists()
    monkeypatch.chdir(tmp_path)  # the default is not there
    done = CliRunner().invoke(cli, ["leaderboard", "table"])
    assert done.exit_code == 0, done.output
    assert "so there are published results only" in done.output


def test_workflows_are_yaml_and_may_do_no_more_than_they_need() -> None:
    folder = ROOT / ".github" / "workflows"
    check = yaml.safe_load((folder / "submission.yml").read_text())
    assert check["permissions"] == {"contents": "read"}
    answer = yaml.safe_load((folder / "submission-comment.yml").read_text())
    assert answer["permissions"] == {"actions": "read", "pull-requests": "write"}
    steps = answer["jobs"]["comment"]["steps"]
    assert not [step for step in steps if "checkout" in step.get("uses", "")]


class Clone:
    """A repository of submissions, as the workflow has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "leaderboard" / "submissions"
        folder.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        done = subprocess.run(
            ["git", "-C", str(self.folder), *identity, *arguments],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def commit(self) -> str:
        self.git("add", "-A")
        self.git("commit", "-qm", "some")
        return self.git("rev-parse", "HEAD")


SCRIPT = ROOT / ".github" / "changed_submissions.py"


def step_of(workflow: str, job: str, name: str) -> str:
    """What a step of a workflow runs."""
    found = yaml.safe_load((ROOT / ".github" / "workflows" / f"{workflow}.yml").read_text())
    (step,) = (step for step in found["jobs"][job]["steps"] if step.get("name") == name)
    return str(step["run"])


def run_step(text: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a step as GitHub does, with the commands in the folder ``bin`` first."""
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", text],
        check=False,
        cwd=folder,
        env={**os.environ, "PATH": path, "GITHUB_STEP_SUMMARY": "/dev/null", **variables},
        capture_output=True,
        text=True,
    )


def put_command(folder: Path, name: str, text: str) -> None:
    path = folder / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)


@pytest.mark.parametrize("explained", [False, True])
@pytest.mark.parametrize("moved", [False, True])
def test_the_workflow_asks_why_submissions_are_deleted(
    explained: bool, moved: bool, tmp_path: Path
) -> None:
    clone = Clone(tmp_path / "head")
    write(clone.root, *make(1))
    gone = write(clone.root, *make(2))
    base = clone.commit()
    shutil.copytree(clone.root, tmp_path / "base" / "leaderboard" / "submissions")
    if moved:
        gone.parents[1].rename(clone.root / "made-up__other")
    else:
        shutil.rmtree(gone.parents[1])
    if explained:
        (clone.root.parent / "history.yaml").write_text("x")
    clone.commit()
    (tmp_path / "comment").mkdir()
    subprocess.run([sys.executable, SCRIPT, clone.folder, base, tmp_path / "changed"], check=True)
    path = gone.relative_to(clone.folder).as_posix()
    assert (tmp_path / "changed" / "deleted").read_text() == f"{path}\n"
    put_command(tmp_path, "itr-bench", 'ls -d "$4"/*; echo "called: $*" > "$6"')
    done = run_step(step_of("submission", "validate", "Validate"), tmp_path, BASE=base)
    assert done.returncode == (0 if explained else 1), done.stderr
    text = (tmp_path / "comment" / "comment.md").read_text()
    assert f"- `{path}`\n" in text
    assert ("add to leaderboard/history.yaml why" in text) is not explained
    call = "called: validate changed/submissions --against base/leaderboard/submissions"
    assert (call in text) is moved
    assert not (tmp_path / "base" / path).exists()


def test_the_workflow_says_so_where_nothing_is_left_to_check(tmp_path: Path) -> None:
    clone = Clone(tmp_path / "head")
    write(clone.root, *make(1))
    base = clone.commit()
    again = clone.root.parent / "reruns"
    write(again, *make(1))
    clone.commit()
    (tmp_path / "comment").mkdir()
    subprocess.run([sys.executable, SCRIPT, clone.folder, base, tmp_path / "changed"], check=True)
    assert (tmp_path / "changed" / "deleted").read_text() == ""
    put_command(tmp_path, "itr-bench", 'echo "called: $*" > "$6"')
    text = step_of("submission", "validate", "Validate")
    assert run_step(text, tmp_path, BASE=base).returncode == 0
    comment = tmp_path / "comment" / "comment.md"
    assert comment.read_text().startswith("called: validate changed/reruns --rerun-of base/")
    shutil.rmtree(tmp_path / "changed" / "reruns")
    assert run_step(text, tmp_path, BASE=base).returncode == 0
    assert comment.read_text() == "No submission to check.\n"


@pytest.mark.parametrize(
    ("names", "posts"),
    [
        ([("leaderboard/submissions/a/b/c/x",) * 2, ("leaderboard/reruns/x",) * 2], True),
        ([("leaderboard/history.yaml",) * 2], True),
        ([("leaderboard/submissions/x",) * 2, (".github/workflows/submission.yml",) * 2], False),
        ([("leaderboard/submissions/x", "itr_bench/x.py")], False),
        ([("leaderboard/history.yaml.py",) * 2], False),
        ([("leaderboard/historyXyaml",) * 2], False),
        ([("x/leaderboard/submissions/x",) * 2], False),
        ([("leaderboard/submissions/x",) * 2, ("leaderboard/templates/base.html",) * 2], False),
        ([], False),
    ],
)
def test_nothing_is_posted_of_a_pull_request_that_touches_more(
    names: list[tuple[str, str]], posts: bool, tmp_path: Path
) -> None:
    lines = "".join(json.dumps(pair, separators=(",", ":")) + "\n" for pair in names)
    (tmp_path / "listed").write_text(lines)
    (tmp_path / "comment").mkdir()
    (tmp_path / "comment" / "number").write_text("12\n")
    (tmp_path / "comment" / "comment.md").write_text("text")
    put_command(
        tmp_path,
        "gh",
        f"""case "$*" in
          api*pulls/12/files*) cat listed ;;
          *changedFiles*) echo {max(1, len(names))} ;;
          *headRefOid*) echo abc ;;
          "pr comment 12"*) touch posted ;;
        esac""",
    )
    text = step_of("submission-comment", "comment", "Comment")
    done = run_step(text, tmp_path, SHA="abc", GH_REPO="o/r")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "posted").exists() is posts
    (tmp_path / "posted").unlink(missing_ok=True)
    run_step(text, tmp_path, SHA="other", GH_REPO="o/r")  # another commit by now
    assert not (tmp_path / "posted").exists()


def test_the_workflow_takes_the_submissions_that_changed(tmp_path: Path) -> None:
    repository = Clone(tmp_path / "clone")
    clone, root = repository.folder, repository.root
    write(root, *make(1))
    changed = write(root, *make(2))
    base = repository.commit()
    added = write(root, *make(3))
    (added / "secret").symlink_to("/etc/passwd")
    (changed / "SHA256SUMS").unlink()
    (clone / "README.md").write_text("not a submission")
    repository.commit()
    target = tmp_path / "changed"
    subprocess.run([sys.executable, SCRIPT, str(clone), base, str(target)], check=True)
    taken = target / "submissions"
    found = {path.relative_to(taken).as_posix() for path in taken.rglob("*") if not path.is_dir()}
    assert found == {
        *(f"{changed.relative_to(root)}/{name}" for name in ("submission.json", "responses.jsonl")),
        *(
            f"{added.relative_to(root)}/{name}"
            for name in ("SHA256SUMS", "secret", "submission.json", "responses.jsonl")
        ),
    }
    assert (target / "submissions" / added.relative_to(root) / "secret").is_symlink()
    comment = tmp_path / "comment.md"
    done = CliRunner().invoke(
        cli,
        ["validate", str(taken), "--trial", "--against", str(root), "--comment", str(comment)],
    )
    assert done.exit_code == 1
    text = comment.read_text()
    assert "`missing-file`" in text or "missing-file" in text
    assert "a symbolic link" in text
