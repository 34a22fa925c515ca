#!/usr/bin/env bash
# Ray 2.60.0: in a label selector, a space after the comma is part of the value. With
# `label_selector={"ray.io/node-id": "!in(A, B)"}`, an actor that is to stay away from the nodes A and B
# is placed on B; with "!in(A,B)" it is not. Neither form is refused.
#
# Seen on 2026-11-29, three nodes on one machine, four actors each:
#   '!in(one, two)' -> two, or three and two
#   '!in(one,two)'  -> three
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check ray==2.60.0
cat > "$dir/place.py" << 'END'
import ray
from ray.cluster_utils import Cluster

cluster = Cluster()
small = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
cluster.add_node(node_name="one", include_dashboard=False, dashboard_port=0, **small)
for name in ("two", "three"):
    cluster.add_node(node_name=name, wait=False, **small)
cluster.wait_for_nodes()
ray.init(cluster.address, log_to_driver=False, logging_level="ERROR")
names = {node["NodeID"]: node["NodeName"] for node in ray.nodes()}
ids = {name: node for node, name in names.items()}


class Actor:
    def where(self):
        return ray.get_runtime_context().get_node_id()


for form in ("!in({one}, {two})", "!in({one},{two})"):
    options = {"num_cpus": 0.1, "label_selector": {"ray.io/node-id": form.format(**ids)}}
    actors = [ray.remote(Actor).options(**options).remote() for _ in range(4)]
    where = ray.get([actor.where.remote() for actor in actors])
    print(form, *sorted({names[node] for node in where}))
    for actor in actors:
        ray.kill(actor)
ray.shutdown()
cluster.shutdown()
END
RAY_USAGE_STATS_ENABLED=0 "$dir/venv/bin/python" -W ignore "$dir/place.py" | tee "$dir/said"
grep -q '^!in({one}, {two}) .*two' "$dir/said"
grep -qx '!in({one},{two}) three' "$dir/said"
echo "a space after the comma of a label selector is part of the value"
