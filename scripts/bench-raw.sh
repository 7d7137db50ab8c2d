#!/usr/bin/env bash
# direct against raw TCP that moves equally large buffers between two processes,
# and against grpc-go, in interleaved rounds: MB/s, client CPU s/GB, allocations.
# usage: scripts/bench-raw.sh [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
go test -c -o "$tmp/h2.test" ./internal/h2
for _ in $(seq "${1:-7}"); do
	(cd internal/h2 && "$tmp/h2.test" -test.run '^$' -test.bench 'Raw|(Get|Put)/direct' -test.benchtime 500x)
done | grep ^Benchmark | tee "$tmp/all" >&2
echo "medians:"
awk '{ n[$1]++; for (i = 3; i < NF; i += 2) v[$1, $(i + 1), n[$1]] = $i; for (i = 4; i <= NF; i += 2) unit[$i] = 1 }
function median(b, u, c,  a, i, j, t) {
	for (i = 1; i <= c; i++) a[i] = v[b, u, i]
	for (i = 2; i <= c; i++) for (j = i; j > 1 && a[j - 1] > a[j]; j--) { t = a[j]; a[j] = a[j - 1]; a[j - 1] = t }
	return a[int((c + 1) / 2)]
}
END { for (b in n) { printf "%s", b; for (u in unit) if ((b, u, 1) in v) printf "  %g %s", median(b, u, n[b]), u; print "" } }' "$tmp/all" | sort
