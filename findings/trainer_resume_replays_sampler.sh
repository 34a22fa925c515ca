#!/usr/bin/env bash
# transformers 5.24.0, Trainer: a training with a sampler of its own (here PyTorch's
# WeightedRandomSampler with a seeded generator, from `_get_train_sampler`) that is resumed from a
# checkpoint at the end of an epoch sees the first epoch's draw once more, not that of the epoch at which
# it goes on. Trainer skips whole epochs without drawing them, and restores the global state of random
# numbers, not a sampler's generator. Its own random sampler is not affected: accelerate replaces it by one
# that takes the epoch into its seed. A sampler with a method `set_epoch` is told the epoch.
#
# Guess before running: the resumed training sees what the whole one saw in its second epoch.
# Seen on 2026-11-29 (torch 2.14.1, accelerate 1.15.0):
#   whole:   [0, 1, 1, 1, 4, 0, 3, 5] [4, 3, 4, 2, 5, 3, 0, 0]
#   resumed: [0, 1, 1, 1, 4, 0, 3, 5]
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    transformers==5.24.0 accelerate==1.15.0 torch==2.14.1
"$dir/venv/bin/python" -W ignore - "$dir/out" <<'PYTHON'
import sys

import torch
from torch.utils.data import WeightedRandomSampler
from transformers import Trainer, TrainingArguments

seen = []


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def forward(self, x, labels=None):
        seen.extend(x[:, 0].tolist())
        return {"loss": self.layer(x.float()).mean()}


class Weighted(Trainer):
    def _get_train_sampler(self, train_dataset=None):
        generator = torch.Generator().manual_seed(1)
        return WeightedRandomSampler([1.0] * 8, 8, generator=generator)


def train(resumed=None):
    seen.clear()
    arguments = TrainingArguments(
        sys.argv[1],
        num_train_epochs=2,
        per_device_train_batch_size=4,
        save_strategy="epoch",
        use_cpu=True,
        report_to="none",
        disable_tqdm=True,
    )
    data = [{"x": torch.tensor([number]), "labels": torch.tensor(0)} for number in range(8)]
    trainer = Weighted(model=Model(), args=arguments, train_dataset=data)
    trainer.train(resume_from_checkpoint=resumed)
    return list(seen)


whole = train()
again = train(f"{sys.argv[1]}/checkpoint-2")
print("whole:  ", whole[:8], whole[8:])
print("resumed:", again)
assert whole[:8] != whole[8:]
if again != whole[:8]:
    raise SystemExit("changed: the resumed training does not see the first epoch again")
PYTHON
