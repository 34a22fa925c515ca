"""Compare two models on the same tweets, and plot their accuracies with their intervals."""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import itr_bench

with tempfile.TemporaryDirectory() as folder:
    models = [
        itr_bench.evaluate(
            "itr_baseline",
            "itr_demo_en",
            seeds=3,
            out=folder,
            name=strategy,
            model_args={"strategy": strategy},
        )[0]
        for strategy in ("majority", "uniform")
    ]

print(itr_bench.compare(*models))

figure, axes = plt.subplots(figsize=(5, 2), layout="constrained")
for place, run in enumerate(models):
    interval = run.score.interval
    axes.plot([interval.low, interval.high], [place, place], color="tab:blue")
    axes.plot(run.score.accuracy, place, "o", color="tab:blue")
axes.axvline(models[0].score.majority_class, linestyle=":", color="grey")
axes.set_yticks(range(len(models)), [run.model for run in models])
axes.set_xlabel("accuracy (4 classes), 95 % interval; dotted: majority class")
target = Path("comparison.png")
figure.savefig(target)
print(f"the plot is in {target}")
