"""Makes every call that pyarrow's client has against a flightbench server.

usage: pyarrow_rpcs.py URI [--cacert F] [--cert F --key F] [--auth METHOD]

METHOD is none, token, basic, handshake or handshake-plain; user, password and
token come from FLIGHTBENCH_USER, FLIGHTBENCH_PASSWORD and FLIGHTBENCH_TOKEN.
It prints "ok NAME" for each call and ends with 1 at the first that fails.
pyarrow's client has no PollFlightInfo.
"""

import argparse
import json
import os
import sys

import pyarrow as pa
from pyarrow import flight

ROWS, BATCHES = 100, 5
PERF = pa.schema([(name, pa.int64()) for name in "abcd"])


def command(**more):
    return json.dumps({"flightbench": 1, "workload": "perf", "rows": ROWS, "distinct": 2, "batches": BATCHES, **more}).encode()


def check(what, got, want):
    if got != want:
        sys.exit(f"{what}: got {got}, want {want}")


class Login(flight.ClientAuthHandler):
    """The handshake of a BasicAuth message, or of two payloads."""

    def __init__(self, user, password, plain):
        super().__init__()
        self.user, self.password, self.plain = user, password, plain
        self.token = None

    def authenticate(self, outgoing, incoming):
        if self.plain:
            outgoing.write(self.user)
            outgoing.write(self.password)
        else:
            outgoing.write(flight.BasicAuth(self.user, self.password).serialize())
        self.token = incoming.read()

    def get_token(self):
        return self.token


def connect(asked):
    def read(path):
        if not path:
            return None
        with open(path, "rb") as f:
            return f.read()

    return flight.FlightClient(asked.uri, tls_root_certs=read(asked.cacert), cert_chain=read(asked.cert), private_key=read(asked.key))


def handshake(client, auth):
    """Logs in and returns the options that each call needs."""
    user, password, token = (os.environ.get("FLIGHTBENCH_" + n, "") for n in ("USER", "PASSWORD", "TOKEN"))
    if auth == "token":
        return flight.FlightCallOptions(headers=[(b"authorization", b"Bearer " + token.encode())])
    if auth == "basic":
        pair = client.authenticate_basic_token(user, password)
        check("the token's header", pair[0], b"authorization")
        return flight.FlightCallOptions(headers=[pair])
    if auth.startswith("handshake"):
        login = Login(user, password, plain=auth == "handshake-plain")
        client.authenticate(login)
        check("the handshake's token is not empty", bool(login.token), True)
    return flight.FlightCallOptions()


def refused(asked):
    """A call without the credentials that the server asks for."""
    try:
        list(connect(asked).list_actions())
    except flight.FlightUnauthenticatedError:
        return
    sys.exit("a call without credentials was answered")


def batch():
    return pa.record_batch([pa.array(range(ROWS), pa.int64()) for _ in "abcd"], schema=PERF)


def list_flights(client, options):
    infos = list(client.list_flights(b"", options))
    check("flights are listed", len(infos) > 0, True)
    for info in infos:
        info.schema, info.descriptor


def get_flight_info(client, options):
    info = client.get_flight_info(flight.FlightDescriptor.for_command(command(endpoints=2)), options)
    check("endpoints", len(info.endpoints), 2)
    check("schema", info.schema, PERF)
    check("total_records", info.total_records, 2 * ROWS * BATCHES)


def get_schema(client, options):
    check("schema", client.get_schema(flight.FlightDescriptor.for_command(command()), options).schema, PERF)


def do_get(client, options):
    info = client.get_flight_info(flight.FlightDescriptor.for_command(command(endpoints=2)), options)
    for endpoint in info.endpoints:
        check("rows", client.do_get(endpoint.ticket, options).read_all().num_rows, ROWS * BATCHES)


def do_put(client, options):
    writer, reader = client.do_put(flight.FlightDescriptor.for_command(command()), PERF, options)
    for i in range(BATCHES):
        writer.write_with_metadata(batch(), b"batch %d" % i)
        check("acknowledgement", reader.read().to_pybytes(), b"batch %d" % i)
    writer.done_writing()
    check("end of acknowledgements", reader.read(), None)
    writer.close()


def do_exchange(client, options):
    writer, reader = client.do_exchange(flight.FlightDescriptor.for_command(command()), options)
    with writer:
        writer.begin(PERF)
        for i in range(BATCHES):
            writer.write_with_metadata(batch(), b"%d" % i)
            chunk = reader.read_chunk()
            check("echoed metadata", chunk.app_metadata.to_pybytes(), b"%d" % i)
            check("echo", chunk.data.equals(batch()), True)
        writer.done_writing()


def do_action(client, options):
    check("ping", [r.body.to_pybytes() for r in client.do_action(flight.Action("ping", b""), options)], [b"ok"])


def list_actions(client, options):
    names = [a.type for a in client.list_actions(options)]
    check("ping is listed", "ping" in names, True)


def cancel(client, options):
    """Cancels a stream without end; the server notices."""
    reader = client.do_get(flight.Ticket(command(batches=1_000_000, rows=4096)), options)
    reader.read_chunk()
    reader.cancel()
    try:
        while True:
            reader.read_chunk()
    except (flight.FlightCancelledError, pa.ArrowCancelled):
        return
    except StopIteration:
        sys.exit("a cancelled stream ended as if it were whole")


def errors(client, options):
    """Each kind of error has its own class in pyarrow."""
    for kind, error in [("unavailable", flight.FlightUnavailableError), ("unauthenticated", flight.FlightUnauthenticatedError),
                        ("unauthorized", flight.FlightUnauthorizedError), ("timed_out", flight.FlightTimedOutError),
                        ("cancelled", flight.FlightCancelledError), ("internal", flight.FlightInternalError),
                        ("server_error", flight.FlightServerError)]:
        reader = client.do_get(flight.Ticket(command(fail=kind, fail_after=2)), options)
        try:
            # Not read_all: pyarrow takes a Cancelled in it for a Ctrl-C.
            while True:
                reader.read_chunk()
        except error:
            continue
        except StopIteration:
            sys.exit(f"fail={kind} ended without an error")


def main(asked):
    client = connect(asked)
    if asked.auth != "none":
        refused(asked)
        print("ok refused", flush=True)
    options = handshake(client, asked.auth)
    print("ok Handshake" if asked.auth not in ("none", "token") else "ok connect", flush=True)
    for name, call in [("ListFlights", list_flights), ("GetFlightInfo", get_flight_info), ("GetSchema", get_schema), ("DoGet", do_get), ("DoPut", do_put),
                       ("DoExchange", do_exchange), ("DoAction", do_action), ("ListActions", list_actions), ("cancel", cancel), ("errors", errors)]:
        call(client, options)
        print("ok " + name, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("uri")
    parser.add_argument("--cacert")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--auth", choices=["none", "token", "basic", "handshake", "handshake-plain"], default="none")
    main(parser.parse_args())
