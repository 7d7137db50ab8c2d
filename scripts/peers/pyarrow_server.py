"""A pyarrow Flight server that keeps what is put and gives it back.

usage: pyarrow_server.py [--listen URI] [--tls DIR [--mtls]] [--auth METHOD]

The key of a stream is its descriptor: of a command, without the members that
say how to send it (compression, batches, endpoints, start, decode), so that
what was put is found whatever codec it is asked for with. It answers for a
descriptor that nobody has put with NOT_FOUND. The names of README.md's features
are there without being put. Its first line on stdout is its URI; it ends when
its standard input does.
"""

import json
import sys
import threading

import pyarrow as pa
from pyarrow import flight, ipc

import pyarrow_access
from pyarrow_features import Features

SENDING = ("compression", "batches", "endpoints", "start", "decode")


def key(command):
    if not command.startswith(b"{"):
        return command.decode()
    ticket = json.loads(command)
    return json.dumps({k: v for k, v in ticket.items() if k not in SENDING}, sort_keys=True)


def name(descriptor):
    """The bytes that a descriptor's ticket has: its command, or its path."""
    return descriptor.command or b"/".join(descriptor.path)


class Headers(flight.ServerMiddleware):
    """The headers of a call, by lower-case name. GetFlightInfo answers with a cookie."""

    def __init__(self, method, headers):
        self.method = method
        self.headers = {k.lower(): v for k, v in headers.items()}

    def sending_headers(self):
        return {"set-cookie": "peer=crumb"} if self.method == flight.FlightMethod.GET_FLIGHT_INFO else {}


class HeadersFactory(flight.ServerMiddlewareFactory):
    def start_call(self, info, headers):
        return Headers(info.method, headers)


class Store(flight.FlightServerBase):
    def __init__(self, asked):
        super().__init__(pyarrow_access.location(asked), **pyarrow_access.arguments(asked, {"headers": HeadersFactory()}))
        self.streams = {}
        self.features = Features()
        self.uri = pyarrow_access.location(asked)
        if self.port > 0:  # -1: a Unix socket
            self.uri = self.uri.rpartition(":")[0] + f":{self.port}"
        self.features.uri = self.uri

    def _find(self, command):
        try:
            return self.streams[key(command)]
        except KeyError:
            raise flight.FlightServerError(f"nothing was put under {command!r}") from None

    def list_flights(self, context, criteria):
        for n in ("plain", "two"):
            yield self.features.info(n, flight.FlightDescriptor.for_path(n))

    def get_flight_info(self, context, descriptor):
        command = name(descriptor)
        if self.features.has(key(command)):
            return self.features.info(key(command), descriptor)
        schema, batches = self._find(command)
        endpoint = flight.FlightEndpoint(flight.Ticket(command), [])
        return flight.FlightInfo(schema, descriptor, [endpoint], -1, -1)

    def get_schema(self, context, descriptor):
        command = name(descriptor)
        schema = self.features.schema(key(command)) if self.features.has(key(command)) else self._find(command)[0]
        return flight.SchemaResult(schema)

    def do_get(self, context, ticket):
        if self.features.has(key(ticket.ticket).partition("#")[0]):
            return self.features.stream(key(ticket.ticket), context, context.get_middleware("headers").headers)
        schema, batches = self._find(ticket.ticket)
        asked = json.loads(ticket.ticket) if ticket.ticket.startswith(b"{") else {"batches": len(batches)}
        codec = asked.get("compression", "none").split(":")[0]
        options = ipc.IpcWriteOptions(compression=None if codec == "none" else codec)
        count = asked.get("batches", 1)
        # A GeneratorStream would leave out the dictionaries.
        reader = pa.RecordBatchReader.from_batches(schema, (batches[i % len(batches)] for i in range(count)))
        return flight.RecordBatchStream(reader, options=options)

    def do_put(self, context, descriptor, reader, writer):
        batches = []
        for chunk in reader:
            batches.append(chunk.data)
            if chunk.app_metadata is not None:
                writer.write(chunk.app_metadata)
        self.streams[key(name(descriptor))] = (reader.schema, batches)

    def do_exchange(self, context, descriptor, reader, writer):
        if name(descriptor) == b"metadata-only":
            writer.write_metadata(b"before the schema")
        begun = False
        for chunk in reader:
            if not begun:
                writer.begin(reader.schema)
                begun = True
            if name(descriptor) == b"metadata-only":
                writer.write_metadata(b"before a batch")
            if chunk.app_metadata is None:
                writer.write_batch(chunk.data)
            else:
                writer.write_with_metadata(chunk.data, chunk.app_metadata)

    def list_actions(self, context):
        return [("ping", "Answers ok."), ("echo", "Answers with its body."), ("cancelled", "How many streams of slow were seen to be cancelled."),
                ("CancelFlightInfo", "Cancels nothing."), ("RenewFlightEndpoint", "Adds a minute.")]

    def do_action(self, context, action):
        body = action.body.to_pybytes() if action.body else b""
        if action.type == "ping":
            return [b"ok"]
        if action.type == "echo":
            return [body]
        if action.type == "cancelled":
            return [str(self.features.cancelled()).encode()]
        if action.type == "CancelFlightInfo":
            return [b"\x08\x01"]  # CancelFlightInfoResult{status: CANCELLED}
        if action.type == "RenewFlightEndpoint":
            return [self.features.renew(body)]
        raise flight.FlightServerError(f"unknown action {action.type}")


if __name__ == "__main__":
    server = Store(pyarrow_access.options(sys.argv[1:]))
    print(server.uri, flush=True)
    threading.Thread(target=server.serve, daemon=True).start()
    sys.stdin.read()
    server.shutdown()
