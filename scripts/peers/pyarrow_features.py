"""The streams by which a pyarrow server shows what a Flight server may do.

scripts/peers/README.md lists their names. Every stream has ROWS rows in all.
"""

import threading
import time

import pyarrow as pa
from pyarrow import flight, ipc

BATCHES, BATCH_ROWS = 4, 100
ROWS = BATCHES * BATCH_ROWS
SLOW_BATCHES, SLOW_SECONDS = 400, 0.01
DEAD = "grpc://127.0.0.1:1"
LIFE = 0.8  # seconds until an endpoint of "expiring" expires

PLAIN = pa.schema([("a", pa.int64()), ("b", pa.string())])

ERRORS = {
    "unavailable": flight.FlightUnavailableError,
    "unauthenticated": flight.FlightUnauthenticatedError,
    "unauthorized": flight.FlightUnauthorizedError,
    "timed_out": flight.FlightTimedOutError,
    "cancelled": flight.FlightCancelledError,
    "internal": flight.FlightInternalError,
    "server_error": flight.FlightServerError,
}

NAMES = ["plain", "two", "location-self", "location-reuse", "location-second", "location-dead", "expiring", "unknown-totals", "zero-rows",
         "dictionary", "dictionary-delta", "dictionary-replaced", "lz4", "zstd", "slow", "needs-header", "needs-binary-header", "needs-cookie"]
NAMES += ["error-" + kind for kind in ERRORS]


def plain_batch(i, rows=BATCH_ROWS):
    numbers = range(i * rows, (i + 1) * rows)
    return pa.record_batch([pa.array(numbers, pa.int64()), pa.array([f"row {n}" for n in numbers])], schema=PLAIN)


def dictionary_batches(values_of):
    """Batches whose dictionary of batch i is values_of(i)."""
    for i in range(BATCHES):
        values = values_of(i)
        indices = pa.array([n % len(values) for n in range(BATCH_ROWS)], pa.int32())
        yield pa.record_batch([pa.DictionaryArray.from_arrays(indices, pa.array(values))], names=["d"])


class Features:
    """What a server answers for the names; shared by its calls."""

    def __init__(self):
        self.uri = None  # where it listens, once it does
        self._lock = threading.Lock()
        self._cancelled = 0
        self._expires = {}  # ticket of "expiring" → when

    def has(self, name):
        return name in NAMES

    def schema(self, name):
        return next(dictionary_batches(lambda i: ["x"])).schema if name.startswith("dictionary") else PLAIN

    def info(self, name, descriptor, now=time.time):
        locations = {"location-self": [self.uri], "location-reuse": ["arrow-flight-reuse-connection://?"], "location-second": [DEAD, self.uri],
                     "location-dead": [DEAD]}.get(name, [])
        if name == "two":
            endpoints = [flight.FlightEndpoint(f"two#{i}", []) for i in range(2)]
        elif name == "expiring":
            endpoints = [self._expiring(f"expiring#{now()}", now() + LIFE)]
        else:
            endpoints = [flight.FlightEndpoint(name, locations)]
        total = -1 if name == "unknown-totals" else SLOW_BATCHES if name == "slow" else ROWS
        return flight.FlightInfo(self.schema(name), descriptor, endpoints, total, -1, ordered=name == "two")

    def _expiring(self, ticket, until):
        with self._lock:
            self._expires[ticket] = until
        return flight.FlightEndpoint(ticket, [], pa.scalar(int(until * 1e6) * 1000, pa.timestamp("ns", "UTC")))

    def renew(self, body):
        """The RenewFlightEndpoint action: the endpoint, a minute longer."""
        endpoint = flight.FlightEndpoint.deserialize(renewed_endpoint(body))
        return self._expiring(endpoint.ticket.ticket.decode(), time.time() + 60).serialize()

    def cancelled(self):
        with self._lock:
            return self._cancelled

    def stream(self, ticket, context, headers):
        name, _, part = ticket.partition("#")
        if name == "expiring":
            with self._lock:
                if self._expires.get(ticket, 0) < time.time():
                    raise flight.FlightServerError(f"the ticket {ticket} has expired: renew its endpoint")
        if name == "needs-header" and headers.get("x-peer-feature") != ["yes"]:
            raise flight.FlightUnauthenticatedError("the header x-peer-feature: yes is missing")
        if name == "needs-binary-header" and headers.get("x-peer-feature-bin") != [b"\x00\xff\x01"]:
            raise flight.FlightUnauthenticatedError("the header x-peer-feature-bin with the bytes 00ff01 is missing")
        if name == "needs-cookie" and not any("peer=crumb" in c for c in headers.get("cookie", [])):
            raise flight.FlightUnauthenticatedError("the cookie peer=crumb, which GetFlightInfo set, is missing")
        schema = self.schema(name)
        if name.startswith("dictionary"):
            values_of = {
                "dictionary": lambda i: ["x", "y", "z"],
                "dictionary-delta": lambda i: [f"value {n}" for n in range(3 * (i + 1))],
                "dictionary-replaced": lambda i: [f"value {n} of {i}" for n in range(3)],
            }[name]
            options = ipc.IpcWriteOptions(emit_dictionary_deltas=name == "dictionary-delta")
            # A GeneratorStream would leave out the dictionaries.
            return flight.RecordBatchStream(pa.RecordBatchReader.from_batches(schema, dictionary_batches(values_of)), options)
        if name in ("lz4", "zstd"):
            batches = (plain_batch(i) for i in range(BATCHES))
            return flight.RecordBatchStream(pa.RecordBatchReader.from_batches(schema, batches), ipc.IpcWriteOptions(compression=name))
        return flight.GeneratorStream(schema, self._batches(name, part, context))

    def _batches(self, name, part, context):
        if name == "slow":
            for i in range(SLOW_BATCHES):
                self._sleep(context)
                yield plain_batch(i, 1)
            return
        first, end = (0, BATCHES) if part == "" or name == "expiring" else (2 * int(part), 2 * int(part) + 2)
        for i in range(first, end):
            if name.startswith("error-") and i == 2:
                kind = name.removeprefix("error-")
                raise ERRORS[kind](f"as asked for: {kind}", b"more about it")
            if name == "zero-rows":
                yield plain_batch(i).slice(0, 0)
            yield plain_batch(i)

    def _sleep(self, context):
        until = time.monotonic() + SLOW_SECONDS
        while time.monotonic() < until:
            if context.is_cancelled():
                with self._lock:
                    self._cancelled += 1
                raise flight.FlightCancelledError("the client has gone")
            time.sleep(0.001)


def renewed_endpoint(body):
    """The bytes of RenewFlightEndpointRequest's only field, endpoint = 1."""
    if not body or body[0] != 0x0A:
        raise flight.FlightServerError(f"no RenewFlightEndpointRequest: {body!r}")
    i, length, shift = 1, 0, 0
    while True:
        byte = body[i]
        length |= (byte & 0x7F) << shift
        i, shift = i + 1, shift + 7
        if byte < 0x80:
            return body[i : i + length]
