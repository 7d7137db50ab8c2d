#!/usr/bin/env bash
# What TLS, mTLS, authentication, headers, middleware and codecs cost: the suite
# feature-cost. The report has a plot of GB/s and calls/s relative to the plain
# run (relative.svg).
# usage: scripts/feature-cost.sh [ROUNDS [SECONDS [RUN-FLAGS...]]]
set -euo pipefail
cd "$(dirname "$0")/.."
go run ./cmd/flightbench run -f feature-cost --repeat "${1:-5}" -z "${2:-1}s" "${@:3}"
