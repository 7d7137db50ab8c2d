"""Reads what `flightbench export` wrote, with pyarrow, and checks it against trials.jsonl.

usage: pyarrow_export.py RUN FOLDER

FOLDER holds trials, timeline and latencies, each as .csv and .parquet. Prints `ok NAME` for each file.
"""
import json
import sys

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

run, folder = sys.argv[1:]
with open(run + "/trials.jsonl") as f:
    trials = {t["id"]: t for t in map(json.loads, f)}


def expect(what, got, want):
    if got != want:
        sys.exit(f"{what} is {got!r}, want {want!r}")


def unit(table, name):
    return (table.schema.field(name).metadata or {}).get(b"unit")


def check_trials(table, typed):
    expect("rows", table.num_rows, len(trials))
    for row in table.to_pylist():
        t = trials[row["id"]]
        for name, value in t["config"].items():
            got = row["config_" + name]
            if not typed:  # a reader of CSV guesses types: nothing, "", 0 and false look alike
                got, value = (str(v or "").removesuffix(".0") for v in (got, value))
            elif name == "seed":
                value = str(value)  # it may need all of 64 bits
            expect("config_" + name, got, value)
        for name, metric in t["metrics"].items():
            expect(name, row[name], metric["value"])
        for name, latency in t["latencies"].items():
            for figure in ("count", "p50_ns", "p99_ns", "p9999_ns", "max_ns"):
                expect(f"{name}_{figure}", row[f"{name}_{figure}"], latency[figure.removesuffix("_ns")])
        expect("body_bytes", row["body_bytes"], t["bytes"]["body"])
        expect("server_body", row["server_body"], t["server"]["body"])
        expect("queries_per_second", row["queries_per_second"], None)
    if typed:
        t = next(iter(trials.values()))
        for name, metric in t["metrics"].items():
            expect("unit of " + name, unit(table, name), metric["unit"].encode() or None)
            expect("better of " + name, table.schema.field(name).metadata[b"better"], metric["better"].encode())
        expect("unit of duration", unit(table, "config_duration"), b"s")
        expect("unit of stream_p99_ns", unit(table, "stream_p99_ns"), b"ns")
        expect("type of started", table.schema.field("started").type, pa.timestamp("us", tz="UTC"))
        expect("type of config_tls_skip_verify", table.schema.field("config_tls_skip_verify").type, pa.bool_())
        expect("type of config_rows", table.schema.field("config_rows").type, pa.int64())


def check_timeline(table, typed):
    expect("rows", table.num_rows, sum(len(t["timeline"]) for t in trials.values()))
    for id, t in trials.items():
        rows = table.filter(pa.compute.equal(table["id"].cast(pa.string()), id)).to_pylist()
        for row, interval in zip(rows, t["timeline"], strict=True):
            expect("start", row["start"], interval["start"])
            expect("body_bytes", row["body_bytes"], interval["bytes"]["body"])
            for name, latency in interval.get("latencies", {}).items():
                expect(name, (row[name + "_count"], row[name + "_p99_ns"]), (latency["count"], latency["p99"]))
    if typed:
        expect("unit of wire_bytes", unit(table, "wire_bytes"), b"B")


def check_latencies(table, typed):
    counts = {}
    for row in table.to_pylist():
        key = (str(row["id"]), row["latency"])
        counts[key] = counts.get(key, 0) + row["count"]
        if not row["from_ns"] <= row["to_ns"]:
            sys.exit(f"a bucket from {row['from_ns']} to {row['to_ns']}")
    expect("samples", counts, {(id, name): l["count"] for id, t in trials.items() for name, l in t["latencies"].items()})
    if typed:
        expect("unit of from_ns", unit(table, "from_ns"), b"ns")


as_text = pyarrow.csv.ConvertOptions(column_types={"id": pa.string(), "started": pa.string()}, null_values=[""])
for name, check in {"trials": check_trials, "timeline": check_timeline, "latencies": check_latencies}.items():
    check(pyarrow.parquet.read_table(f"{folder}/{name}.parquet"), True)
    print(f"ok {name}.parquet")
    check(pyarrow.csv.read_csv(f"{folder}/{name}.csv", convert_options=as_text), False)
    print(f"ok {name}.csv")
