"""A pyarrow Flight server that is slow, stalls, varies and fails by amounts that are known.

usage: pyarrow_known.py [--nap SECONDS] [--burn SECONDS] [--batches N] [--vary] [--fail N] [--rate CALLS]
       [--stall-after SECONDS --stall SECONDS [--stall-info]]

Every stream is of N batches of 10 rows of an int64; with --vary batch i has
1 + 37 * i % 101 rows. Before each batch the server sleeps, or burns CPU. Each
N-th call of --fail ends with an error. With --rate a token bucket lets so many
calls a second begin. From --stall-after after the first call on, calls that come
within --stall wait for its end: gets, puts, exchanges and the action "work",
with --stall-info GetFlightInfo, too. The action "known" tells what the server
measured of itself, as JSON. Its first line on stdout is its URI; it ends when
its standard input does.
"""

import argparse
import json
import statistics
import sys
import threading
import time

import pyarrow as pa
from pyarrow import flight

SCHEMA = pa.schema([("a", pa.int64())])


def rows(i, vary):
    return 1 + 37 * i % 101 if vary else 10


class Known(flight.FlightServerBase):
    def __init__(self, asked):
        super().__init__("grpc://127.0.0.1:0")
        self.asked = asked
        self.made = [pa.record_batch([pa.array(range(rows(i, asked.vary)), pa.int64())], SCHEMA) for i in range(asked.batches)]
        self.lock = threading.Lock()
        self.first = None  # when the first call came
        self.free = 0.0  # when the bucket has its next token
        self.known = {"calls": 0, "failed": 0, "rows": 0, "batches": 0, "stalled": 0.0, "drained": 0.0, "gap": None}
        self.open = 0  # calls under way
        self.until = None  # the end of the stall
        self.gaps = []

    def enter(self, counted=True):
        """Stalls, waits for a token, fails, as was asked for."""
        now = time.monotonic()
        with self.lock:
            if self.first is None:
                self.first = now
            fails = False
            if counted:
                self.known["calls"] += 1
                fails = self.asked.fail > 0 and self.known["calls"] % self.asked.fail == 0
                self.known["failed"] += fails
            begin = self.first + self.asked.stall_after
            until = begin + self.asked.stall
            wait = until - now if begin <= now < until else 0
            if wait and not self.known["stalled"]:
                self.known["stalled"], self.until = wait, until
            self.open += 1
            if self.asked.rate:
                self.free = max(self.free, now) + 1 / self.asked.rate
                wait = max(wait, self.free - now)
        if wait:
            time.sleep(wait)
        if fails:
            self.leave()
            raise flight.FlightUnavailableError("this call fails")

    def leave(self):
        """Notes how long after the stall all that had waited were served."""
        with self.lock:
            self.open -= 1
            now = time.monotonic()
            if self.open == 0 and self.until is not None and now >= self.until and not self.known["drained"]:
                self.known["drained"] = now - self.until

    def work(self):
        """What a batch costs."""
        if self.asked.nap:
            time.sleep(self.asked.nap)
        end = time.perf_counter() + self.asked.burn
        while self.asked.burn and time.perf_counter() < end:
            pass

    def sent(self, last, n):
        now = time.monotonic()
        with self.lock:
            self.known["rows"] += n
            self.known["batches"] += 1
            if last is not None:
                self.gaps.append(now - last)
        return now

    def stream(self):
        last = None
        try:
            for batch in self.made:
                self.work()
                last = self.sent(last, batch.num_rows)
                yield batch
        finally:
            self.leave()

    def get_flight_info(self, context, descriptor):
        if self.asked.stall_info:
            self.enter(False)
            self.leave()
        return flight.FlightInfo(SCHEMA, descriptor, [flight.FlightEndpoint(b"mine", [])], -1, -1)

    def do_get(self, context, ticket):
        self.enter()
        return flight.GeneratorStream(SCHEMA, self.stream())

    def do_put(self, context, descriptor, reader, writer):
        self.enter()
        for chunk in reader:
            self.work()
            self.sent(None, chunk.data.num_rows)
            if chunk.app_metadata is not None:
                writer.write(chunk.app_metadata)
        self.leave()

    def do_exchange(self, context, descriptor, reader, writer):
        self.enter()
        begun = False
        for chunk in reader:
            self.work()
            if not begun:
                writer.begin(reader.schema)
                begun = True
            self.sent(None, chunk.data.num_rows)
            writer.write_with_metadata(chunk.data, chunk.app_metadata)
        self.leave()

    def do_action(self, context, action):
        if action.type == "work":
            self.enter()
            self.work()
            self.leave()
            return []
        if action.type == "known":
            with self.lock:
                gap = statistics.median(self.gaps) if self.gaps else None
                return [json.dumps(self.known | {"gap": gap}).encode()]
        raise NotImplementedError(action.type)


def main():
    p = argparse.ArgumentParser()
    for name in ("--nap", "--burn", "--rate", "--stall-after", "--stall"):
        p.add_argument(name, type=float, default=0.0)
    p.add_argument("--batches", type=int, default=1000)
    p.add_argument("--fail", type=int, default=0)
    p.add_argument("--vary", action="store_true")
    p.add_argument("--stall-info", action="store_true")
    server = Known(p.parse_args())
    print(f"grpc://127.0.0.1:{server.port}", flush=True)
    threading.Thread(target=server.serve, daemon=True).start()
    sys.stdin.read()
    server.shutdown()


main()
