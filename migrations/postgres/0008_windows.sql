-- Indexes on what windows ask for: when a row begins and when it ends. Those on a column alone were never used. Collectors
-- tell the index what came: autosummarize has room for 256 ranges a minute, and whatever is more is read row by row.
DO $$
DECLARE
    life CONSTANT text := '(CASE interval_ns WHEN 0 THEN first_ns ELSE start_ns END), '
        '(CASE interval_ns WHEN 0 THEN last_ns + 1 ELSE start_ns + interval_ns END)';
    spell CONSTANT text := 'start_ns, '
        '(CASE interval_ns WHEN 0 THEN 9223372036854775807 ELSE start_ns + interval_ns END)';
    instant CONSTANT text := 'at_ns, (at_ns + 1)';
    part record;
    old regclass;
BEGIN
    FOR part IN
        SELECT i.inhrelid::regclass AS name, p.relname AS parent
        FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent
        WHERE p.oid IN ('flow_interval'::regclass, 'probe_interval'::regclass, 'path_marks'::regclass,
            'socket_sample'::regclass, 'loss_report'::regclass, 'stream_interval'::regclass)
    LOOP
        FOR old IN
            SELECT x.indexrelid::regclass FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
            JOIN pg_am a ON a.oid = c.relam WHERE x.indrelid = part.name AND a.amname = 'brin'
        LOOP
            EXECUTE format('DROP INDEX %s', old);
        END LOOP;
        EXECUTE format('CREATE INDEX ON %s USING brin (%s) WITH (pages_per_range = 128)', part.name,
            CASE part.parent WHEN 'flow_interval' THEN life
                WHEN 'socket_sample' THEN instant WHEN 'loss_report' THEN instant ELSE spell END);
    END LOOP;
END $$;
