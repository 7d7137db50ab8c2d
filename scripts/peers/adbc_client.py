"""Query, change and fill the SQL demo of a flightbench server with ADBC's Flight
SQL driver: adbc_client.py URI [OPTION=VALUE]...

OPTION is one of the driver's database options, such as username; a VALUE of @FILE
is the file's contents. Prints "ok NAME" for each check that passes."""

import datetime
import decimal
import pathlib
import sys

import adbc_driver_flightsql.dbapi as flightsql
import adbc_driver_manager
import pyarrow as pa


def refused(call, *words):
    """The call must fail with a line that has the words, and says nothing of internals."""
    try:
        call()
    except adbc_driver_manager.Error as e:
        missing = [w for w in words if w not in str(e)]
        assert not missing, f"{e} lacks {missing}"
        return
    raise AssertionError(f"was not refused, expected {words}")


def one(cur, sql, *parameters):
    cur.execute(sql, *parameters)
    return cur.fetchone()


def count(cur, table):
    return one(cur, f"SELECT count(*) FROM {table}")[0]


def query(con, cur):
    n = count(cur, "lineitem")
    cur.execute("SELECT * FROM lineitem")
    table = cur.fetch_arrow_table()
    assert table.num_rows == n and table.num_columns == 16, (table.num_rows, table.num_columns)
    assert table.schema.field("l_quantity").type == pa.decimal128(15, 2), table.schema
    assert table.schema.field("l_shipdate").type == pa.date32(), table.schema
    assert one(cur, "SELECT r_name FROM region ORDER BY r_name LIMIT 1") == ("AFRICA",)
    cur.execute("SELECT * FROM region WHERE r_regionkey < 0")
    assert cur.fetchall() == []
    cur.execute("SELECT l_orderkey FROM lineitem")
    assert sum(b.num_rows for b in cur.fetch_record_batch()) == n


def parameters(con, cur):
    assert one(cur, "SELECT ? + ?, ?", (1, 2, "x")) == (3, "x")
    assert one(cur, "SELECT n_name FROM nation WHERE n_nationkey = ?", (7,)) == ("GERMANY",)
    assert one(cur, "SELECT count(*) FROM lineitem WHERE l_shipdate < ?", (datetime.date(1995, 1, 1),))[0] > 0
    cur.execute("SELECT r_name FROM region WHERE r_regionkey = ?", pa.record_batch({"k": [1, 3, 9]}))
    assert cur.fetchall() == [("AMERICA",), ("EUROPE",)]
    assert one(cur, "SELECT ? IS NULL", (None,)) == (1,)
    refused(lambda: cur.execute("SELECT ?, ?", (1,)), "2 parameters", "1 columns")
    cur.adbc_prepare("SELECT :a, :b")
    assert cur.adbc_prepare("SELECT :a, :b").names == [":a", ":b"]


def update(con, cur):
    cur.execute("DROP TABLE IF EXISTS adbc_update")
    cur.execute("CREATE TABLE adbc_update (id INTEGER PRIMARY KEY, name TEXT, price DECIMAL(10,2))")
    cur.executemany("INSERT INTO adbc_update VALUES (?, ?, ?)", [(1, "a", decimal.Decimal("1.10")), (2, "b", None), (3, "c", decimal.Decimal("-0.05"))])
    assert cur.rowcount in (3, -1), cur.rowcount
    cur.execute("UPDATE adbc_update SET name = ? WHERE id > ?", ("z", 1))
    cur.execute("SELECT * FROM adbc_update")
    assert cur.fetchall() == [(1, "a", decimal.Decimal("1.10")), (2, "z", None), (3, "z", decimal.Decimal("-0.05"))]
    assert cur.adbc_statement is not None
    cur.adbc_statement.set_sql_query("DELETE FROM adbc_update WHERE id < 3")
    assert cur.adbc_statement.execute_update() == 2
    refused(lambda: cur.execute("INSERT INTO adbc_update VALUES (3, 'again', 0)"), "UNIQUE")


everything = pa.table({
    "i8": pa.array([1, None, -128], pa.int8()), "i16": pa.array([1, None, -3], pa.int16()), "i32": pa.array([1, None, -3], pa.int32()),
    "i64": pa.array([1, None, -(2**63)], pa.int64()), "u8": pa.array([1, None, 255], pa.uint8()), "u64": pa.array([1, None, 2**63 - 1], pa.uint64()),
    "f32": pa.array([0.1, None, -1.5], pa.float32()), "f64": pa.array([0.1, None, 1e300], pa.float64()), "b": pa.array([True, None, False]),
    "s": pa.array(["", None, "é\0x"]), "y": pa.array([b"", None, b"\xff\0"]), "dec": pa.array([decimal.Decimal("0.05"), None, decimal.Decimal("-9999999999999.99")], pa.decimal128(15, 2)),
    "d": pa.array([datetime.date(1970, 1, 1), None, datetime.date(1, 2, 3)]), "t": pa.array([datetime.time(1, 2, 3, 4), None, datetime.time(0)], pa.time64("us")),
    "ts": pa.array([datetime.datetime(2020, 1, 2, 3, 4, 5, 6), None, datetime.datetime(1900, 1, 1)], pa.timestamp("us")),
    "tz": pa.array([1, None, -1], pa.timestamp("ns", "UTC")),
})


