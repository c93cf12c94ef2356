# Flows, bytes and losses by run, with R and no package: Rscript base.R DIR (an export with --format csv).
dir <- commandArgs(trailingOnly = TRUE)[1]
# Labels stay text, and names keep their dots. Numbers are exact up to 2^53: read times in ns as character where the last ones count.
flows <- read.csv(file.path(dir, "flows.csv"), check.names = FALSE, colClasses = c(run = "character", flow = "character"))
flows$lost_packets[is.na(flows$lost_packets)] <- 0
sums <- aggregate(flows[c("up.ip_bytes", "lost_packets")], flows["run"], sum)
counts <- aggregate(flows["flow"], flows["run"], function(ids) length(unique(ids)))
cat("run,flows,bytes,lost\n")
cat(sprintf("%s,%d,%.0f,%.0f\n", sums$run, counts$flow, sums$up.ip_bytes, sums$lost_packets), sep = "")
