#!/usr/bin/env bash
# The proxy of litellm 1.108.7 with a master key and no data base answers a request that carries a
# wrong key with status 400, "No connected db.", and one without a key with 500, not with 401. A
# client that takes 400 for a bad request sends its user to look for a setting that is not at fault,
# and one that repeats what got a 500 never ends.
#
# Seen on 2026-11-29:
#   right key: 200
#   wrong key: 400 No connected db.
#   no key:    500 Internal Server Error
set -euo pipefail
dir=$(mktemp -d)
proxy=""
trap '[ -z "$proxy" ] || kill "$proxy" 2>/dev/null; rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check "litellm[proxy]==1.108.7"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat > "$dir/config.yaml" <<YAML
model_list:
  - model_name: m
    litellm_params: {model: openai/m, api_key: x, mock_response: "Yes"}
general_settings: {master_key: sk-right}
YAML
"$dir/venv/bin/litellm" --config "$dir/config.yaml" --host 127.0.0.1 --port "$port" \
  > "$dir/log" 2>&1 &
proxy=$!
PORT=$port python3 - <<'PY'
import json, os, time, urllib.error, urllib.request

address = f"http://127.0.0.1:{os.environ['PORT']}/v1/chat/completions"
body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hi"}]}).encode()
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(key):
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(address, body, headers)
    try:
        with opener.open(request, timeout=60) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        text = error.read().decode()
        return error.code, json.loads(text)["error"]["message"] if text[:1] == "{" else text


for _ in range(600):
    try:
        opener.open(address.replace("/v1/chat/completions", "/health/liveliness"), timeout=60)
        break
    except OSError:
        time.sleep(0.5)
right, wrong, none = ask("sk-right"), ask("sk-wrong"), ask("")
print(f"right key: {right[0]}\nwrong key: {wrong[0]} {wrong[1]}\nno key:    {none[0]} {none[1]}")
assert right[0] == 200, right
assert wrong == (400, "No connected db."), wrong
assert none == (500, "Internal Server Error"), none
PY
