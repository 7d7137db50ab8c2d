#!/usr/bin/env bash
# How often does `flightbench compare` see a difference where there is none?
# Compares a build with itself, over and over, while a neighbour burns CPU in
# bursts, and counts the comparisons in which any figure is said to differ: at
# most 5 % of them should. With the defaults it takes about 12 minutes.
# usage: scripts/aa.sh [COMPARISONS [ROUNDS [SECONDS]]]
set -euo pipefail
cd "$(dirname "$0")/.."
comparisons=${1:-40} rounds=${2:-10} seconds=${3:-0.3}
dir=$(mktemp -d)
neighbour=
trap '[ -z "$neighbour" ] || kill "$neighbour" 2>/dev/null || true; rm -rf "$dir"' EXIT
go build -o "$dir/flightbench" ./cmd/flightbench

# Bursts of up to 0.8 s and pauses of up to 1.6 s; what a burst starts ends by itself.
(while :; do timeout "0.$((RANDOM % 8 + 1))" sh -c 'while :; do :; done' || true; sleep "$((RANDOM % 2)).$((RANDOM % 6 + 1))"; done) &
neighbour=$!

serve="$dir/flightbench serve --listen grpc://127.0.0.1:{port}"
flagged=0 figures=0 different=0 same=0
SECONDS=0
for i in $(seq "$comparisons"); do
	"$dir/flightbench" run --server-cmd a="$serve" --server-cmd b="$serve" --op get --rows 4096,65536 --batches 64 --repeat "$rounds" --seed "$i" \
		-z "${seconds}s" --warmup 100ms -o "$dir/runs" -O json >"$dir/run.json" 2>"$dir/log" || { tail -3 "$dir/log" >&2; exit 1; }
	"$dir/flightbench" compare --by target -O json "$dir/run.json" >"$dir/compared.json"
	count() { grep -cE "\"outcome\": \"($1)\"" "$dir/compared.json" || true; }
	n=$(count 'better|worse')
	if [ "$n" -gt 0 ]; then
		flagged=$((flagged + 1))
		"$dir/flightbench" compare --by target "$dir/run.json"
	fi
	figures=$((figures + $(count '.*'))) different=$((different + n)) same=$((same + $(count same)))
	rm -rf "$dir/runs"
	echo "$i of $comparisons: $flagged flagged" >&2
done
echo "$comparisons comparisons of a build with itself, $rounds rounds of $seconds s, took $SECONDS s"
echo "flagged as different: $flagged comparisons; $different of $figures figures"
echo "no difference found: $same figures; cannot tell: $((figures - different - same))"
