"""Does what Arrow's arrow-flight-benchmark does, and checks every number.

usage: perf_client.py URI [STREAMS [RECORDS [BATCH]]]

URI may be grpc+tls: like Arrow's client it verifies no certificate. It prints
"ok ping", "ok info", "ok get" and "ok put", and ends with 1 at the first
difference.
"""

import concurrent.futures
import sys

import pyarrow as pa
from pyarrow import flight

import perf_proto

SCHEMA = pa.schema([(name, pa.int64()) for name in "abcd"])


def check(what, got, want):
    if got != want:
        sys.exit(f"{what}: got {got}, want {want}")


def connect(uri):
    return flight.FlightClient(uri, disable_server_verification=uri.startswith("grpc+tls"))


def get(endpoint, records, batch, counts):
    """Reads an endpoint at the location that it lists, as Arrow's client does."""
    client = connect(endpoint.locations[0].uri.decode())
    sizes = []
    reader = client.do_get(endpoint.ticket)
    while True:
        try:
            chunk = reader.read_chunk()
        except StopIteration:
            break
        check("schema of a batch", chunk.data.schema, SCHEMA)
        check("nulls", sum(c.null_count for c in chunk.data.columns), 0)
        sizes.append(chunk.data.num_rows)
    whole, last = divmod(records, batch)
    check("rows of the batches", sizes, [batch] * whole + [last] * (last > 0))
    counts.append(sum(sizes))


def put(endpoint, records, batch):
    client = connect(endpoint.locations[0].uri.decode())
    data = pa.record_batch([pa.array(range(batch), pa.int64())] * 4, schema=SCHEMA)
    # Arrow's client sends an empty descriptor, and no metadata: with it, each batch is acknowledged.
    for tagged in (False, True):
        writer, reader = client.do_put(flight.FlightDescriptor.for_command(b""), SCHEMA)
        tags = []
        for i in range(0, records, batch):
            rows = data.slice(0, min(batch, records - i))
            if tagged:
                tags.append(b"%d" % i)
                writer.write_with_metadata(rows, tags[-1])
            else:
                writer.write_batch(rows)
        writer.done_writing()
        acks = []
        while (ack := reader.read()) is not None:
            acks.append(ack.to_pybytes())
        check("acknowledgements", acks, tags)
        writer.close()


def main(uri, streams=4, records=10_000, batch=4096):
    client = connect(uri)
    check("ping", [r.body.to_pybytes() for r in client.do_action(flight.Action("ping", b""))], [b"ok"])
    print("ok ping", flush=True)
    perf = (streams, records, batch)
    info = client.get_flight_info(flight.FlightDescriptor.for_command(perf_proto.write_perf(*perf)))
    check("schema", info.schema, SCHEMA)
    check("total_records", info.total_records, streams * records)
    check("total_bytes", info.total_bytes, -1)
    check("tickets", [perf_proto.read_token(e.ticket.ticket) for e in info.endpoints], [(perf, i * records, (i + 1) * records) for i in range(streams)])
    check("locations of each endpoint", {len(e.locations) for e in info.endpoints}, {1})
    print("ok info", flush=True)
    counts = []
    with concurrent.futures.ThreadPoolExecutor(streams) as pool:
        for done in [pool.submit(get, e, records, batch, counts) for e in info.endpoints]:
            done.result()
    check("records in all", sum(counts), info.total_records)
    print("ok get", flush=True)
    for endpoint in info.endpoints:
        put(endpoint, records, batch)
    print("ok put", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *(int(n) for n in sys.argv[2:]))
