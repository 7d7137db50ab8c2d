#!/usr/bin/env bash
# Prints the path of a Python that has pyarrow, for the interoperability tests.
# It makes .venv at the repository's root the first time. FLIGHTBENCH_PYTHON
# names a Python of your own instead.
set -euo pipefail
cd "$(dirname "$0")/../.."

PYARROW_VERSION=26.0.1

if [ -n "${FLIGHTBENCH_PYTHON:-}" ]; then
	"$FLIGHTBENCH_PYTHON" -c 'import pyarrow.flight' >&2
	echo "$FLIGHTBENCH_PYTHON"
	exit
fi
python="$PWD/.venv/bin/python"
if ! { [ -x "$python" ] && "$python" -c 'import pyarrow.flight' 2>/dev/null; }; then
	exec 9>.venv.lock
	flock 9 # two test packages may come here at once
	if ! { [ -x "$python" ] && "$python" -c 'import pyarrow.flight' 2>/dev/null; }; then
		rm -rf .venv
		python3 -m venv .venv >&2
		.venv/bin/pip install --quiet --disable-pip-version-check "pyarrow==$PYARROW_VERSION" >&2
	fi
fi
echo "$python"
