"""Compares flightbench's ends with pyarrow's, in interleaved rounds.

usage: pyarrow_bench.py serve | client OP MODE URI ROWS SECONDS | compare FLIGHTBENCH [ROUNDS [SECONDS]]

serve is a pyarrow server with RecordBatchStream and a DoPut that drops; client
is a pyarrow client of two streams that prints its bytes, seconds and CPU
seconds as JSON; compare runs both kinds of client against both kinds of server,
a few seconds each in turn, and prints medians and ratios. Batches are 4 x int64.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time

STREAMS = 2
STREAM_BYTES = 64 << 20
HERE = os.path.abspath(__file__)


def command(rows, batches):
    return json.dumps({"flightbench": 1, "workload": "perf", "rows": rows, "batches": batches}).encode()


def batches_of(rows):
    return max(64, STREAM_BYTES // (rows * 32))


def random_batches(rows):
    import pyarrow as pa

    count = min(32, max(4, STREAM_BYTES // (rows * 32)))
    columns = lambda: [pa.array(memoryview(os.urandom(8 * rows)).cast("q"), pa.int64()) for _ in "abcd"]
    return [pa.record_batch(columns(), names=list("abcd")) for _ in range(count)]


def serve():
    import pyarrow as pa
    from pyarrow import flight

    class Server(flight.FlightServerBase):
        made = {}

        def table(self, command):
            rows = json.loads(command)["rows"]
            if rows not in self.made:
                distinct = random_batches(rows)
                n = batches_of(rows)
                self.made[rows] = pa.Table.from_batches([distinct[i % len(distinct)] for i in range(n)])
            return self.made[rows]

        def get_flight_info(self, context, descriptor):
            endpoint = flight.FlightEndpoint(flight.Ticket(descriptor.command), [])
            return flight.FlightInfo(self.table(descriptor.command).schema, descriptor, [endpoint], -1, -1)

        def do_get(self, context, ticket):
            return flight.RecordBatchStream(self.table(ticket.ticket))

        def do_put(self, context, descriptor, reader, writer):
            for chunk in reader:
                if chunk.app_metadata is not None:
                    writer.write(chunk.app_metadata)

    server = Server("grpc://127.0.0.1:0")
    print(f"grpc://127.0.0.1:{server.port}", flush=True)
    threading.Thread(target=server.serve, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


def client(op, mode, uri, rows, seconds):
    from pyarrow import flight

    batches = batches_of(rows)
    connection = flight.connect(uri)
    descriptor = flight.FlightDescriptor.for_command(command(rows, batches))
    counts = [0] * STREAMS
    distinct = random_batches(rows) if op == "put" else None

    def get(i, until):
        while time.monotonic() < until:
            reader = connection.do_get(connection.get_flight_info(descriptor).endpoints[0].ticket)
            if mode == "read_all":
                counts[i] += reader.read_all().nbytes
                continue
            try:
                while True:
                    counts[i] += reader.read_chunk().data.nbytes
            except StopIteration:
                pass

    def put(i, until):
        while time.monotonic() < until:
            writer, reader = connection.do_put(descriptor, distinct[0].schema)
            for n in range(batches):
                b = distinct[n % len(distinct)]
                writer.write_batch(b)
                counts[i] += b.nbytes
            writer.done_writing()
            reader.read()
            writer.close()

    def all_streams(seconds):
        for i in range(STREAMS):
            counts[i] = 0
        start, cpu = time.monotonic(), cpu_self()
        threads = [threading.Thread(target={"get": get, "put": put}[op], args=(i, start + seconds)) for i in range(STREAMS)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return sum(counts), time.monotonic() - start, cpu_self() - cpu

    all_streams(0.5)
    n, s, cpu = all_streams(seconds)
    print(json.dumps({"bytes": n, "seconds": s, "cpu": cpu}))


def cpu_self():
    u = resource.getrusage(resource.RUSAGE_SELF)
    return u.ru_utime + u.ru_stime


def cpu_of(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def compare(flightbench, rounds=7, seconds=2.0):
    out = tempfile.mkdtemp()
    start = lambda *argv: subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    servers = {"pyarrow": start(sys.executable, HERE, "serve"), "flightbench": start(flightbench, "serve", "--listen", "grpc://127.0.0.1:0")}
    uris = {k: p.stdout.readline().strip() for k, p in servers.items()}

    def pyarrow(op, mode, server, rows):
        before = cpu_of(servers[server].pid)
        r = json.loads(subprocess.check_output([sys.executable, HERE, "client", op, mode, uris[server], str(rows), str(seconds)]))
        # The client's warm-up of half a second is in the server's CPU: its share is taken off.
        cpu = (cpu_of(servers[server].pid) - before) * r["seconds"] / (r["seconds"] + 0.5)
        return r["bytes"] / r["seconds"], r["cpu"] / r["bytes"] * 1e9, cpu / r["bytes"] * 1e9

    def ours(op, mode, server, rows):
        argv = [flightbench, "run", uris[server], "--op", op, "--rows", str(rows), "--decode", mode, "--batches", str(batches_of(rows)), "-c", str(STREAMS)]
        argv += ["--connections", "1", "-z", f"{seconds}s", "--warmup", "500ms", "--repeat", "1", "-O", "json", "-o", out, "--put-ack", "none"]
        t = json.loads(subprocess.check_output(argv, stderr=subprocess.DEVNULL))["trials"][0]["metrics"]
        return t["body_bytes_per_second"]["value"], t["client_cpu_seconds_per_gigabyte"]["value"], float("nan")

    points = [
        # what, client, op, mode, server, rows, base
        ("get 65536 pyarrow read_chunk", pyarrow, "get", "read_chunk", "pyarrow", 65536, None),
        ("get 65536 direct count", ours, "get", "count", "pyarrow", 65536, "get 65536 pyarrow read_chunk"),
        ("get 65536 direct batch", ours, "get", "batch", "pyarrow", 65536, "get 65536 pyarrow read_chunk"),
        ("get 4096 pyarrow read_all", pyarrow, "get", "read_all", "pyarrow", 4096, None),
        ("get 4096 direct count", ours, "get", "count", "pyarrow", 4096, "get 4096 pyarrow read_all"),
        ("get 4096 direct batch", ours, "get", "batch", "pyarrow", 4096, "get 4096 pyarrow read_all"),
        ("put 65536 pyarrow", pyarrow, "put", "-", "pyarrow", 65536, None),
        ("put 65536 direct", ours, "put", "count", "pyarrow", 65536, "put 65536 pyarrow"),
        ("serve 65536 pyarrow -> pyarrow", pyarrow, "get", "read_chunk", "pyarrow", 65536, None),
        ("serve 65536 embedded -> pyarrow", pyarrow, "get", "read_chunk", "flightbench", 65536, "serve 65536 pyarrow -> pyarrow"),
    ]
    got = {p[0]: [] for p in points}
    for r in range(rounds):
        for what, how, op, mode, server, rows, _ in points:
            got[what].append(how(op, mode, server, rows))
        print(f"round {r + 1}/{rounds}", file=sys.stderr)
    median = lambda what, i: statistics.median(x[i] for x in got[what])
    print(f"{'point':34} {'GB/s':>6} {'min':>6} {'max':>6} {'client s/GB':>12} {'server s/GB':>12}  x bytes/s  x client CPU  x server CPU")
    for what, *_, base in points:
        rate = [x[0] / 1e9 for x in got[what]]
        line = f"{what:34} {statistics.median(rate):6.2f} {min(rate):6.2f} {max(rate):6.2f} {median(what, 1):12.3f} {median(what, 2):12.3f}"
        if base:
            # Rounds are paired: the ratio is the median of the rounds' ratios.
            ratio = lambda i: statistics.median(a[i] / b[i] for a, b in zip(got[what], got[base]))
            line += f"  {ratio(0):9.2f}  {ratio(1):12.2f}  {ratio(2):12.2f}"
        print(line)
    for p in servers.values():
        p.terminate()


if __name__ == "__main__":
    verb, *args = sys.argv[1:]
    if verb == "serve":
        serve()
    elif verb == "client":
        client(args[0], args[1], args[2], int(args[3]), float(args[4]))
    else:
        compare(args[0], *(t(a) for t, a in zip((int, float), args[1:])))
