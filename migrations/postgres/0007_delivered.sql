-- Up to when the flow records of an observation point are known to be here.
ALTER TABLE probe_interval ADD COLUMN delivered_until_ns_last bigint NOT NULL DEFAULT 0;
