#!/usr/bin/env bash
# transformers 5.24.0 takes no peft that is out: its `model.add_adapter` (and `load_adapter`) asks for
# peft 0.22.0 or newer, and the newest is 0.21.2. peft itself puts the same adapter into the same model
# without complaint, and transformers' Trainer trains it. So of the two documented ways of LoRA, one is
# shut, and no choice of versions on the index opens it for this transformers.
#
# Guess before running: both ways work with the newest of each.
# Seen on 2026-11-29:
#   ValueError: The version of PEFT you are using is not compatible, please use a version >= 0.22.0
#   peft alone: 8 layers of LoRA
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    transformers==5.24.0 peft==0.21.2 torch==2.14.1
if "$dir/venv/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps \
    --dest "$dir" 'peft>=0.22' > "$dir/said" 2>&1; then
    echo "changed: peft 0.22 is out"
    exit 1
fi
"$dir/venv/bin/python" - <<'PYTHON'
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "vocab_size": 64}
model = LlamaForCausalLM(LlamaConfig(num_attention_heads=2, **sizes))
lora = LoraConfig(target_modules=["q_proj", "k_proj", "v_proj", "o_proj"])
try:
    model.add_adapter(lora)
except ValueError as error:
    print(f"ValueError: {error}")
    assert "0.22.0" in str(error)
else:
    raise SystemExit("changed: transformers takes it")
get_peft_model(model, lora)
layers = sum("lora_A" in name for name, _ in model.named_parameters())
print(f"peft alone: {layers} layers of LoRA")
assert layers == 8
PYTHON
