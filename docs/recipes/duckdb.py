"""Flows, bytes and losses by run, with DuckDB's SQL: python3 duckdb.py DIR."""
import sys

sys.path.pop(0)  # this file is called as the package that it uses
import duckdb

rows = duckdb.execute(
    """select coalesce(run, '') as run, count(distinct flow) as flows,
              sum("up.ip_bytes") as bytes, sum(lost_packets) as lost
       from read_parquet(?, hive_partitioning = true, hive_types = {'run': varchar}) group by all order by all""",
    [f"{sys.argv[1]}/flows/**/*.parquet"],
).fetchall()
print("run,flows,bytes,lost")
for row in rows:
    print(*(int(v) if not isinstance(v, str) else v for v in row), sep=",")
