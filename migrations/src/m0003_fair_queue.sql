DROP INDEX deliveries_waiting;

CREATE INDEX deliveries_waiting ON deliveries (lane, tenant_id, due_at, expires_at, id) WHERE due_at IS NOT NULL;

CREATE TABLE daily_usage (
    tenant_id {uuid} NOT NULL PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
    day {int} NOT NULL,
    messages {int} NOT NULL
) {clustered};
