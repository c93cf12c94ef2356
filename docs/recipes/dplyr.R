# Flows, bytes and losses by run, with R: Rscript dplyr.R DIR (needs the packages arrow and dplyr).
library(dplyr)
dir <- commandArgs(trailingOnly = TRUE)[1]
arrow::read_parquet(file.path(dir, "flows.parquet")) |>
  group_by(run) |>
  summarise(flows = n_distinct(flow), bytes = sum(`up.ip_bytes`), lost = sum(lost_packets, na.rm = TRUE)) |>
  print()
