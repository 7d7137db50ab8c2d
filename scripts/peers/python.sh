#!/usr/bin/env bash
# Prints the path of a Python that has pyarrow and ADBC's Flight SQL driver, for
# the interoperability tests. It makes .venv at the repository's root the first
# time. FLIGHTBENCH_PYTHON names a Python of your own instead.
set -euo pipefail
cd "$(dirname "$0")/../.."

packages=(pyarrow==26.0.1 adbc-driver-flightsql==1.13.0 adbc-driver-manager==1.13.0)
imports='import pyarrow.flight, adbc_driver_flightsql.dbapi'

if [ -n "${FLIGHTBENCH_PYTHON:-}" ]; then
	"$FLIGHTBENCH_PYTHON" -c "$imports" >&2
	echo "$FLIGHTBENCH_PYTHON"
	exit
fi
python="$PWD/.venv/bin/python"
ready() { [ -x "$python" ] && "$python" -c "$imports" 2>/dev/null; }
if ! ready; then
	exec 9>.venv.lock
	flock 9 # two test packages may come here at once
	if ! ready; then
		"$python" -m pip --version >/dev/null 2>&1 || rm -rf .venv # half made, or its Python has gone
		python3 -m venv .venv >&2
		"$python" -m pip install --quiet --disable-pip-version-check "${packages[@]}" >&2
	fi
fi
echo "$python"
