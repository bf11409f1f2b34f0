CREATE TABLE deleted_tenants (
    tenant_id {uuid} NOT NULL PRIMARY KEY,
    deleted_at {int} NOT NULL
) {clustered};
