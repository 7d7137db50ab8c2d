#!/usr/bin/env bash
# Shows that tune finds what is there: a server whose best batch size is known,
# over a round trip at which small windows starve, and one where nothing
# matters; then, by simulation, how often it does on machines of 3 % and 10 %
# noise, and how often the intervals of fitted laws hold what was planted.
# Takes about 5 minutes a try; wants a machine that does little else.
# usage: scripts/tune-truth.sh [TRIES]
set -euo pipefail
cd "$(dirname "$0")/.."

echo "== real servers"
FLIGHTBENCH_GROUND_TRUTH=1 go test -count "${1:-1}" -run TuneTruth -timeout 2h -v ./cmd/flightbench | grep -E '^ +(---|tunetruth_test)|^(---|ok|FAIL)' || failed=1
echo "== simulated servers"
FLIGHTBENCH_GROUND_TRUTH=1 go test -count 1 -run 'Planted|Defaults' -v ./tune | grep -E '^ +simulate_test|^(---|ok|FAIL)' || failed=1
echo "== coverage of the fitted laws' intervals, by 1,000 simulations a case"
FLIGHTBENCH_GROUND_TRUTH=1 go test -count 1 -run Coverage -v ./results/model | grep -E '_test.go:|^ *---|^(ok|FAIL)' || failed=1
exit "${failed:-0}"
