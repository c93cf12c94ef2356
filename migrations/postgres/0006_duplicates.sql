-- Copies of packets that the network made.
ALTER TABLE flow_interval ADD COLUMN duplicated_packets bigint NOT NULL DEFAULT 0;
