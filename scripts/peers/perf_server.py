"""A pyarrow server that answers as arrow-flight-perf-server does.

Its first line on stdout is its URI; it ends when its standard input does. What
is wrong with a stream that it is put, it says as an error.
"""

import sys
import threading

import pyarrow as pa
from pyarrow import flight

import perf_proto

SCHEMA = pa.schema([(name, pa.int64()) for name in "abcd"])


class Server(flight.FlightServerBase):
    def get_flight_info(self, context, descriptor):
        perf = perf_proto.read_perf(descriptor.command)
        streams, records, batch = perf
        if streams < 1 or records < 1 or batch < 1:
            raise flight.FlightServerError(f"no Perf: {descriptor.command!r}")
        here = f"grpc://127.0.0.1:{self.port}"
        tickets = [perf_proto.write_token(perf, i * records, (i + 1) * records) for i in range(streams)]
        return flight.FlightInfo(SCHEMA, descriptor, [flight.FlightEndpoint(t, [here]) for t in tickets], streams * records, -1)

    def do_get(self, context, ticket):
        (streams, records, size), start, end = perf_proto.read_token(ticket.ticket)
        if end - start != records:
            raise flight.FlightServerError(f"the token's range {start}..{end} is not {records} long")
        batch = pa.record_batch([pa.array(range(size), pa.int64())] * 4, schema=SCHEMA)
        rest = lambda: (batch.slice(0, min(size, records - i)) for i in range(0, records, size))
        return flight.RecordBatchStream(pa.RecordBatchReader.from_batches(SCHEMA, rest()))

    def do_put(self, context, descriptor, reader, writer):
        for chunk in reader:
            if chunk.data is None:
                raise flight.FlightServerError("a metadata-only message: arrow-flight-perf-server stops reading at it")
            if chunk.data.schema != SCHEMA:
                raise flight.FlightServerError(f"the schema {chunk.data.schema} is not a, b, c, d: int64")
            if chunk.app_metadata is not None:
                writer.write(chunk.app_metadata)

    def do_action(self, context, action):
        if action.type != "ping":
            raise NotImplementedError(action.type)
        return [b"ok"]


if __name__ == "__main__":
    server = Server("grpc://127.0.0.1:0")
    print(f"grpc://127.0.0.1:{server.port}", flush=True)
    threading.Thread(target=server.serve, daemon=True).start()
    sys.stdin.read()
    server.shutdown()
