#!/usr/bin/env bash
# Shows that flightbench capacity finds what is there: servers whose capacity
# is arithmetic (workers of a fixed service time, a token bucket, a server that
# scales by a known law) are searched TRIES times each (3). A try takes one to
# three minutes. Before that, as many are simulated, with bursts of neighbours.
# usage: [TRIES=10] [ONLY=bucket] scripts/capacity-truth.sh
set -euo pipefail
cd "$(dirname "$0")/.."
tries=${TRIES:-3}
echo "== simulated, 200 tries of each server"
FLIGHTBENCH_GROUND_TRUTH=200 go test -count 1 -timeout 60m -run 'TestTruth' -v ./capacity | grep -E 'within|^(ok|FAIL)'
echo "== real servers, $tries tries of each"
FLIGHTBENCH_GROUND_TRUTH=$tries go test -count 1 -timeout 240m -run "TestCapacityTruth/.*${ONLY:-}" -v ./cmd/flightbench | grep -E 'capacity_test.go.*(want|within)|--- |^(ok|FAIL)'
