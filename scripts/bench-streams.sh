#!/usr/bin/env bash
# 1,000 concurrent streams over 8 connections for 10 s: errors, and how far the
# client's memory grows after the warm-up. STREAMS, CONNECTIONS and TRANSPORT
# change it.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
go run ./cmd/flightbench run -o "$out" --op get --transport "${TRANSPORT:-direct}" --rows "${ROWS:-1024}" -c "${STREAMS:-1000}" --batches 64 --connections "${CONNECTIONS:-8}" \
	--repeat 1 -z 10s --warmup 3s -O json | go run ./scripts/medians -by transport -base "${TRANSPORT:-direct}" \
	-metrics body_bytes_per_second,batches_per_second,streams_per_second,client_rss_growth_bytes,client_peak_rss_bytes
