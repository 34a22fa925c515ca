"""Evaluate a model from Python. Here it is a baseline; a VLM takes its name and arguments:

    itr_bench.evaluate("qwen2-vl-7b", ["ltec_itr_lv", "ltec_itr_en_manual"])
    itr_bench.evaluate("itr_vlm", "ltec_itr_lv", model_args={"pretrained": "ORG/NAME"})

The same call resumes an evaluation that was interrupted.
"""

import tempfile

import itr_bench

with tempfile.TemporaryDirectory() as folder:
    results = itr_bench.evaluate(
        "itr_baseline",
        ["itr_demo_lv", "itr_demo_en"],
        seeds=3,
        out=folder,
        model_args={"strategy": "uniform"},
    )

print(results)
print(results.to_pandas()[["model", "task", "accuracy", "ci95_low", "ci95_high"]])
