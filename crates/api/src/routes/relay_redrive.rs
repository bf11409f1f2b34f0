//! Putting failed deliveries back, of one tenant or of all.

use actix_web::{HttpResponse, post};
use deserr::Deserr;
use domain::{
    access::TenantRef,
    fault::{Fault, FaultCode},
    message::state::DeliveryStatus,
};
use serde::Serialize;
use serde_json::Value;
use storage::{
    outbox::{Idempotency, Submitted},
    provider::Redrive,
};
use utoipa::ToSchema;

use super::paths::IdempotencyHeader;
use crate::{
    access::ProviderAccess,
    body::{Body, DEFAULT_LIMIT, Faults, Parsed, parse_json, read_value},
    idempotency::{Key, answer},
    problem::Problem,
    wire::WireInstant,
};

/// What idempotency keys are for.
const OPERATION: &str = "relay.redrive";
/// What is put back where the caller does not say: what failed for good, and what nobody knows of.
const DEFAULT: [DeliveryStatus; 2] = [DeliveryStatus::Bounced, DeliveryStatus::OutcomeUnknown];

/// Which deliveries to put back; all that is given must hold.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct RedriveInput {
    /// Of this tenant, by id or slug; by default of all.
    #[deserr(default)]
    #[schema(example = "acme")]
    #[expect(
        dead_code,
        reason = "looked up beside the parser, so that all faults are found at once"
    )]
    tenant: Option<String>,
    /// `bounced`, `outcome_unknown`, or `deferred`, which makes the next attempt due now; by default the first two.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "bounced")]
    status: Option<Parsed<Redrivable>>,
    /// That came into this state then or later; not in the future.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "2026-01-31T12:00:00Z")]
    since: Option<Parsed<WireInstant>>,
    /// `true`: only say how many there are. Such a call keeps no key.
    #[deserr(default)]
    #[schema(example = false)]
    dry_run: Option<bool>,
}

/// A status that can be put back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Redrivable(DeliveryStatus);

impl std::str::FromStr for Redrivable {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        DeliveryStatus::REDRIVABLE
            .into_iter()
            .find(|status| status.as_str() == text)
            .map(Self)
            .ok_or_else(|| Fault::invalid("One of bounced, deferred, outcome_unknown."))
    }
}

/// What a redrive came to.
#[derive(Serialize, ToSchema)]
pub(crate) struct RedriveAnswer {
    /// Deliveries put back, or that would be. Those that expired or whose body is erased cannot be.
    #[schema(example = 42)]
    count: u64,
    /// Whether nothing was done.
    #[schema(example = false)]
    dry_run: bool,
}

/// Put failed deliveries back, due now. It is answered when all are; should it break off, the same call goes on with the
/// rest.
#[utoipa::path(
    operation_id = "relay.redrive", tag = "Relay",
    params(IdempotencyHeader),
    request_body = RedriveInput,
    responses((status = 200, description = "How many", body = RedriveAnswer))
)]
#[post("/v1/relay/redrive")]
pub(crate) async fn put_back(access: ProviderAccess, key: Key, body: Body) -> Result<HttpResponse, Problem> {
    let bytes = body.bytes("application/json", DEFAULT_LIMIT).await?;
    let key = key.read()?;
    let (redrive, dry_run) = parse(&access, parse_json(&bytes)?).await?;
    if dry_run {
        let count = access.store().count_redrive(&redrive).await?;
        return Ok(HttpResponse::Ok().json(RedriveAnswer { count, dry_run }));
    }
    let key = key.map(|key| Idempotency {
        operation: OPERATION,
        key,
        body: bytes,
        status: 200,
        location: None,
        answer: Vec::new(),
    });
    let written = |count| serde_json::to_vec(&RedriveAnswer { count, dry_run }).unwrap_or_default();
    let (stored, count) = access.store().redrive(&redrive, key, written).await?;
    if stored == Submitted::Stored {
        tracing::info!(deliveries = count, "redriven");
    }
    answer(stored, || HttpResponse::Ok().json(RedriveAnswer { count, dry_run }))
}

/// The redrive and whether it is only counted, or every fault of it.
async fn parse(access: &ProviderAccess, value: Value) -> Result<(Redrive, bool), Problem> {
    let mut faults = Vec::new();
    let tenant = named_tenant(access, &value, &mut faults).await?;
    let future = value
        .get("since")
        .and_then(Value::as_str)
        .and_then(|since| since.parse::<WireInstant>().ok())
        .is_some_and(|since| since.0 > access.api.clock.now());
    if future {
        faults.push(Fault::new(FaultCode::OutOfRange, "Must not be in the future.").at("/since"));
    }
    let input = match read_value::<RedriveInput>(value) {
        Ok(input) if faults.is_empty() => input,
        Ok(_) => return Err(Problem::invalid(faults)),
        Err(problem) => {
            faults.extend_from_slice(problem.faults());
            return Err(Problem::invalid(faults));
        }
    };
    let redrive = Redrive {
        tenant: tenant.map(|tenant| tenant.id),
        statuses: input.status.map_or_else(|| DEFAULT.to_vec(), |status| vec![status.0.0]),
        since: input.since.map(|since| since.0.0),
    };
    Ok((redrive, input.dry_run.unwrap_or_default()))
}

async fn named_tenant(
    access: &ProviderAccess,
    value: &Value,
    faults: &mut Vec<Fault>,
) -> Result<Option<TenantRef>, Problem> {
    let Some(named) = value.get("tenant").and_then(Value::as_str) else {
        return Ok(None);
    };
    let found = access.api.store.find_tenant(named).await?;
    if found.is_none() {
        faults.push(Fault::invalid("There is no such tenant.").at("/tenant"));
    }
    Ok(found)
}
