"""``itr-bench run --plan``: many runs from one file, one failing, killed, resumed; and the cost."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from click.testing import CliRunner

from itr_bench.cli.main import cli
from itr_bench.errors import RunError
from itr_bench.models.service import Service
from itr_bench.runs import cost, queue
from itr_bench.runs.plan_file import read_plan
from itr_bench.seeds import PAPER_SEEDS
from tests import forked, light_model
from tests.conftest import ROOT, needs

pytestmark = needs("torch", "lmms_eval")

TASKS = ["itr_demo_lv", "itr_demo_en"]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[object], Path]:
    def to_file(content: object) -> Path:
        path = tmp_path / "plan.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return path

    return to_file


# What a plan means


def test_models_tasks_and_variants(write: Callable[[object], Path]) -> None:
    other = {
        "model": "itr_baseline",
        "name": "uniform",
        "model_args": {"strategy": "uniform"},
        "tasks": ["itr_demo"],
        "variants": ["base"],
        "seeds": [7],
        "limit": 3,
        "gen_kwargs": {"temperature": None},
        "processes": 2,
        "gpus_per_replica": 0.5,
    }
    one, two, three = read_plan(
        write(
            {
                "tasks": ["itr_demo_lv"],
                "variants": ["base", "no-image"],
                "seeds": 2,
                "gen_kwargs": {"max_new_tokens": 9},
                "limit": 5,
                "models": ["qwen2-vl-7b", other, {"model": "itr_baseline", "seeds": "paper"}],
            }
        )
    )
    assert [run.name for run in (one, two, three)] == ["qwen2-vl-7b", "uniform", "itr_baseline"]
    assert [task.name for task in one.tasks] == ["itr_demo_lv", "itr_demo_lv~no-image"]
    assert [task.name for task in two.tasks] == ["itr_demo_lv", "itr_demo_en"]
    assert [run.seeds for run in (one, two, three)] == [PAPER_SEEDS[:2], (7,), PAPER_SEEDS]
    assert [run.limit for run in (one, two, three)] == [5, 3, 5]
    assert one.model.generation["max_new_tokens"] == 9
    assert two.model.generation == {"max_new_tokens": 9, "temperature": None}
    assert (two.processes, two.gpus_per_replica) == (2, 0.5)
    assert two.command == (
        "itr-bench run --model itr_baseline --model_args strategy=uniform "
        "--tasks itr_demo_lv,itr_demo_en --seeds 7, "
        "--gen_kwargs max_new_tokens=9,temperature=None --limit 3 --name uniform"
    )


def test_no_secret_is_kept(write: Callable[[object], Path]) -> None:
    model = {"model": "itr_server", "name": "a"}
    given = {"model": "m", "base_url": "http://u:hidden@h/v1", "api_key": "hidden"}
    (run,) = read_plan(write({"models": [{**model, "model_args": given}], "tasks": TASKS}))
    assert run.model.arguments["api_key"] == "hidden"
    assert "hidden" not in run.command


@pytest.mark.parametrize("given", [{"api_key": ["hidden"]}, "model=m,api_key=hidden"])
def test_arguments_that_are_refused_are_not_quoted(
    write: Callable[[object], Path], given: object
) -> None:
    model = {"model": "itr_server", "name": "a", "model_args": given}
    with pytest.raises(RunError, match="model_args") as raised:
        read_plan(write({"models": [model], "tasks": TASKS}))
    assert "hidden" not in str(raised.value)


def test_a_server_is_named_without_its_password() -> None:
    assert Service("http://u:hidden@h/v1").about("no") == "http://h/v1: no"


BASELINE = {"models": ["itr_baseline"], "tasks": TASKS}
BAD = [
    ("models: [", "cannot read"),
    ("", "the file: Input should be a valid dictionary"),
    ({**BASELINE, "task": ["x"]}, "task: Extra inputs are not permitted"),
    ({"tasks": TASKS}, "models: Field required"),
    ({**BASELINE, "models": []}, "models: List should have at least 1 item"),
    ({**BASELINE, "limit": 0}, "limit: Input should be greater than or equal to 1"),
    ({**BASELINE, "limit": "3"}, "limit: Input should be a valid integer; found '3'"),
    ({**BASELINE, "tasks": "itr_demo_lv"}, "tasks: Input should be a valid list"),
    ({"models": ["itr_baseline"]}, "models.0 (itr_baseline): no tasks: give `tasks`"),
    ({**BASELINE, "models": ["qwen2-vl-7"]}, "Did you mean 'qwen2-vl-7b'?"),
    ({**BASELINE, "tasks": ["itr_demo_lw"]}, "Did you mean 'itr_demo_lv'?"),
    ({**BASELINE, "variants": ["no-imag"]}, "no-image"),
    (
        # Not `.nan`, so it is text; as a float, the file's reader names the line.
        {**BASELINE, "gen_kwargs": {"temperature": "nan"}},
        "models.0 (itr_baseline): --gen_kwargs: 'temperature=nan', expected a finite number",
    ),
    ({**BASELINE, "seeds": 0}, "0 seeds: expected 1 to 1000"),
    ({**BASELINE, "seeds": []}, "seeds"),
    ({**BASELINE, "models": [{"modle": "x"}]}, "models.0.modle: Extra inputs are not permitted"),
    ({**BASELINE, "models": [{"model": "itr_baseline", "name": "a/b"}]}, "not a path"),
    ({**BASELINE, "models": ["itr_baseline"] * 2}, "its folder would be itr_baseline, as above"),
    ({**BASELINE, "models": [{"model": "itr_baseline", "batch_size": "x"}]}, "batch_size"),
    (
        {**BASELINE, "models": ["itr_baseline"], "tasks": ["itr_demo_lv_likelihood"]},
        "needs likelihoods, which itr_vlm has",
    ),
]


def test_a_name_that_stands_twice(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("tasks: [a]\nmodels: [b]\ntasks: [c]\n")
    with pytest.raises(RunError, match="'tasks' stands twice"):
        read_plan(path)


@pytest.mark.parametrize(("content", "message"), BAD)
def test_a_bad_plan(content: object, message: str, write: Callable[[object], Path]) -> None:
    with pytest.raises(RunError) as caught:
        read_plan(write(content))
    assert message in str(caught.value)
    assert str(write(content)) in str(caught.value)


def test_all_problems_together(write: Callable[[object], Path]) -> None:
    with pytest.raises(RunError) as caught:
        read_plan(write({**BASELINE, "models": ["itr_baselin", "qwen2-vl-7", "itr_baseline"]}))
    assert "models.0 (itr_baselin)" in str(caught.value)
    assert "models.1 (qwen2-vl-7)" in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--plan", "PLAN", "--model", "itr_baseline"], "--model does not go with --plan"),
        (["--plan", "PLAN", "--seeds", "3"], "--seeds does not go with --plan"),
        (["--plan", "PLAN", "--cost"], "--cost goes with --dry-run"),
        (["--at-once", "2", "--model", "itr_baseline", "--tasks", "x"], "--at-once goes with"),
        (["--model", "itr_baseline"], "Missing option '--tasks', or '--plan'"),
        (["--tasks", "itr_demo_lv"], "Missing option '--model', or '--plan'"),
    ],
)
def test_options_that_do_not_go_together(
    arguments: list[str], message: str, write: Callable[[object], Path]
) -> None:
    given = [str(write(BASELINE)) if word == "PLAN" else word for word in arguments]
    found = CliRunner().invoke(cli, ["run", *given])
    assert found.exit_code == 2
    assert message in found.stderr


# Running them


def invoke(*arguments: str) -> tuple[int, str, str]:
    found = CliRunner().invoke(cli, ["run", *arguments])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found.exit_code, found.stdout, found.stderr


def rows(table: str) -> dict[tuple[str, str], list[str]]:
    """The cells of a table after its first two columns, by these."""
    lines = [line.split() for line in table.splitlines() if " itr_demo" in line]
    return {(cells[0], cells[1]): cells[2:] for cells in lines if len(cells) >= 5}


@pytest.fixture
def light(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Runs of a plan with the light model; the folder that it is told by."""
    folder = tmp_path / "light"
    folder.mkdir()
    (folder / "pause").write_text("0")
    (folder / "done").write_text("")
    monkeypatch.setenv(light_model.FOLDER, str(folder))
    monkeypatch.setattr(queue, "_run", light_model.run)
    return folder


