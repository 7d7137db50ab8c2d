#!/usr/bin/env bash
# Shows that what is measured is so: a server that sleeps 10 ms a batch, one
# that stalls 1 s once in 10 s at 100 starts a second, how late starts are at
# up to 50,000 a second, and which trials are called generator-bound. Takes
# about a minute; wants a machine that does nothing else.
# usage: scripts/ground-truth.sh
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
pids= failed=0
trap '[ -z "$pids" ] || kill $pids 2>/dev/null || true; rm -rf "$dir"' EXIT
go build -o "$dir/flightbench" ./cmd/flightbench

echo "== sleeps and stalls"
FLIGHTBENCH_GROUND_TRUTH=1 go test -count 1 -run GroundTruth -v ./bench | grep -E '^ +truth_test|^(---|ok|FAIL)' || failed=1
echo "== lateness of starts"
go test -run '^$' -bench Lateness -benchtime 1x ./bench | grep Benchmark

# verdict NAME FLAG...: the verdict of one trial, with its evidence.
verdict() {
	local name=$1
	shift
	"$dir/flightbench" run --op get --rows 8192 --repeat 1 -z 3s --warmup 300ms -o "$dir/runs" -O json "$@" >"$dir/run.json" 2>"$dir/log" || true
	printf '%-34s %s\n' "$name" "$(tr -d '\n' <"$dir/run.json" | grep -oE '"verdict": *"[a-z-]+",( *"verdict_evidence": *\[[^]]*\])?' | tr -s ' ')"
}
echo "== verdicts"
verdict "nothing slow"
GOMAXPROCS=1 verdict "generator: GOMAXPROCS=1, verify" --decode verify
for _ in $(seq "$(nproc)"); do
	timeout 20 sh -c 'while :; do :; done' &
	pids="$pids $!"
done
verdict "generator: a busy neighbour"
kill $pids 2>/dev/null || true
pids=
verdict "server: sleeps 1 ms a batch" --cmd '{"flightbench":1,"workload":"perf","rows":8192,"batches":1000000,"delay":"1ms"}'
exit "$failed"
