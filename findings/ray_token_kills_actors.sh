#!/bin/sh
# ray 2.60.0: a driver in token mode at a cluster without tokens runs tasks, but no actor ever starts.
#
# The cluster does not look at the token, so the driver is connected without a word and its tasks run.
# But a driver is a server, too: the head asks it whether an actor is still referred to, sends no token,
# is refused, and takes that for "all references were removed". Each actor is cancelled within a second,
# and a program that starts it anew goes on for ever. `ray.init("auto")` is in token mode wherever
# ~/.ray/auth_token is there, which the first local `ray.init()` of a user writes.
# Guessed before: a token that nobody asks for changes nothing. Seen:
#   token mode: task 2, actor never ran
#   disabled: task 2, actor 2
set -eu
dir=$(mktemp -d)
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
head=
trap 'test -z "$head" || kill "$head"; sleep 2; rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/python" -m pip install --quiet --disable-pip-version-check "ray==2.60.0"
export HOME="$dir/home" RAY_USAGE_STATS_ENABLED=0 RAY_raylet_start_wait_time_s=120
unset RAY_AUTH_MODE RAY_AUTH_TOKEN RAY_AUTH_TOKEN_PATH
mkdir -p "$HOME/.ray"
RAY_AUTH_MODE=disabled "$dir/venv/bin/ray" start --head --port="$port" --num-cpus=1 \
    --include-dashboard=false --temp-dir="$dir/ray" --block >"$dir/head.log" 2>&1 &
head=$!
until grep -q "Ray runtime started" "$dir/head.log"; do
    kill -0 "$head" || { cat "$dir/head.log"; exit 1; }
    sleep 1
done
printf '%064d' 7 >"$HOME/.ray/auth_token"
cat >"$dir/connect.py" <<'PYTHON'
import sys

import ray


class Actor:
    def two(self):
        return 1 + 1


ray.init(sys.argv[1], log_to_driver=False, logging_level="ERROR")
task = ray.get(ray.remote(lambda: 1 + 1).remote())
actor = ray.remote(Actor).remote()
try:
    found = ray.get(actor.two.remote())
except ray.exceptions.ActorDiedError as error:
    found = "never ran" if "The actor never ran" in str(error) else error
print(f"task {task}, actor {found}")
PYTHON
token=$(RAY_AUTH_MODE=token "$dir/venv/bin/python" "$dir/connect.py" "127.0.0.1:$port" 2>/dev/null)
disabled=$(RAY_AUTH_MODE=disabled "$dir/venv/bin/python" "$dir/connect.py" "127.0.0.1:$port" 2>/dev/null)
printf 'token mode: %s\ndisabled: %s\n' "$token" "$disabled"
test "$token" = "task 2, actor never ran"
test "$disabled" = "task 2, actor 2"