@pytest.mark.slow
def test_one_that_fails_stops_no_other(
    light: Path, tmp_path: Path, write: Callable[[object], Path]
) -> None:
    strategies = ("bare", "killed", "plain")
    models: list[Any] = [
        {"model": "itr_baseline", "name": one, "model_args": {"strategy": one}}
        for one in strategies
    ]
    content = {"models": models, "tasks": TASKS, "seeds": 1, "limit": 2}
    given = ("--plan", str(write(content)), "--out", str(tmp_path / "out"))
    _, before, _ = invoke(*given, "--dry-run")
    assert set(map(tuple, rows(before).values())) == {("open", "4", "0")}
    assert "to generate in all: 24" in before

    status, after, err = invoke(*given, "--at-once", "3")
    assert status == 1
    for task in TASKS:
        assert rows(after)["plain", task] == ["done", "4", "4"]
        assert rows(after)["bare", task] == rows(after)["killed", task] == ["failed", "4", "0"]
    assert "plain: done" in err
    assert "bare: failed: lmms-eval is not installed" in err
    assert "killed: failed: ended by SIGKILL" in err
    assert f"its log: {tmp_path / 'out' / 'killed' / 'log.txt'}" in after
    assert "2 of 3 runs failed" in err
    assert rows(invoke(*given, "--dry-run")[1]) == rows(after)

    # What is done is not run again, and what was mended is.
    for model in models:
        model["model_args"] = {"strategy": "plain"}
    write(content)
    loads = (light / "done").read_text().count("plain loads")
    status, after, err = invoke(*given)
    assert (status, loads) == (0, 1)
    assert (light / "done").read_text().count("plain loads") == 3
    assert {cells[0] for cells in rows(after).values()} == {"done"}
    manifest = json.loads((tmp_path / "out/bare/itr_demo_lv/manifest.json").read_text())
    assert manifest["command"] == (
        "itr-bench run --model itr_baseline --model_args strategy=plain --tasks "
        f"itr_demo_lv,itr_demo_en --seeds 1 --limit 2 --name bare --out {tmp_path / 'out'}"
    )


