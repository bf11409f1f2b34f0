CREATE TABLE lean_events (
    tenant_id {uuid} NOT NULL,
    message_id {uuid} NOT NULL,
    id {uuid} NOT NULL,
    delivery_id {uuid},
    type {text} NOT NULL,
    at {int} NOT NULL,
    detail {text} NOT NULL,
    PRIMARY KEY (tenant_id, message_id, id)
) {clustered};

INSERT INTO lean_events (tenant_id, message_id, id, delivery_id, type, at, detail)
    SELECT tenant_id, message_id, id, delivery_id, type, at, detail FROM events
    WHERE type <> 'accepted';

DROP TABLE events;

ALTER TABLE lean_events RENAME TO events;

DROP TABLE attempts;

CREATE TABLE attempts (
    tenant_id {uuid} NOT NULL,
    message_id {uuid} NOT NULL,
    delivery_id {uuid} NOT NULL,
    epoch {int} NOT NULL,
    node_id {uuid},
    started_at {int} NOT NULL,
    ended_at {int} NOT NULL,
    outcome {text} NOT NULL,
    event_type {text},
    detail {text} NOT NULL,
    PRIMARY KEY (tenant_id, message_id, delivery_id, epoch)
) {clustered};

CREATE TABLE lean_deliveries (
    tenant_id {uuid} NOT NULL,
    id {uuid} NOT NULL,
    message_id {uuid} NOT NULL,
    lane {int} NOT NULL,
    kind {text} NOT NULL,
    recipient {text} NOT NULL,
    recipient_name {text},
    message_id_domain {text} NOT NULL,
    status {text} NOT NULL,
    due_at {int},
    expires_at {int} NOT NULL,
    attempts {int} NOT NULL,
    unknowns {int} NOT NULL,
    lease_epoch {int} NOT NULL,
    lease_until {int},
    lease_node {uuid},
    dot_at {int},
    held_by {text},
    last_error {text},
    updated_at {int} NOT NULL,
    sent_by {text},
    PRIMARY KEY (tenant_id, message_id, id)
) {clustered};

INSERT INTO lean_deliveries (tenant_id, id, message_id, lane, kind, recipient, recipient_name, message_id_domain, status, due_at,
    expires_at, attempts, unknowns, lease_epoch, lease_until, lease_node, dot_at, held_by, last_error, updated_at)
    SELECT tenant_id, id, message_id, lane, kind, recipient, recipient_name, message_id_domain, status, due_at,
    expires_at, attempts, unknowns, lease_epoch, lease_until, lease_node, dot_at, held_by, last_error, updated_at
    FROM deliveries;

DROP TABLE deliveries;

ALTER TABLE lean_deliveries RENAME TO deliveries;

CREATE TABLE lean_messages (
    tenant_id {uuid} NOT NULL,
    id {uuid} NOT NULL,
    kind {text} NOT NULL,
    lane {int} NOT NULL,
    locale {text} NOT NULL,
    created_at {int} NOT NULL,
    expires_at {int} NOT NULL,
    send_at {int},
    supersede_key {text},
    metadata {text} NOT NULL,
    sealed {bytes},
    PRIMARY KEY (tenant_id, id)
) {clustered};

INSERT INTO lean_messages (tenant_id, id, kind, lane, locale, created_at, expires_at, send_at, supersede_key, metadata, sealed)
    SELECT m.tenant_id, m.id, m.kind, m.lane, m.locale, m.created_at, m.expires_at, m.send_at, m.supersede_key, m.metadata,
    b.sealed FROM messages m LEFT JOIN message_bodies b ON b.tenant_id = m.tenant_id AND b.message_id = m.id;

DROP TABLE message_bodies;

DROP TABLE messages;

ALTER TABLE lean_messages RENAME TO messages;

CREATE INDEX messages_by_supersede_key ON messages (tenant_id, kind, supersede_key, id) WHERE supersede_key IS NOT NULL;

CREATE INDEX deliveries_by_recipient ON deliveries (recipient, tenant_id);

CREATE INDEX deliveries_waiting ON deliveries (lane, tenant_id, due_at, expires_at, id) WHERE due_at IS NOT NULL;

CREATE INDEX deliveries_expiring ON deliveries (expires_at) WHERE due_at IS NOT NULL;

CREATE INDEX deliveries_leased ON deliveries (lease_until) WHERE lease_until IS NOT NULL;

CREATE INDEX deliveries_held ON deliveries (held_by) WHERE held_by IS NOT NULL;

CREATE INDEX deliveries_set_aside ON deliveries (status, tenant_id, id)
    WHERE status IN ('scheduled', 'deferred', 'bounced', 'outcome_unknown');

ALTER TABLE nodes ADD COLUMN sent_last_minute {int};
