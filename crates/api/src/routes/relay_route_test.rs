//! The test email of a route: one smarthost of the shared relay, tried alone, also while it is paused.

use actix_web::{HttpRequest, HttpResponse, post, web};
use deserr::Deserr;
use domain::{
    access::ProviderScope,
    address::EmailAddress,
    branding::{EffectiveFrom, FromReason, Mailbox, Provider},
    connection::Route,
    ids::{Id, RouteId},
};
use relay::probe::{Report, SettingsTested, Test, Way};
use utoipa::ToSchema;

use super::{
    paths::ItemPath,
    relay_routes::route_id,
    test_answer::{TestBody, ended, run},
};
use crate::{
    Api,
    access::ProviderAccess,
    body::{Body, Faults, Parsed},
    problem::{Code, Problem},
};

/// Where a route's test email goes.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = RouteTestEmail)]
pub(crate) struct RouteTestInput {
    /// The recipient; what the mail says is fixed.
    #[schema(value_type = String, example = "ops@relay.example", max_length = 254)]
    to: Parsed<EmailAddress>,
}

/// Send a test email over a route, from the provider's own address. The answer is 200 whenever the test ran, also when it failed.
/// With `Accept: text/event-stream` each step is sent as the event `step` when it ends, and the whole answer as the event `result`
/// last.
#[utoipa::path(
    operation_id = "relayRoutes.test", tag = "Relay",
    params(ItemPath),
    request_body = RouteTestInput,
    responses(
        (status = 200, description = "How it went", content((TestBody = "application/json"), (String = "text/event-stream")))
    )
)]
#[post("/v1/relay/routes/{id}/test")]
pub(crate) async fn test(
    access: ProviderAccess,
    id: web::Path<String>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let input: RouteTestInput = body.read().await?;
    let route = access.store().route(route_id(&id)?).await?;
    let id = route.id;
    access.store().begin_route_test(id, &input.to.0).await?;
    let test = test_of(&access, route, input.to.0)?;
    let api = access.api.clone();
    let ProviderAccess { api: kept, scope } = access;
    run(&api, &request, test, move |report| conclude(kept, scope, id, report)).await
}

fn test_of(access: &ProviderAccess, route: Route, to: EmailAddress) -> Result<Test, Problem> {
    let provider = &access.api.provider;
    Ok(Test {
        id: Id::generate(&*access.api.ids),
        // Nobody's: what is told of a tenant is told of the provider.
        tenant: Id::new(uuid::Uuid::nil()),
        tenant_name: provider.name.to_string(),
        asked_by: access.scope.actor().subject.clone(),
        settings: SettingsTested::Saved(route.version),
        from: from(provider)?,
        to,
        at: access.api.clock.now(),
        way: Way::Route(Box::new(route)),
    })
}

fn from(provider: &Provider) -> Result<EffectiveFrom, Problem> {
    let address = EmailAddress::of("no-reply", provider.relay_domain.clone());
    Ok(EffectiveFrom {
        from: Mailbox {
            address: address.map_err(|_| Problem::plain(Code::Internal))?,
            name: Some(provider.name.clone()),
        },
        reply_to: None,
        reason: FromReason::Fallback,
    })
}

/// Tells the audit log of the end; the report is the answer whatever becomes of that.
async fn conclude(api: web::Data<Api>, scope: ProviderScope, id: RouteId, report: Report) -> Report {
    let told = api.store.provider(&scope).end_route_test(id, &ended(&report)).await;
    if let Err(error) = told {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "the end of a route's test could not be written down"
        );
    }
    report
}
