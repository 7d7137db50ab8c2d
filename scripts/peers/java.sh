#!/usr/bin/env bash
# A Java peer (Arrow Java's flight-core, grpc-java) for the interoperability
# tests: a server that keeps what is put and has README.md's features, a client
# that reads, puts and exchanges every workload, or one that makes every call;
# and HdrHistogram's own readers of its logs. It is built the first time, with Maven.
# usage: scripts/peers/java.sh build | server [OPTION...] | rpcs URI [OPTION...] | client URI WORKLOAD[,...] [COMPRESSION[,...] [ROWS]] | hlog FILE | hgrm FILE FOLDER TAG...
set -euo pipefail
dir="$(cd "$(dirname "$0")" && pwd)/java"
mkdir -p "$dir/target"

stale() { [ ! -e "$dir/target/built" ] || [ -n "$(find "$dir/src" "$dir/pom.xml" -newer "$dir/target/built")" ]; }

(
	flock 9 # two test packages may come here at once
	if stale; then
		rm -rf "$dir/target/classes" "$dir/target/lib"
		touch "$dir/target/building"
		timeout 1200 mvn --quiet --batch-mode --file "$dir/pom.xml" compiler:compile dependency:copy-dependencies >&2 9>&-
		mv "$dir/target/building" "$dir/target/built"
	fi
) 9>"$dir/target/.lock"

[ "${1:-}" != build ] || exit 0
exec java --add-opens=java.base/java.nio=ALL-UNNAMED -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
	-cp "$dir/target/classes:$dir/target/lib/*" flightbench.Peer "$@"
