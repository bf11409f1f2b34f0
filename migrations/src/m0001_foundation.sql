CREATE TABLE tenants (
    id {uuid} NOT NULL PRIMARY KEY,
    slug {text} NOT NULL UNIQUE,
    name {text} NOT NULL,
    edition {text} NOT NULL CHECK (edition IN ('cloud', 'on_premises')),
    limits {text} NOT NULL,
    suspended_at {int},
    suspended_reason {text},
    version {int} NOT NULL,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL,
    UNIQUE (id, edition)
) {clustered};

CREATE TABLE sealing_keys (
    tenant_id {uuid} NOT NULL,
    version {int} NOT NULL,
    wrapped {bytes} NOT NULL,
    created_at {int} NOT NULL,
    PRIMARY KEY (tenant_id, version)
) {clustered};

CREATE TABLE signing_keys (
    kid {text} NOT NULL PRIMARY KEY,
    algorithm {text} NOT NULL,
    public_key {bytes} NOT NULL,
    private_key_sealed {bytes} NOT NULL,
    created_at {int} NOT NULL,
    retired_at {int}
) {clustered};

CREATE TABLE operator_clients (
    id {uuid} NOT NULL PRIMARY KEY,
    client_id {text} NOT NULL UNIQUE,
    name {text} NOT NULL,
    secret_hash {bytes} NOT NULL,
    previous_secret_hash {bytes},
    previous_until {int},
    created_at {int} NOT NULL,
    created_by {text} NOT NULL
) {clustered};

CREATE TABLE api_clients (
    tenant_id {uuid} NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id {uuid} NOT NULL,
    name {text} NOT NULL,
    roles {text} NOT NULL,
    secret_hash {bytes} NOT NULL,
    previous_secret_hash {bytes},
    previous_until {int},
    created_at {int} NOT NULL,
    created_by {text} NOT NULL,
    PRIMARY KEY (tenant_id, id)
) {clustered};

CREATE TABLE email_settings (
    tenant_id {uuid} NOT NULL,
    version {int} NOT NULL,
    edition {text} NOT NULL,
    from_address {text},
    from_name {text},
    send_email_method {text},
    email_server {text},
    port {int},
    security {text},
    username {text},
    password_sealed {bytes},
    ca_certificate_pem {text},
    application_secret_id {uuid},
    cloud {text},
    save_to_sent_items {int},
    updated_at {int} NOT NULL,
    updated_by {text} NOT NULL,
    PRIMARY KEY (tenant_id, version),
    FOREIGN KEY (tenant_id, edition) REFERENCES tenants (id, edition) ON DELETE CASCADE,
    CONSTRAINT a_cloud_tenant_has_no_connection CHECK (edition = 'on_premises' OR (
        edition = 'cloud' AND from_address IS NOT NULL AND from_name IS NOT NULL
        AND send_email_method IS NULL AND email_server IS NULL AND port IS NULL AND security IS NULL
        AND username IS NULL AND password_sealed IS NULL AND ca_certificate_pem IS NULL
        AND application_secret_id IS NULL AND cloud IS NULL AND save_to_sent_items IS NULL
    ))
) {heap};

CREATE TABLE routes (
    id {uuid} NOT NULL PRIMARY KEY,
    name {text} NOT NULL UNIQUE,
    email_server {text} NOT NULL,
    port {int} NOT NULL,
    security {text} NOT NULL,
    username {text},
    password_sealed {bytes},
    ca_certificate_pem {text},
    max_connections {int} NOT NULL,
    messages_per_second {int},
    priority {int} NOT NULL,
    weight {int} NOT NULL,
    paused_at {int},
    paused_reason {text},
    version {int} NOT NULL,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL
) {heap};

CREATE TABLE messages (
    tenant_id {uuid} NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id {uuid} NOT NULL,
    kind {text} NOT NULL,
    lane {int} NOT NULL,
    locale {text} NOT NULL,
    created_at {int} NOT NULL,
    expires_at {int} NOT NULL,
    send_at {int},
    supersede_key {text},
    metadata {text} NOT NULL,
    PRIMARY KEY (tenant_id, id)
) {clustered};

CREATE INDEX messages_by_supersede_key ON messages (tenant_id, kind, supersede_key, id) WHERE supersede_key IS NOT NULL;

CREATE TABLE message_bodies (
    tenant_id {uuid} NOT NULL,
    message_id {uuid} NOT NULL,
    sealed {bytes} NOT NULL,
    PRIMARY KEY (tenant_id, message_id),
    FOREIGN KEY (tenant_id, message_id) REFERENCES messages (tenant_id, id) ON DELETE CASCADE
) {heap};

CREATE TABLE deliveries (
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
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, message_id) REFERENCES messages (tenant_id, id) ON DELETE CASCADE
) {clustered};

CREATE INDEX deliveries_by_message ON deliveries (tenant_id, message_id);

CREATE INDEX deliveries_by_recipient ON deliveries (tenant_id, recipient, message_id);

CREATE INDEX deliveries_waiting ON deliveries (lane, due_at) WHERE due_at IS NOT NULL;

CREATE INDEX deliveries_expiring ON deliveries (expires_at) WHERE due_at IS NOT NULL;

CREATE INDEX deliveries_leased ON deliveries (lease_until) WHERE lease_until IS NOT NULL;

CREATE INDEX deliveries_held ON deliveries (held_by) WHERE held_by IS NOT NULL;

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

CREATE TABLE events (
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

CREATE INDEX events_by_message ON events (tenant_id, message_id, id);

CREATE TABLE idempotency_keys (
    tenant_id {uuid} NOT NULL,
    operation {text} NOT NULL,
    key_hash {bytes} NOT NULL,
    body_hash {bytes} NOT NULL,
    status {int} NOT NULL,
    location {text},
    answer {bytes} NOT NULL,
    created_at {int} NOT NULL,
    PRIMARY KEY (tenant_id, operation, key_hash)
) {heap};

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TABLE audit_entries (
    tenant_id {uuid} NOT NULL,
    id {uuid} NOT NULL,
    at {int} NOT NULL,
    actor {text} NOT NULL,
    actor_tenant_id {uuid},
    action {text} NOT NULL,
    target {text} NOT NULL,
    request_id {text},
    detail {text} NOT NULL,
    PRIMARY KEY (tenant_id, id)
) {heap};

CREATE TABLE nodes (
    id {uuid} NOT NULL PRIMARY KEY,
    name {text} NOT NULL,
    started_at {int} NOT NULL,
    heartbeat_at {int} NOT NULL
) {heap};
