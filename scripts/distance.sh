#!/usr/bin/env bash
# GB/s against the HTTP/2 window over 50 ms and 1 Gbit/s, where arithmetic puts
# the bend at bandwidth × round trip = 6.25 MB: draws docs/distance.svg and
# prints the table. Takes about two minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
go run ./cmd/flightbench run --name distance --op get -c 1 --rows 8192 --batches 100000 --rtt 50ms --bandwidth 1Gbit \
	--window 64Ki,256Ki,1Mi,4Mi,8Mi,16Mi,32Mi --conn-window 128Mi -z 3s --warmup 1s --repeat 3 -o "$dir"
cp "$dir"/*/plots/throughput-by-window.svg docs/distance.svg
