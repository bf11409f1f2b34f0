CREATE TABLE passed_tests (
    tenant_id {uuid} NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    fingerprint {bytes} NOT NULL,
    passed_at {int} NOT NULL,
    PRIMARY KEY (tenant_id, fingerprint)
) {clustered};
