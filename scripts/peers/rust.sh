#!/usr/bin/env bash
# A Rust peer (crates arrow-flight and tonic) for the interoperability tests: a
# server that keeps what is put and has README.md's features, a client that
# reads, puts and exchanges every workload, or one that makes every call.
# It is built the first time, with Cargo.
# usage: scripts/peers/rust.sh build | server [OPTION...] | rpcs URI [OPTION...] | client URI WORKLOAD[,...] [COMPRESSION[,...] [ROWS]]
set -euo pipefail
dir="$(cd "$(dirname "$0")" && pwd)/rust"
mkdir -p "$dir/target"

(
	flock 9 # two test packages may come here at once
	timeout 1200 cargo build --quiet --release --manifest-path "$dir/Cargo.toml" --target-dir "$dir/target" >&2 9>&-
) 9>"$dir/target/.lock"

[ "${1:-}" != build ] || exit 0
exec "$dir/target/release/flightbench-peer" "$@"
