#!/usr/bin/env bash
# roapi's Flight SQL server (DataFusion) over a small CSV table "cities", for
# docs/compatibility.md. It makes .venv-roapi beside it the first
# time. Its first line on stdout is its URI; it ends when its standard input does.
# usage: scripts/peers/roapi.sh build | version | server [--listen grpc://HOST:0] [--tls DIR [--mtls]] [--auth none|token|basic]
set -euo pipefail
cd "$(dirname "$0")"

ROAPI_VERSION=0.12.7
roapi="$PWD/.venv-roapi/bin/roapi"

case "${1:-}" in build | version | server) ;; *) sed -n '/^# usage/s/^# //p' "$0" >&2; exit 2 ;; esac
(
	flock 9
	if ! [ "$("$roapi" --version 2>/dev/null)" = "roapi $ROAPI_VERSION" ]; then
		rm -rf .venv-roapi
		python3 -m venv .venv-roapi >&2
		.venv-roapi/bin/pip install --quiet --disable-pip-version-check "roapi==$ROAPI_VERSION" >&2
	fi
) 9>.venv-roapi.lock
[ "$1" != build ] || exit 0
[ "$1" != version ] || exec "$roapi" --version

shift
scheme=grpc host=127.0.0.1 tls='' auth=none
while [ $# -gt 0 ]; do
	case "$1" in
	--listen)
		case "$2" in grpc://*:0) ;; *) echo "--listen $2: roapi listens at grpc://HOST:0 alone" >&2; exit 2 ;; esac
		host=${2#grpc://} host=${host%:0}
		shift
		;;
	--tls) scheme=grpc+tls tls=$2; shift ;;
	--mtls) ;;
	--auth) auth=$2; shift ;;
	*) echo "unknown option $1" >&2; exit 2 ;;
	esac
	shift
done

dir=$(mktemp -d)
printf 'name,population\n%s\n' "Oslo,709037
Rome,2755309
Lima,10092000" >"$dir/cities.csv"
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
number=$(port)
flight=$host:$number
{
	printf 'addr:\n  http: 127.0.0.1:%s\n  postgres: 127.0.0.1:%s\n  flight_sql: "%s"\n' "$(port)" "$(port)" "$flight"
	printf 'tables:\n  - name: cities\n    uri: %s\n' "$dir/cities.csv"
	echo flight_sql_config:
	case "$auth" in
	none) ;;
	token) printf '  auth_token: let-me-in\n' ;;
	basic) printf '  auth_basic:\n    username: bench\n    password: open sesame\n' ;;
	*) echo "--auth $auth: roapi has none, token and basic" >&2; exit 2 ;;
	esac
	[ -z "$tls" ] || printf '  tls:\n    cert: %s\n    key: %s\n' "$tls/cert.pem" "$tls/key.pem"
	[ -z "$tls" ] || printf '    client_ca: %s\n' "$tls/ca.pem" # roapi has no TLS without it
} >"$dir/roapi.yaml"
[ "$scheme$auth" != grpcnone ] || sed -i '/^flight_sql_config/d' "$dir/roapi.yaml"
"$roapi" --config "$dir/roapi.yaml" 9>&- >"$dir/log" 2>&1 </dev/null &
server=$!
stdin=
trap 'kill $server $stdin 2>/dev/null || true; rm -rf "$dir"' EXIT
trap 'exit 143' TERM INT
for _ in $(seq 50); do
	if (exec 3<>"/dev/tcp/$(tr -d "[]" <<<"$host")/$number") 2>/dev/null; then
		echo "$scheme://$flight"
		cat <&0 >/dev/null 2>&1 & # until standard input ends
		stdin=$!
		wait $stdin
		exit 0
	fi
	kill -0 $server 2>/dev/null || break
	sleep 0.1
done
echo "roapi does not listen: $(grep -A1 panicked "$dir/log" | tail -1 || tail -1 "$dir/log")" >&2
exit 1