_PARENT = """
if __name__ == "__main__":
    from itr_bench.cli.main import main
    from itr_bench.runs import queue
    from tests import light_model
    queue._run = light_model.run
    main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_killed_and_started_again(
    how: signal.Signals, light: Path, tmp_path: Path, write: Callable[[object], Path]
) -> None:
    script = tmp_path / "script.py"  # a file: spawned processes import it again
    script.write_text(_PARENT)
    (light / "pause").write_text("0.05")
    content = {"models": ["itr_baseline"], "tasks": TASKS[:1], "seeds": 2}
    given = ("--plan", str(write(content)), "--out", str(tmp_path / "out"))
    log = tmp_path / "out" / "itr_baseline" / TASKS[0] / "responses.jsonl"
    with (tmp_path / "err").open("w") as err:
        parent = subprocess.Popen(
            [sys.executable, str(script), "run", *given],
            stderr=err,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    try:
        _until(lambda: log.exists() and log.read_bytes().count(b"\n") >= 5, parent)
        light_model.pause(light, 3600)  # it is not done before it is killed
        children = psutil.Process(parent.pid).children(recursive=True)
        parent.send_signal(how)
        status = parent.wait(forked.TIMEOUT_S)
        _, alive = psutil.wait_procs(children, timeout=forked.TIMEOUT_S)
        assert not alive
    finally:
        with contextlib.suppress(ProcessLookupError):
            parent.kill()
    kept = log.read_bytes().count(b"\n")
    assert 5 <= kept < 96
    if how is signal.SIGINT:
        assert status == 130
        assert "interrupted. What was answered is kept in" in (tmp_path / "err").read_text()
        ends = json.loads(log.with_name("manifest.json").read_text())["sessions"]
        assert [(one["responses"], bool(one["end"])) for one in ends] == [(kept, True)]
    assert rows(invoke(*given, "--dry-run")[1])["itr_baseline", TASKS[0]] == [
        *("part", "96", str(kept))
    ]
    answered = (light / "done").read_text().count("plain answers")
    (light / "pause").write_text("0")
    assert invoke(*given)[0] == 0
    assert (light / "done").read_text().count("plain answers") - answered == 96 - kept


def _until(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + forked.TIMEOUT_S
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("gpus", "processes", "message"),
    [(2, None, "this machine has 2 GPUs; give fewer"), (8, 2, "a has several processes")],
)
def test_runs_at_once_share_no_gpu(
    gpus: int,
    processes: int | None,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[object], Path],
) -> None:
    monkeypatch.setattr(queue, "gpu_count", lambda: gpus)
    model = {"model": "itr_baseline", "name": "a", "processes": processes}
    runs = read_plan(write({"models": [model], "tasks": TASKS}))
    with pytest.raises(RunError, match=message):
        queue.Queue(runs, Path("out"), at_once=3, ray=None)


# What it costs


def test_cost(tmp_path: Path, write: Callable[[object], Path]) -> None:
    out = tmp_path / "out"
    content = {"models": ["itr_baseline"], "tasks": TASKS, "seeds": 2}
    given = ("--plan", str(write(content)), "--out", str(out), "--dry-run")
    _, table, _ = invoke(*given, "--cost")
    assert "cost in all: 0 s of one replica, and 2 tasks that were not measured" in table
    _, table, _ = invoke(*given, "--cost", "30")
    assert rows(table)["itr_baseline", TASKS[0]] == ["open", "96", "0", "12.0", "min"]
    assert "cost in all: 24.0 min of one replica" in table
    for bad in ("0", "x", "nan", "inf"):
        with pytest.raises(RunError, match=f"--cost {bad}: expected the seconds of a tweet"):
            invoke(*given, f"--cost={bad}")

    one = ("--model", "itr_baseline", "--tasks", "itr_demo", "--seeds", "2", "--out", str(out))
    _, shown, _ = invoke(*one, "--dry-run", "--cost", "30", "--processes", "4")
    assert "cost        24 tweets x 30.00 s = 12.0 min of one replica (as given)" in shown
    assert "cost in all: 24.0 min of one replica; 6.0 min by 4 replicas" in shown


def test_the_pace_of_an_earlier_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from itr_bench.models.spec import resolve_model
    from itr_bench.runs.manifest import write_manifest
    from itr_bench.runs.plan import configuration_without_data
    from itr_bench.runs.settings import settings_of
    from itr_bench.tasks.spec import get_task

    model, task = resolve_model("itr_baseline"), get_task("itr_demo_lv")

    def session(start: int, end: int | None, responses: int, processes: int = 1) -> dict[str, Any]:
        times = [None if s is None else f"2026-11-29T10:00:{s:02}+00:00" for s in (start, end)]
        names = {"responses": responses, "processes": processes}
        return {"start": times[0], "end": times[1], **names}

    def past(name: str, of: str, seeds: list[int], *sessions: dict[str, Any]) -> None:
        folder = tmp_path / name / of
        folder.mkdir(parents=True)
        (folder / "responses.jsonl").write_text("")
        found = configuration_without_data(settings_of(get_task(of), model), model, seeds)
        write_manifest(
            folder,
            {
                "model": "m",
                "set_size": 24,
                "sessions": sessions,
                "configuration": {**found, "device": "NVIDIA H200"},
            },
        )

    assert cost.measured(task, model, [1, 2], tmp_path / "none") is None
    past("other-seeds", "itr_demo_lv", [1], session(0, 9, 40))
    past("other-task", "itr_demo_en", [1, 2], session(0, 30, 40))
    found = cost.measured(task, model, [1, 2], tmp_path)
    assert found is not None and found.seconds == 3  # 10 tweets in 30 s
    past(
        *("trial", "itr_demo_lv", [1, 2]),
        *(session(0, 50, 3), session(0, None, 20), session(0, 10, 32, processes=2)),
    )
    found = cost.measured(task, model, [1, 2], tmp_path)
    assert found == (
        2.5,  # 8 tweets in 10 s of two replicas
        f"measured: 8 tweets in {tmp_path / 'trial' / 'itr_demo_lv'}, NVIDIA H200",
    )


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0 s"), (119, "119 s"), (120, "2.0 min"), (7200, "2.0 h"), (2 * 86_400, "2.0 days")],
)
def test_durations(seconds: float, expected: str) -> None:
    assert cost.duration(seconds) == expected
