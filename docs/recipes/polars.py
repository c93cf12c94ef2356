"""Flows, bytes and losses by run, with polars: python3 polars.py DIR."""
import sys

sys.path.pop(0)  # this file is called as the package that it uses
import polars

flows = polars.read_parquet(f"{sys.argv[1]}/flows/**/*.parquet", hive_partitioning=True)
by_run = flows.group_by(polars.col("run").fill_null("")).agg(
    flows=polars.col("flow").n_unique(), bytes=polars.col("up.ip_bytes").sum(), lost=polars.col("lost_packets").sum()
)
print(by_run.sort("run").write_csv(), end="")
