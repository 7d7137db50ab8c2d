#!/usr/bin/env bash
# Makes the README's picture again: a bare run's throughput by batch size.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
go run ./cmd/flightbench run -o "$out"
cp "$out"/*/plots/throughput-by-rows.svg docs/throughput.svg
