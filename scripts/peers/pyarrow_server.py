"""A pyarrow Flight server that keeps what is put and gives it back.

The key of a stream is its descriptor's command, of which the members that say
how to send it (compression, batches, endpoints, start, decode) are left out,
so that what was put is found whatever codec it is asked for with. It answers
for a descriptor that nobody has put with NOT_FOUND. Its first line on stdout is
its URI; it ends when its standard input does.
"""

import json
import sys
import threading

import pyarrow as pa
from pyarrow import flight, ipc

SENDING = ("compression", "batches", "endpoints", "start", "decode")


def key(command):
    ticket = json.loads(command)
    return json.dumps({k: v for k, v in ticket.items() if k not in SENDING}, sort_keys=True)


class Store(flight.FlightServerBase):
    def __init__(self, location):
        super().__init__(location)
        self.streams = {}

    def _find(self, command):
        try:
            return self.streams[key(command)]
        except KeyError:
            raise flight.FlightServerError(f"nothing was put under {command!r}") from None

    def get_flight_info(self, context, descriptor):
        schema, batches = self._find(descriptor.command)
        endpoint = flight.FlightEndpoint(flight.Ticket(descriptor.command), [])
        return flight.FlightInfo(schema, descriptor, [endpoint], -1, -1)

    def do_get(self, context, ticket):
        schema, batches = self._find(ticket.ticket)
        asked = json.loads(ticket.ticket)
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
        self.streams[key(descriptor.command)] = (reader.schema, batches)

    def do_exchange(self, context, descriptor, reader, writer):
        begun = False
        for chunk in reader:
            if not begun:
                writer.begin(reader.schema)
                begun = True
            if chunk.app_metadata is None:
                writer.write_batch(chunk.data)
            else:
                writer.write_with_metadata(chunk.data, chunk.app_metadata)


if __name__ == "__main__":
    server = Store("grpc://127.0.0.1:0")
    print(f"grpc://127.0.0.1:{server.port}", flush=True)
    threading.Thread(target=server.serve, daemon=True).start()
    sys.stdin.read()
    server.shutdown()
