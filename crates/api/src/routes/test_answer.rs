//! What a test email answers: whole, or step by step as server-sent events.
//!
//! A test runs on when its caller leaves: what was begun is written to its end, and its outcome to the audit log.

use std::future::Future;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    rt,
    web::{Bytes, Data},
};
use futures_util::stream;
use relay::probe::{Failure, Report, Step, Test};
use serde::Serialize;
use storage::tenant::TestEnded;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use utoipa::ToSchema;

use crate::{
    Api,
    envelope::request_id_of,
    problem::{Code, Problem},
};

/// How a test email went.
#[derive(Serialize, ToSchema)]
#[schema(as = TestAnswer)]
pub(crate) struct TestBody {
    /// `accepted`: the next server took the mail; or `failed`.
    #[schema(example = "failed")]
    outcome: &'static str,
    /// Every step in order, those not reached as `skipped`.
    steps: Vec<StepBody>,
    /// Why it failed; null where it did not.
    failure: Option<FailureBody>,
    /// The mail's Message-ID, to find it in a server's log.
    #[schema(example = "<0198a5c5-5d5e-7000-8000-3c4d5e6f7a8b@globex.example>")]
    message_id: String,
    /// What was said: `C: ` by us, `S: ` by the server. Credentials are left out.
    #[schema(example = json!(["S: 220 smtp.globex.example ESMTP", "C: EHLO relay.example", "C: AUTH PLAIN [redacted]"]))]
    transcript: Vec<String>,
}

/// A step of a test email.
#[derive(Serialize, ToSchema)]
#[schema(as = TestStep)]
pub(crate) struct StepBody {
    /// Over SMTP `resolve`, `connect`, `greeting`, `tls`, `authenticate`, `mail_from`, `rcpt_to`, `data`; through O365 `secret`,
    /// `token`, `permission`, `send`.
    #[schema(example = "authenticate")]
    name: &'static str,
    /// `ok`, `warning`, `failed` or `skipped`.
    #[schema(example = "failed")]
    status: &'static str,
    /// How long it took.
    #[schema(example = 12)]
    duration_ms: u64,
    /// One plain sentence.
    #[schema(example = "The server refused: 535 5.7.8 Error: authentication failed")]
    detail: String,
}

/// Why a test email failed.
#[derive(Serialize, ToSchema)]
#[schema(as = TestFailure)]
pub(crate) struct FailureBody {
    /// The step that failed.
    #[schema(example = "authenticate")]
    step: &'static str,
    /// What kind of failure it is.
    #[schema(example = "authentication_failed")]
    code: &'static str,
    /// The cause, what to do, and who has to.
    #[schema(
        example = "The server does not accept this user name and password. Give both again. You can mend this in the email settings."
    )]
    hint: String,
}

impl From<Report> for TestBody {
    fn from(report: Report) -> Self {
        Self {
            outcome: report.outcome(),
            steps: report.steps.into_iter().map(StepBody::from).collect(),
            failure: report.failure.map(FailureBody::from),
            message_id: report.message_id,
            transcript: report.transcript,
        }
    }
}

impl From<Step> for StepBody {
    fn from(step: Step) -> Self {
        Self {
            name: step.name.as_str(),
            status: step.status.as_str(),
            duration_ms: u64::try_from(step.took.as_millis()).unwrap_or(u64::MAX),
            detail: step.detail,
        }
    }
}

impl From<Failure> for FailureBody {
    fn from(failure: Failure) -> Self {
        Self {
            step: failure.step.as_str(),
            code: failure.code.as_str(),
            hint: failure.hint,
        }
    }
}

/// How it ended, for the audit log.
pub(super) fn ended(report: &Report) -> TestEnded {
    TestEnded {
        outcome: report.outcome(),
        failure: report
            .failure
            .as_ref()
            .map(|failure| (failure.step.as_str(), failure.code.as_str())),
    }
}

type Running = rt::task::JoinHandle<Report>;

/// Runs a test and answers with it; `conclude` is told of its end even where nobody waits for the answer any more.
pub(super) async fn run<C>(
    api: &Data<Api>,
    request: &HttpRequest,
    test: Test,
    conclude: impl FnOnce(Report) -> C + 'static,
) -> Result<HttpResponse, Problem>
where
    C: Future<Output = Report> + 'static,
{
    let (prober, (teller, steps)) = (api.prober.clone(), unbounded_channel());
    let running: Running = rt::spawn(async move {
        let report = prober.run(&test, Some(teller)).await;
        conclude(report).await
    });
    if wants_events(request) {
        return Ok(events(steps, running, request_id_of(request)));
    }
    let report = running.await.map_err(|_| Problem::plain(Code::Internal))?;
    Ok(HttpResponse::Ok().json(TestBody::from(report)))
}

fn wants_events(request: &HttpRequest) -> bool {
    let accepted = request.headers().get(header::ACCEPT);
    let accepted = accepted.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut kinds = accepted
        .split(',')
        .map(|kind| kind.split(';').next().unwrap_or_default().trim());
    kinds.any(|kind| kind.eq_ignore_ascii_case("text/event-stream"))
}

/// Each step as the event `step` when it ends, then the whole answer as the event `result`.
fn events(steps: UnboundedReceiver<Step>, running: Running, request_id: String) -> HttpResponse {
    let state = (steps, Some((running, request_id)));
    let events = stream::unfold(state, |(mut steps, running)| async move {
        if let Some(step) = steps.recv().await {
            return Some((event("step", &StepBody::from(step)), (steps, running)));
        }
        let (running, request_id) = running?;
        let last = match running.await {
            Ok(report) => event("result", &TestBody::from(report)),
            Err(_) => event("problem", &Problem::plain(Code::Internal).body(&request_id)),
        };
        Some((last, (steps, None)))
    });
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Some proxies keep an answer until it is whole.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(events)
}

fn event(name: &str, data: &impl Serialize) -> Result<Bytes, serde_json::Error> {
    Ok(Bytes::from(format!(
        "event: {name}\ndata: {}\n\n",
        serde_json::to_string(data)?
    )))
}
