#!/usr/bin/env bash
# Does the memory of a long run stay flat? Runs one trial of many streams, each
# of which gets a batch every 100 ms, looks at the client's resident memory once
# a second, and fails if the last quarter's median is 10 % above that of the
# second, by when every buffer and histogram is there. With the defaults it takes
# a bit more than 10 minutes and about a quarter of a core.
# usage: scripts/soak.sh [MINUTES [STREAMS]]
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:-10} streams=${2:-1000}
dir=$(mktemp -d)
client=
trap '[ -z "$client" ] || kill "$client" 2>/dev/null || true; rm -rf "$dir"' EXIT
go build -o "$dir/flightbench" ./cmd/flightbench

"$dir/flightbench" run --op get --cmd '{"flightbench":1,"workload":"perf","rows":128,"batches":100,"delay":"100ms"}' --rows 128 --batches 100 \
	--concurrency "$streams" --connections 4 --repeat 1 --warmup 5s -z "${minutes}m" -o "$dir/runs" -O json >"$dir/run.json" 2>"$dir/log" &
client=$!
while kill -0 "$client" 2>/dev/null; do
	awk '/^VmRSS/ {print $2}' "/proc/$client/status" 2>/dev/null >>"$dir/rss" || true
	sleep 1
done
wait "$client" || { tail -3 "$dir/log" >&2; exit 1; }
client=

number() { tr -d ' \n' <"$dir/run.json" | grep -oE "\"$1\":\{\"value\":[0-9.e+-]+" | grep -oE '[0-9.e+-]+$' || echo "?"; }
echo "$streams streams for $minutes min: $(tr -d ' \n' <"$dir/run.json" | grep -oE '"batches":[0-9]+,"streams":[0-9]+' | head -1), growth over the window $(number client_rss_growth_bytes) B, files $(du -sk "$dir/runs" | cut -f1) kB"
awk '
	function median(from, to,   i, j, v, n, s) {
		for (i = from; i <= to; i++) { v = rss[i]; for (j = n++; j > 0 && s[j-1] > v; j--) s[j] = s[j-1]; s[j] = v }
		return s[int((n - 1) / 2)]
	}
	$1 > 0 { rss[++n] = $1 }
	END {
		for (q = 0; q < 4; q++) { m[q] = median(int(n * q / 4) + 1, int(n * (q + 1) / 4)); printf "quarter %d: median RSS %.1f MB\n", q + 1, m[q] / 1000 }
		for (i = int(n / 4) + 1; i <= n; i++) { k++; sx += i; sy += rss[i]; sxx += i * i; sxy += i * rss[i] }
		printf "slope after the first quarter: %+.3f MB/min\n", 60 / 1000 * (k * sxy - sx * sy) / (k * sxx - sx * sx)
		if (m[3] > 1.1 * m[1]) { print "NOT FLAT"; exit 1 }
	}' "$dir/rss"
