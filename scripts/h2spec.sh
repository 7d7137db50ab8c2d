#!/usr/bin/env bash
# Runs h2spec 2.2.1 against the direct server and fails if more than MAX_FAILURES (default 1) of its 145 cases do, or if
# fewer than 130 ran. Usage: scripts/h2spec.sh [h2spec options, e.g. http2/5.1.2]
set -euo pipefail
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
port=${H2SPEC_PORT:-$((20000 + RANDOM % 20000))}
go build -o "$tmp/h2spec" github.com/summerwind/h2spec/cmd/h2spec
go test -c -o "$tmp/h2.test" ./internal/h2
mkfifo "$tmp/in"
H2SPEC_LISTEN=127.0.0.1:$port "$tmp/h2.test" -test.run '^TestServeForH2spec$' -test.timeout 10m <"$tmp/in" >"$tmp/server.log" 2>&1 &
server=$!
exec 3>"$tmp/in"
trap 'exec 3>&-; wait "$server" || cat "$tmp/server.log"; rm -rf "$tmp"' EXIT
for _ in $(seq 100); do
	(exec 4<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
	sleep 0.1
done
"$tmp/h2spec" -h 127.0.0.1 -p "$port" -o 3 "$@" >"$tmp/out" 2>&1 || true
sed -n '/^Failures:/,$p' "$tmp/out"
read -r total passed skipped failed < <(sed -nE 's/^([0-9]+) tests, ([0-9]+) passed, ([0-9]+) skipped, ([0-9]+) failed.*/\1 \2 \3 \4/p' "$tmp/out")
echo "h2spec: ${passed:?no result} passed, ${failed} failed, ${skipped} skipped of ${total}"
[ "$failed" -le "${MAX_FAILURES:-1}" ] && { [ $# -gt 0 ] || [ "$passed" -ge 130 ]; }
