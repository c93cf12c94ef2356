-- Records of the source up to and with the last batch of a stream: where an interrupted replay goes on whose spool is an old copy.
ALTER TABLE ingest_stream ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
