#!/usr/bin/env bash
# What TLS, mTLS, authentication, headers, middleware and codecs cost: each is
# measured with only it changed, in interleaved rounds, against the plain run.
# The report has a plot of GB/s and calls/s relative to that (relative.svg).
# usage: scripts/feature-cost.sh [ROUNDS [SECONDS [RUN-FLAGS...]]]
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5}
seconds=${2:-1}
go run ./cmd/flightbench run --name feature-cost --one-at-a-time --repeat "$rounds" -z "${seconds}s" --warmup 300ms \
	--op get,put,action:ping --rows 65536 --workload lineitem --decode batch -c 4 \
	--tls off,on,mtls --auth none,token,basic,handshake --headers 0,1,10,100 --middleware 0,1,10 \
	--compression none,lz4,zstd "${@:3}"
