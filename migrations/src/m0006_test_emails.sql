CREATE TABLE test_emails (
    tenant_id {uuid} NOT NULL PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
    day {int} NOT NULL,
    today {int} NOT NULL,
    minute_began_at {int} NOT NULL,
    in_minute {int} NOT NULL
) {clustered};
