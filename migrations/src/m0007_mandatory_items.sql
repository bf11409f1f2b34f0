CREATE TABLE mandatory_items (
    tenant_id {uuid} NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    item {text} NOT NULL,
    set_at {int} NOT NULL,
    set_by {text} NOT NULL,
    PRIMARY KEY (tenant_id, item)
) {clustered};