def ingest(con, cur):
    cur.execute("DROP TABLE IF EXISTS adbc_ingest")
    refused(lambda: cur.adbc_ingest("adbc_ingest", everything, mode="append"), "no such table")
    assert cur.adbc_ingest("adbc_ingest", everything, mode="create") == 3
    cur.execute("SELECT * FROM adbc_ingest")
    back = cur.fetch_arrow_table()
    assert back.equals(everything), f"{back.schema}\n{back.to_pylist()}\n{everything.to_pylist()}"
    refused(lambda: cur.adbc_ingest("adbc_ingest", everything, mode="create"), "exists")
    assert cur.adbc_ingest("adbc_ingest", everything.slice(0, 2), mode="append") == 2
    assert count(cur, "adbc_ingest") == 5
    assert cur.adbc_ingest("adbc_ingest", everything, mode="create_append") == 3
    assert count(cur, "adbc_ingest") == 8
    words = pa.table({"w": pa.array(["a", "b", None, "a"]).dictionary_encode(), "n": range(4)})
    assert cur.adbc_ingest("adbc_ingest", words, mode="replace") == 4
    cur.execute("SELECT w, n FROM adbc_ingest")
    assert cur.fetchall() == [("a", 0), ("b", 1), (None, 2), ("a", 3)]
    refused(lambda: cur.adbc_ingest("adbc_lists", pa.table({"l": [[1], [2]]}), mode="create"), "column l", "list")
    many = pa.table({"id": pa.array(range(100_000))})
    assert cur.adbc_ingest("adbc_many", many.to_reader(max_chunksize=10_000), mode="replace") == 100_000
    assert one(cur, "SELECT sum(id) FROM adbc_many") == (4_999_950_000,)


def transactions(con, cur):
    # Without an ingest: the driver sends none of them with its transaction.
    cur.execute("DROP TABLE IF EXISTS adbc_tx")
    cur.execute("CREATE TABLE adbc_tx (id INTEGER)")
    con.adbc_connection.set_autocommit(False)
    with con.cursor() as first:
        first.execute("INSERT INTO adbc_tx VALUES (1), (2)")
        first.executemany("INSERT INTO adbc_tx VALUES (?)", [(3,), (4,)])
        assert count(first, "adbc_tx") == 4
        con.adbc_connection.rollback()
        refused(lambda: count(first, "adbc_tx"), "prepare again") # the driver uses what it prepared in the transaction
    with con.cursor() as second:
        assert count(second, "adbc_tx") == 0
        second.execute("INSERT INTO adbc_tx VALUES (7)")
        con.adbc_connection.commit()
    con.adbc_connection.set_autocommit(True)
    assert one(cur, "SELECT id FROM adbc_tx") == (7,)


def metadata(con, cur):
    objects = con.adbc_get_objects(depth="all").read_all().to_pylist()
    assert [c["catalog_name"] for c in objects] == ["main"], objects
    tables = {t["table_name"]: t for s in objects[0]["catalog_db_schemas"] for t in s["db_schema_tables"]}
    assert {"lineitem", "nation", "region"} <= set(tables), list(tables)
    assert [c["column_name"] for c in tables["region"]["table_columns"]] == ["r_regionkey", "r_name"]
    only = con.adbc_get_objects(depth="tables", table_name_filter="na%").read_all().to_pylist()
    assert [t["table_name"] for s in only[0]["catalog_db_schemas"] for t in s["db_schema_tables"]] == ["nation"], only
    schema = con.adbc_get_table_schema("lineitem")
    assert schema.field("l_extendedprice").type == pa.decimal128(15, 2), schema
    assert con.adbc_get_table_types() == ["table", "view"]
    info = con.adbc_get_info()
    assert "SQLite" in info["vendor_name"], info


def refusals(con, cur):
    refused(lambda: cur.execute("SELEC 1"), "syntax error")
    refused(lambda: cur.execute("SELECT * FROM nowhere"), "no such table: nowhere")
    refused(lambda: cur.execute("SELECT 1; SELECT 2"), "second statement")
    refused(lambda: cur.execute("PRAGMA journal_mode = DELETE"), "not authorized")
    refused(lambda: cur.execute("ATTACH '/tmp/x.db' AS x"), "not authorized")


def main():
    options = {}
    for arg in sys.argv[2:]:
        name, value = arg.split("=", 1)
        options[name] = pathlib.Path(value[1:]).read_text() if value.startswith("@") else value
    for check in (query, parameters, update, ingest, transactions, metadata, refusals):
        with flightsql.connect(sys.argv[1], db_kwargs=options, autocommit=True) as con, con.cursor() as cur:
            check(con, cur)
        print("ok", check.__name__, flush=True)


main()
