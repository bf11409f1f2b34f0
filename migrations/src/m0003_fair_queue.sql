DROP INDEX deliveries_waiting;

CREATE INDEX deliveries_waiting ON deliveries (lane, tenant_id, due_at, expires_at, id) WHERE due_at IS NOT NULL;
