#!/usr/bin/env bash
# Makes the worked example of docs/builds.md again: two servers in the same
# rounds, compared, with a gate that is missed. Takes about 3 minutes.
# usage: scripts/docs-builds.sh
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
go build -o "$out/flightbench" ./cmd/flightbench
export PATH="$out:$PATH"
run="flightbench run --server-cmd old='flightbench serve --transport direct --listen grpc://127.0.0.1:{port}' \\
	--server-cmd new='flightbench serve --transport grpc --listen grpc://127.0.0.1:{port}' \\
	--op get --rows 4096,65536 --until 5% --max-time 2m -z 800ms --warmup 200ms"
compare="flightbench compare --by target RUN --gate 'body_bytes_per_second>=-3%'"
{
	printf '```sh\n%s\n%s\n```\n\n```\n' "$run" "$compare"
	(cd "$out" && eval "$run" >table 2>log) || { cat "$out/log" >&2; exit 1; }
	dir=$(echo "$out"/flightbench-results/*)
	code=0
	eval "${compare/RUN/$dir}" >"$out/compared" 2>&1 || code=$?
	sed "s#$dir#RUN#" "$out/compared"
	printf '```\n\nIt ends with exit code %s.\n' "$code"
} >"$out/example"
awk -v example="$out/example" '
	/^<!-- end of example -->/ { inside = 0 }
	!inside { print }
	/^<!-- example/ { inside = 1; while ((getline line < example) > 0) print line }
' docs/builds.md >"$out/page"
cp "$out/page" docs/builds.md
