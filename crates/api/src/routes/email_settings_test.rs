//! The test email: settings are tried before they are saved, by the way that mail would take with them.

use actix_web::{HttpRequest, HttpResponse, post};
use deserr::Deserr;
use domain::{
    access::Standing,
    address::EmailAddress,
    connection::{Connection, EmailSettings},
    ids::Id,
};
use relay::probe::{Report, SettingsTested, Test, Way};
use serde_json::Value;
use storage::{StoreError, tenant::TestBegun};
use utoipa::ToSchema;

use super::{
    email_settings::{SettingsInput, body_limit, effective_from, parse_candidate},
    paths::TenantPath,
    test_answer::{TestBody, ended, run},
};
use crate::{
    access::{Access, may},
    body::{Body, Faults, Parsed, parse_json, read_value},
    problem::{Code, Problem},
};

/// How long a tenant should wait before it asks again for a relay that has no route.
const NO_ROUTE_AGAIN: std::time::Duration = std::time::Duration::from_mins(1);

/// What to test.
#[derive(ToSchema)]
#[schema(as = TestEmail)]
#[expect(dead_code, reason = "describes the body for the document; its parts are read apart")]
pub(crate) struct TestInput {
    /// Where the mail goes; what it says is fixed.
    #[schema(example = "pam.admin@globex.example", max_length = 254)]
    to: String,
    /// The settings to test, as they would be saved; absent: those in force. A stored password is used only while every field
    /// that decides where it is sent is unchanged.
    settings: Option<SettingsInput>,
}

/// The part of the body that is not settings.
#[derive(Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
struct Addressed {
    to: Parsed<EmailAddress>,
}

/// What is left of a body once it was found right.
struct Asked {
    to: EmailAddress,
    settings: EmailSettings,
    tested: SettingsTested,
}

/// Send a test email with these settings, or with those in force; nothing is saved. The answer is 200 whenever the test ran,
/// also when it failed. With `Accept: text/event-stream` each step is sent as the event `step` when it ends, and the whole answer
/// as the event `result` last.
#[utoipa::path(
    operation_id = "emailSettings.test", tag = "Email settings",
    params(TenantPath),
    request_body = TestInput,
    responses(
        (status = 200, description = "How it went", content((TestBody = "application/json"), (String = "text/event-stream"))),
        (status = 409, description = "Nothing is configured yet"),
        (status = 429, description = "The tenant's test emails of this minute or day are used up")
    )
)]
#[post("/v1/tenants/{tenant}/email-settings/test")]
pub(crate) async fn test(
    access: Access<may::WriteSettings>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, Problem> {
    if access.scope.standing() == Standing::Suspended {
        return Err(Problem::plain(Code::TenantSuspended));
    }
    let limit = body_limit(access.scope.edition());
    let body = parse_json(&body.bytes("application/json", limit).await?)?;
    let asked = ask(&access, body).await?;
    let test = begin(&access, &asked).await?;
    let api = access.api.clone();
    run(&api, &request, test, move |report| {
        conclude(access, asked.settings, report)
    })
    .await
}

/// Reads the body: every fault of it is named, those of the settings below `/settings`.
async fn ask<P>(access: &Access<P>, mut body: Value) -> Result<Asked, Problem> {
    let given = body.as_object_mut().and_then(|body| body.remove("settings"));
    let given = given.filter(|settings| !settings.is_null());
    let is_candidate = given.is_some();
    let addressed = read_value::<Addressed>(body);
    let settings = parse_candidate(access, given).await;
    let (addressed, settings) = match (addressed, settings) {
        (Ok(addressed), Ok(settings)) => (addressed, settings),
        (Err(both), Err(settings)) if settings.code() == Code::ValidationFailed => {
            return Err(Problem::invalid([both.faults(), settings.faults()].concat()));
        }
        (_, Err(refused)) | (Err(refused), Ok(_)) => return Err(refused),
    };
    let version = access.store().email_settings().await?.version;
    Ok(Asked {
        to: addressed.to.0,
        settings,
        tested: if is_candidate {
            SettingsTested::Candidate { based_on: version }
        } else {
            SettingsTested::Saved(version)
        },
    })
}

/// Counts the test and makes it ready to run.
async fn begin<P>(access: &Access<P>, asked: &Asked) -> Result<Test, Problem> {
    let branding = asked
        .settings
        .branding()
        .ok_or_else(|| Problem::plain(Code::EmailNotConfigured))?;
    let way = way(access, &asked.settings).await?;
    let begun = TestBegun {
        to: asked.to.clone(),
        over: described(&way),
        saved: match asked.tested {
            SettingsTested::Saved(version) => Some(version),
            SettingsTested::Candidate { .. } => None,
        },
    };
    let tenant_name = access.store().begin_test(&begun).await.map_err(too_many)?;
    Ok(Test {
        id: Id::generate(&*access.api.ids),
        tenant: access.scope.id(),
        tenant_name,
        asked_by: access.scope.actor().subject.clone(),
        settings: asked.tested,
        from: effective_from(access, branding),
        to: asked.to.clone(),
        at: access.api.clock.now(),
        way,
    })
}

/// The way that mail with these settings takes.
async fn way<P>(access: &Access<P>, settings: &EmailSettings) -> Result<Way, Problem> {
    match settings {
        EmailSettings::Cloud { .. } => match access.store().relay_routes().await? {
            routes if routes.is_empty() => {
                let problem = Problem::new(
                    Code::Unavailable,
                    "The provider's relay has no route that may be used now.",
                );
                Err(problem.after(NO_ROUTE_AGAIN))
            }
            routes => Ok(Way::Shared(routes)),
        },
        EmailSettings::OnPremises { connection, .. } => match connection {
            Some(connection) => Ok(Way::Own(Box::new(connection.clone()))),
            None => Err(Problem::plain(Code::EmailNotConfigured)),
        },
    }
}

fn described(way: &Way) -> String {
    match way {
        Way::Shared(_) => "the shared relay".to_owned(),
        Way::Route(route) => format!("the route {}", route.name),
        Way::Own(connection) => match connection.as_ref() {
            Connection::Smtp(server) => format!("{}, port {}", server.host, server.port),
            Connection::O365(_) => "Microsoft Graph".to_owned(),
        },
    }
}

/// The store speaks of messages where it says that a rate is reached.
fn too_many(error: StoreError) -> Problem {
    let StoreError::RateLimited { retry_after } = error else {
        return error.into();
    };
    Problem::new(
        Code::RateLimited,
        "The tenant sends more test emails a minute than it may; try again later.",
    )
    .after(retry_after)
}

/// Remembers a test that passed, and tells the audit log of its end. The report is the answer whatever becomes of that.
async fn conclude<P>(access: Access<P>, settings: EmailSettings, report: Report) -> Report {
    let store = access.store();
    let noted = async {
        store.end_test(&ended(&report)).await?;
        if report.is_accepted() {
            store.note_passed_test(&settings).await?;
        }
        Ok::<(), StoreError>(())
    };
    if let Err(error) = noted.await {
        tracing::error!(
            tenant.id = %access.scope.id(),
            error = &error as &dyn std::error::Error,
            "the end of a test email could not be written down"
        );
    }
    report
}
