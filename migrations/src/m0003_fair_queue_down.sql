DROP TABLE daily_usage;

DROP INDEX deliveries_waiting;

CREATE INDEX deliveries_waiting ON deliveries (lane, due_at) WHERE due_at IS NOT NULL;
