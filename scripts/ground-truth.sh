#!/usr/bin/env bash
# Shows that what is measured is so: servers of ours and of pyarrow that sleep
# 10 ms a batch or stall 1 s once in 10 s at 100 starts a second, over each
# transport, how late starts are at up to 50,000 a second, and which generators
# and servers, made slow in real processes, are called generator-bound. Takes
# about 12 minutes; wants a machine that does nothing else.
# usage: scripts/ground-truth.sh
set -euo pipefail
cd "$(dirname "$0")/.."
failed=0

echo "== sleeps and stalls"
FLIGHTBENCH_GROUND_TRUTH=1 go test -count 1 -run GroundTruth -v ./bench | grep -E '^ +truth_test|^(---|ok|FAIL)' || failed=1
FLIGHTBENCH_GROUND_TRUTH=1 go test -count 1 -run 'GroundTruth|TruthOfCounts' -timeout 15m -v ./cmd/flightbench | grep -E '^ +(---|truth_test)|^(---|ok|FAIL)' || failed=1
echo "== lateness of starts"
go test -run '^$' -bench Lateness -benchtime 1x ./bench | grep Benchmark

echo "== slow generators and slow servers"
FLIGHTBENCH_GROUND_TRUTH=1 go test -count 1 -run GeneratorBound -timeout 15m -v ./cmd/flightbench | grep -E '^ +(---|generatorbound_test)|^(---|ok|FAIL)' || failed=1
exit "$failed"
