#!/usr/bin/env bash
# flightbench's direct transport against pyarrow's client and server (C++ gRPC
# core), in interleaved rounds: bytes/s and CPU s/GB, medians and ratios.
# usage: scripts/bench-pyarrow.sh [ROUNDS [SECONDS]]
set -euo pipefail
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
go build -o "$tmp/flightbench" ./cmd/flightbench
"$(scripts/peers/python.sh)" scripts/peers/pyarrow_bench.py compare "$tmp/flightbench" "${@:-7}"
