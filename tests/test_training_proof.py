"""Training learns, from picture to score: the smallest version of `tests.proof_training`."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner
from scipy.stats import binomtest

from itr_bench.cli.main import cli
from itr_bench.data import build
from tests.conftest import needs
from tests.proof_training import FULL, arguments, correct

pytestmark = needs("torch", "lmms_eval", "peft")

# With *adds* alone learned, half of the relations are right.
WITHOUT_THE_TEXT = 0.5


def test_a_model_from_nothing_learns_the_relations_of_tweets_that_it_never_saw(
    tmp_path: Path,
) -> None:
    from itr_bench.models.tiny import make_untrained

    build.build_drawn(800)
    untrained = make_untrained(tmp_path / "untrained")
    more = (*FULL, "--folds", "2", "--epochs", "7", "--learning-rate", "1e-3")
    line = arguments(untrained, tmp_path / "out", "itr_drawn_lv", *more)
    done = CliRunner().invoke(cli, line, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "Some pictures are placeholders: these figures are no result." in done.output
    before = correct(tmp_path / "out" / "m" / "itr_drawn_lv")
    after = correct(tmp_path / "out" / "m-trained-lv" / "itr_drawn_lv")
    assert before.sum() == 0  # it does not even say yes or no
    chance = binomtest(int(after.sum()), len(after), WITHOUT_THE_TEXT, alternative="greater")
    assert chance.pvalue < 1e-6, f"{after.mean():.1%} of {len(after)} tweets"
