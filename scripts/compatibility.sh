#!/usr/bin/env bash
# Writes docs/compatibility.md: runs flightbench against every peer, feature by
# feature. It needs Go, Java and Maven, Cargo, and Python, and takes some minutes.
# usage: scripts/compatibility.sh [FEATURE-SUBSTRING]
# With an argument only the features whose names contain it are run, and the
# table goes to stdout.
set -euo pipefail
cd "$(dirname "$0")/.."
exec go run ./scripts/compatibility "$@"
