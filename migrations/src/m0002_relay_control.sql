CREATE TABLE relay_state (
    id {int} NOT NULL PRIMARY KEY CHECK (id = 1),
    paused_at {int},
    paused_reason {text},
    version {int} NOT NULL
) {clustered};

INSERT INTO relay_state (id, version) VALUES (1, 1);

CREATE TABLE preferences (
    tenant_id {uuid} NOT NULL PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
    brand_name {text},
    accent_color {text},
    code_in_subject {int} NOT NULL CHECK (code_in_subject IN (0, 1)),
    retention_days {int} NOT NULL,
    on_outcome_unknown {text} NOT NULL CHECK (on_outcome_unknown IN ('resend', 'hold')),
    version {int} NOT NULL,
    updated_at {int} NOT NULL,
    updated_by {text} NOT NULL
) {clustered};

ALTER TABLE nodes ADD COLUMN routes_health {text};

CREATE INDEX deliveries_set_aside ON deliveries (status, tenant_id, id)
    WHERE status IN ('scheduled', 'deferred', 'bounced', 'outcome_unknown');
