"""Reads, puts and exchanges every workload with a flightbench server.

usage: pyarrow_client.py URI WORKLOAD[,WORKLOAD...] [COMPRESSION,...]

Prints a line for each combination and ends with 1 at the first difference. What
it puts is what it read, with decode=verify in the descriptor: the server itself
compares that with its generator.
"""

import json
import sys

import pyarrow as pa
from pyarrow import flight, ipc

ROWS, BATCHES = 1000, 7


def command(workload, compression, **more):
    return json.dumps(
        {"flightbench": 1, "workload": workload, "rows": ROWS, "distinct": 3, "batches": BATCHES, "compression": compression, **more}
    ).encode()


def check(what, got, want):
    if got != want:
        sys.exit(f"{what}: got {got}, want {want}")


def options(compression):
    codec = None if compression == "none" else compression.split(":")[0]
    return flight.FlightCallOptions(write_options=ipc.IpcWriteOptions(compression=codec))


def get(client, workload, compression):
    descriptor = flight.FlightDescriptor.for_command(command(workload, compression, endpoints=2))
    info = client.get_flight_info(descriptor)
    check("endpoints", len(info.endpoints), 2)
    check("schema", client.get_schema(descriptor).schema, info.schema)
    tables = [client.do_get(e.ticket).read_all() for e in info.endpoints]
    for t in tables:
        t.validate(full=True)
        check("rows", t.num_rows, ROWS * BATCHES)
    check("total_records", info.total_records, sum(t.num_rows for t in tables))
    batches = [c.data for c in client.do_get(info.endpoints[0].ticket)]
    check("batches", len(batches), BATCHES)
    return info.schema, batches


def put(client, workload, compression, schema, batches):
    descriptor = flight.FlightDescriptor.for_command(command(workload, compression, decode="verify"))
    writer, reader = client.do_put(descriptor, schema, options(compression))
    for i, b in enumerate(batches):
        writer.write_with_metadata(b, b"batch %d" % i)
    writer.done_writing()
    for i in range(len(batches)):
        check("ack", reader.read().to_pybytes(), b"batch %d" % i)
    check("end of acks", reader.read(), None)
    writer.close()


def exchange(client, workload, compression, schema, batches):
    descriptor = flight.FlightDescriptor.for_command(command(workload, compression))
    writer, reader = client.do_exchange(descriptor, options(compression))
    with writer:
        writer.begin(schema, options=ipc.IpcWriteOptions(compression=None if compression == "none" else compression.split(":")[0]))
        for i, b in enumerate(batches):
            writer.write_with_metadata(b, b"%d" % i)
            chunk = reader.read_chunk()
            check("echoed metadata", chunk.app_metadata.to_pybytes(), b"%d" % i)
            check(f"echo of batch {i}", chunk.data.equals(b), True)
        writer.done_writing()


def main(uri, workloads, compressions):
    client = flight.connect(uri)
    for workload in workloads:
        for compression in compressions:
            schema, batches = get(client, workload, compression)
            put(client, workload, compression, schema, batches)
            exchange(client, workload, compression, schema, batches)
            print(f"ok {workload} {compression} {sum(b.num_rows for b in batches)} rows", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2].split(","), (sys.argv[3] if len(sys.argv) > 3 else "none,lz4,zstd").split(","))
