"""The leaderboard around its pages: published results, formats, table, workflow, commands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from itr_bench.cli.main import cli
from itr_bench.errors import DataError, ItrBenchError
from itr_bench.site.markdown import escaped, markdown_table, replaced
from itr_bench.submissions.published import leaderboard_folder, read_published
from itr_bench.submissions.schema import Response, Submission, json_schema
from itr_bench.submissions.validate import suspicious_accuracy
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
        ("accuracy: 33.07", "accuracy: .nan", "models.0.figures.0.accuracy"),
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
    assert [Response.model_validate_json(line).line() for line in lines] == lines


def test_the_schema_in_docs_is_the_one_in_force() -> None:
    """Renew it: itr-bench validate --schema > docs/submission.schema.json"""
    assert json.loads((ROOT / "docs" / "submission.schema.json").read_text()) == json_schema()


def test_the_table_in_the_readme_is_the_current_one() -> None:
    """Renew it: itr-bench leaderboard table --write README.md"""
    done = CliRunner().invoke(
        cli, ["leaderboard", "table", "--no-cache", "--check", str(ROOT / "README.md")]
    )
    assert done.exit_code == 0, done.output


def test_table_of_submissions(tmp_path: Path) -> None:
    root = tmp_path / "submissions"
    write(root, *make(3, right=0.8, samples=2))
    file = tmp_path / "page.md"
    file.write_text("before\n<!-- leaderboard -->\nold\n<!-- /leaderboard -->\nafter\n")
    options = ["--trial", "--no-cache", "--submissions", str(root)]
    run = CliRunner()
    stale = run.invoke(cli, ["leaderboard", "table", *options, "--check", str(file)])
    assert stale.exit_code == 1
    assert "renew it" in stale.output
    assert run.invoke(cli, ["leaderboard", "table", *options, "--write", str(file)]).exit_code == 0
    text = file.read_text()
    assert text.startswith("before\n<!-- leaderboard -->\n\n| model | badge |")
    assert text.endswith("\n\n<!-- /leaderboard -->\nafter\n")
    (line,) = (line for line in text.splitlines() if line.startswith("| Made-up 3 "))
    assert ", tier 1 |" in line
    assert "recomputed" in line
    assert run.invoke(cli, ["leaderboard", "table", *options, "--check", str(file)]).exit_code == 0


def test_table_without_anything_known_has_the_references() -> None:
    assert "| Uniform chance | reference | 25.00 |" in markdown_table([], [])


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


def test_workflows_are_yaml_and_may_do_no_more_than_they_need() -> None:
    folder = ROOT / ".github" / "workflows"
    check = yaml.safe_load((folder / "submission.yml").read_text())
    assert check["permissions"] == {"contents": "read"}
    answer = yaml.safe_load((folder / "submission-comment.yml").read_text())
    assert answer["permissions"] == {"actions": "read", "pull-requests": "write"}
    steps = answer["jobs"]["comment"]["steps"]
    assert not [step for step in steps if "checkout" in step.get("uses", "")]


def test_the_workflow_takes_the_submissions_that_changed(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    root = clone / "leaderboard" / "submissions"

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        done = subprocess.run(
            ["git", "-C", str(clone), *identity, *arguments],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    clone.mkdir()
    git("init", "-q", "-b", "main")
    write(root, *make(1))
    changed = write(root, *make(2))
    git("add", "-A")
    git("commit", "-qm", "base")
    base = git("rev-parse", "HEAD")
    added = write(root, *make(3))
    (added / "secret").symlink_to("/etc/passwd")
    (changed / "SHA256SUMS").unlink()
    (clone / "README.md").write_text("not a submission")
    git("add", "-A")
    git("commit", "-qm", "head")
    target = tmp_path / "changed"
    script = ROOT / ".github" / "changed_submissions.py"
    subprocess.run([sys.executable, script, str(clone), base, str(target)], check=True)
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
