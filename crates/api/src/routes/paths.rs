//! What stands in paths, for the document; handlers read the values by name.
#![expect(dead_code, reason = "only the document reads these fields")]

use utoipa::IntoParams;

/// Below a tenant.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct TenantPath {
    /// A tenant's id or slug.
    #[param(example = "acme")]
    tenant: String,
}

/// A thing of a tenant: a message, a client.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct TenantItemPath {
    /// A tenant's id or slug.
    #[param(example = "acme")]
    tenant: String,
    /// The id of the thing, a UUID.
    #[param(example = "0198a5c5-5d5e-7000-8000-3c4d5e6f7a8b")]
    id: String,
}

/// A version of a tenant's email settings.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct VersionPath {
    /// A tenant's id or slug.
    #[param(example = "acme")]
    tenant: String,
    /// The number of the version.
    #[param(value_type = i64, example = 1)]
    n: String,
}

/// A thing of the provider: a route, a client.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ItemPath {
    /// The id of the thing, a UUID.
    #[param(example = "0198a5c5-5d5e-7000-8000-3c4d5e6f7a8b")]
    id: String,
}

/// What makes a submission repeatable.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct IdempotencyHeader {
    /// The same key with the same body gets the first answer again for 24 hours; at most 255 characters.
    #[param(rename = "Idempotency-Key", example = "order-42")]
    idempotency_key: Option<String>,
}
