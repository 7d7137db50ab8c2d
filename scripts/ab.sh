#!/usr/bin/env bash
# How often does `flightbench compare` find a server that is slower by 5 %?
# A sleep is as fine as the kernel's timers let Go have it, 1 ms: so the server
# waits 19 ms before each batch, which with its sending makes about 20 ms, and
# the slower one 1 ms longer. With the defaults it takes about 15 minutes; with
# ROWS of 65536 the machine is busy with copying besides, which is the harder.
# usage: scripts/ab.sh [TRIES [ROUNDS [SECONDS [PERCENT [ROWS]]]]]
set -euo pipefail
cd "$(dirname "$0")/.."
tries=${1:-20} rounds=${2:-20} seconds=${3:-1} percent=${4:-5} rows=${5:-4096}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
go build -o "$dir/flightbench" ./cmd/flightbench
serve="$dir/flightbench serve --listen grpc://127.0.0.1:{port}"

ticket() { echo "{\"flightbench\":1,\"workload\":\"perf\",\"rows\":$rows,\"batches\":16,\"delay\":\"$1ms\"}"; }
wait=$((100 / percent - 1))
base=$(ticket "$wait")
cat >"$dir/ab.yaml" <<EOF
config: {op: get, concurrency: 8}
axes:
  cmd:
    - '$base'
    - '$(ticket $((wait + 1)))'
EOF
found=0
echo "planted: a wait of $((wait + 1)) ms before each batch of $rows rows, of $wait ms on the base" >&2
SECONDS=0
for i in $(seq "$tries"); do
	"$dir/flightbench" run -f "$dir/ab.yaml" --server-cmd s="$serve" --repeat "$rounds" --seed "$i" -z "${seconds}s" --warmup 100ms \
		-o "$dir/runs" -O json >"$dir/run.json" 2>"$dir/log" || { tail -3 "$dir/log" >&2; exit 1; }
	rm -rf "$dir/runs"
	row=$("$dir/flightbench" compare --by cmd --base "$base" "$dir/run.json" | grep -E 'body rate')
	echo "$i of $tries: $row" >&2
	case $row in *slower) found=$((found + 1)) ;; esac
done
echo "found slower: $found of $tries tries by $percent %, $rounds rounds of $seconds s, $rows rows a batch; a try took $((SECONDS / tries)) s"
