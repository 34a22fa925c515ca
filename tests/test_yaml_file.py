"""YAML that people write: every reader refuses what YAML's own loader takes in silence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from itr_bench import yaml_file
from itr_bench.cli.submit import read_card
from itr_bench.errors import DataError, ItrBenchError
from itr_bench.leaderboard.published import read_published
from itr_bench.leaderboard.reviewed import read_reviewed
from itr_bench.leaderboard.site.history import read_history
from itr_bench.models.presets import parse_presets
from itr_bench.runs.plan_file import read_plan
from itr_bench.tasks.task_files import read_definition
from itr_bench.yaml_file import parse_yaml, read_yaml
from tests.conftest import ROOT

READERS: dict[str, Callable[[Path], object]] = {
    "card": read_card,
    "plan": read_plan,
    "presets": lambda path: parse_presets(path.read_text()),
    "published": lambda path: read_published(path.parent),
    "reviewed": lambda path: read_reviewed(path.parent / "submissions"),
    "history": read_history,
    "task": read_definition,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: 'a' stands twice"),
        ("a:\n  b: 1\n  b: 2\n", "line 3: 'b' stands twice"),
        ("a: 1\nb: [\n", "line 3: not YAML: expected the node content, but found '<stream end>'"),
        ("a: 1\nb: !!bool x\n", "line 2: 'x' is no value of the kind bool"),
        ("a: !!int ''\n", "line 1: '' is no value of the kind int"),
        ("a: !!timestamp x\n", "line 1: 'x' is no value of the kind timestamp"),
        ("a: 1\nb: !!float .nan\n", "line 2: '.nan' is no finite number"),
        ("a: !!float x\n", "line 1: 'x' is no finite number"),
        (
            "a: 1\nb: !!int 0x" + "f" * 300,
            "line 2: '0x" + "f" * 77 + " is no value of the kind int",
        ),
        ("a: 1\nb: &a [*a]\n", "line 2: an alias stands within what it is the name of"),
        ("a: 1\n\tb: 2\n", r"line 2: not YAML: found character '\t' that cannot start any token"),
    ],
)
def test_every_reader_names_file_and_line(
    reader: str, text: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "reviewed.yaml"
    path.write_text(text)
    with pytest.raises(ItrBenchError) as raised:
        READERS[reader](path)
    where = "presets.yaml" if reader == "presets" else str(path)
    assert str(raised.value) == f"cannot read {where}, {said}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\n\n\x00", "cannot read x, line 3: not YAML: special characters are not allowed"),
        ("{[a]: b}", "cannot read x, line 1: found unhashable key"),
        (
            "- !!python/object/apply:os.system ['true']",
            "cannot read x, line 1: could not determine",
        ),
        ("a: 1\nb: 2026-02-30", "cannot read x, line 2: day"),
        ("[" * 5000, "cannot read x: it is nested too deep"),
    ],
)
def test_what_is_no_plain_yaml_is_named(text: str, said: str) -> None:
    with pytest.raises(DataError) as raised:
        parse_yaml(text, "x")
    assert str(raised.value).startswith(said) and "unicode string" not in str(raised.value)


@pytest.mark.parametrize("number", [".nan", ".inf", "-.inf", "1.0e+999"])
@pytest.mark.parametrize("reader", [name for name in READERS if name != "card"])  # there it is text
def test_every_number_is_finite(reader: str, number: str, tmp_path: Path) -> None:
    path = tmp_path / "reviewed.yaml"
    path.write_text(f"models:\n- gen_kwargs: {{temperature: {number}}}\n")
    with pytest.raises(ItrBenchError, match="cannot read") as raised:
        READERS[reader](path)
    assert str(raised.value).endswith(f", line 2: {number!r} is no finite number")


@pytest.mark.parametrize("reader", READERS)
def test_aliases_of_aliases_are_counted(
    reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yaml_file, "_MOST", 39)
    path = tmp_path / "reviewed.yaml"
    nested = "a: &a [1, 2, 3]\nb: &b [*a, *a, *a]\n"
    path.write_text(f"{nested}c: [*b, *b, *b]\n")
    with pytest.raises(ItrBenchError) as raised:
        READERS[reader](path)
    assert ", line 3: more than 39 values, those of aliases counted each time" in str(raised.value)
    assert parse_yaml(nested, "x") == {"a": [1, 2, 3], "b": [[1, 2, 3]] * 3}


def test_lists_of_problems_end(tmp_path: Path) -> None:
    path = tmp_path / "card.yaml"
    path.write_text("".join(f"field_{number}: 1\n" for number in range(800)))
    with pytest.raises(ItrBenchError) as raised:
        read_card(path)
    lines = str(raised.value).splitlines()
    assert len(lines) == 43 and len(str(raised.value)) < 5000
    assert lines[0] == f"{path} is not a model card yet:"
    assert lines[-2].startswith("  - ... and ") and lines[-2].endswith(" more")


@pytest.mark.parametrize(
    ("content", "found"), [("false", "False"), ("0", "0"), ("''", "''"), ("{}", "{}")]
)
@pytest.mark.parametrize("reader", ["history", "reviewed"])
def test_only_an_empty_file_has_no_items(
    reader: str, content: str, found: str, tmp_path: Path
) -> None:
    path = tmp_path / "reviewed.yaml"
    for empty in ("", "# nothing yet\n", "[]"):
        path.write_text(empty)
        assert not READERS[reader](path)
    path.write_text(content)
    with pytest.raises(DataError) as raised:
        READERS[reader](path)
    assert str(raised.value) == (
        f"{path} is not as expected:\n  - item file: Input should be a valid list; found {found}"
    )


def test_a_merged_mapping_is_no_name() -> None:
    assert parse_yaml("[&one {a: 1}, {~: 2, <<: *one}]", "x") == [{"a": 1}, {None: 2, "a": 1}]


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9")
    for name in ("latin.yaml", "missing.yaml"):
        with pytest.raises(DataError, match=f"cannot read .*{name}: "):
            read_yaml(tmp_path / name)


def test_the_history_of_the_repository_is_read() -> None:
    items = read_history(ROOT / "leaderboard" / "history.yaml")
    assert [(item.date, item.model) for item in items][-1] == ("2026-11-21", None)
    assert all(item.what and item.why for item in items)
