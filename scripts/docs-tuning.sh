#!/usr/bin/env bash
# Makes the worked example of docs/tuning.md again: tunes the windows of a
# client that is 50 ms and 1 Gbit/s away, and puts what the tool says between
# the page's marks, with the picture of what was tried. Takes about 6 minutes.
# usage: scripts/docs-tuning.sh
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
go build -o "$out/flightbench" ./cmd/flightbench
args=(tune --transport grpc --rtt 50ms --bandwidth 1Gbit --knobs window,conn-window
	--window 1Mi,4Mi,16Mi --conn-window 1Mi,4Mi,16Mi)
{
	echo '```sh'
	echo "flightbench ${args[*]}"
	echo '```'
	echo
	echo '```'
	"$out/flightbench" "${args[@]}" -o "$out/runs" 2>"$out/log" || { cat "$out/log" >&2; exit 1; }
	echo '```'
} >"$out/example"
cp "$out"/runs/*/plots/tuning-latency.svg docs/tuning.svg
awk -v example="$out/example" '
	/^<!-- end of example -->/ { inside = 0 }
	!inside { print }
	/^<!-- example/ { inside = 1; while ((getline line < example) > 0) print line }
' docs/tuning.md >"$out/page"
cp "$out/page" docs/tuning.md
