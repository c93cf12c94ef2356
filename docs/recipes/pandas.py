"""Flows, bytes and losses by run, with pandas: python3 pandas.py DIR (needs pandas and pyarrow)."""
import sys

sys.path.pop(0)  # this file is called as the package that it uses
import pandas

# Arrow types keep integers whole where some values are missing.
flows = pandas.read_parquet(f"{sys.argv[1]}/flows", dtype_backend="pyarrow")
by_run = flows.groupby(flows["run"].fillna("")).agg(
    flows=("flow", "nunique"), bytes=("up.ip_bytes", "sum"), lost=("lost_packets", "sum")
)
print(by_run.to_csv(), end="")
