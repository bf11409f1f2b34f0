ALTER TABLE nodes DROP COLUMN sent_last_minute;

DROP TABLE attempts;

ALTER TABLE deliveries DROP COLUMN sent_by;

CREATE UNIQUE INDEX deliveries_by_id ON deliveries (tenant_id, id);

CREATE TABLE attempts (
    tenant_id {uuid} NOT NULL,
    delivery_id {uuid} NOT NULL,
    epoch {int} NOT NULL,
    node_id {uuid} NOT NULL,
    started_at {int} NOT NULL,
    ended_at {int},
    outcome {text},
    route_id {uuid},
    server {text},
    stage {text},
    reply_code {int},
    reply_enhanced {text},
    reply_text {text},
    error {text},
    tls_version {text},
    duration_ms {int},
    PRIMARY KEY (tenant_id, delivery_id, epoch),
    FOREIGN KEY (tenant_id, delivery_id) REFERENCES deliveries (tenant_id, id) ON DELETE CASCADE
) {clustered};

CREATE TABLE full_events (
    tenant_id {uuid} NOT NULL,
    id {uuid} NOT NULL,
    message_id {uuid} NOT NULL,
    delivery_id {uuid},
    type {text} NOT NULL,
    at {int} NOT NULL,
    detail {text} NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, message_id) REFERENCES messages (tenant_id, id) ON DELETE CASCADE
) {clustered};

INSERT INTO full_events (tenant_id, id, message_id, delivery_id, type, at, detail)
    SELECT tenant_id, id, message_id, delivery_id, type, at, detail FROM events;

DROP TABLE events;

ALTER TABLE full_events RENAME TO events;

CREATE INDEX events_by_message ON events (tenant_id, message_id, id);

CREATE TABLE message_bodies (
    tenant_id {uuid} NOT NULL,
    message_id {uuid} NOT NULL,
    sealed {bytes} NOT NULL,
    PRIMARY KEY (tenant_id, message_id),
    FOREIGN KEY (tenant_id, message_id) REFERENCES messages (tenant_id, id) ON DELETE CASCADE
) {heap};

INSERT INTO message_bodies (tenant_id, message_id, sealed) SELECT tenant_id, id, sealed FROM messages WHERE sealed IS NOT NULL;

ALTER TABLE messages DROP COLUMN sealed;

CREATE INDEX deliveries_by_message ON deliveries (tenant_id, message_id);
