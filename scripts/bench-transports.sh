#!/usr/bin/env bash
# Our transports against stock arrow-go, both ends of one kind, client and server
# in two processes, rounds interleaved. Allocated bytes per GB come with it.
# ROUNDS and SECONDS_EACH make it shorter or longer.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
go run ./cmd/flightbench run -o "$out" --op "${OPS:-get}" --transport "${TRANSPORTS:-stock,grpc,direct}" --rows 128,65536 --decode "${DECODE:-count,batch}" \
	--repeat "${ROUNDS:-7}" -z "${SECONDS_EACH:-2s}" --warmup 500ms -O json | go run ./scripts/medians -by transport -base stock
