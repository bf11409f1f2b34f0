//! Microsoft Graph: a tenant's mail through its own mailbox in Exchange Online.
//!
//! Four steps: the application's secret, a token for it, what the token may be used for, the send. Real mail and the test
//! email take the same path; the test has somebody looking on and keeps no token. Whatever is uncertain is decided by one
//! thing, whether the whole request was out.

use std::{sync::Arc, time::Duration};

use domain::{connection::O365, ids::TenantId, reply::Reply, secret::ExposeSecret};
use tokio::time::Instant;

mod cache;
mod dictionary;
mod endpoints;
mod fault;
mod fence;
mod form;
mod refusal;
mod send;
mod steps;
mod token;
mod verdict;
mod way;

pub use dictionary::{Effect, FailureCode, Meaning, Who};
pub use endpoints::{Endpoints, NoAddress};
pub use fault::{Failed, Fault, Reach};
pub use form::{Form, MAX_REQUEST};
pub use refusal::{LONGEST_WAIT, Refusal};
pub use steps::{Ended, Observer, Roles, Step, StepReport, Unobserved};

use cache::Cache;
use token::Token;

use crate::{
    compose::WireMessage,
    gate::{
        Gate,
        http::{Answer, Client, HttpError},
    },
    pool::Fingerprint,
    session::{DotMark, Timeouts, Unmarked},
};

/// The permission that an application needs, as a token's roles name it.
const MAIL_SEND: &str = "Mail.Send";

/// Sends mail through Graph; clones share tokens and connections.
#[derive(Debug, Clone)]
pub struct Mailer {
    client: Client,
    endpoints: Arc<Endpoints>,
    timeouts: Timeouts,
    tokens: Cache,
}

/// Microsoft took a mail; whether it is delivered is another question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// What was said, in the form in which all servers' answers are kept.
    pub reply: Reply,
}

/// One mail, how it is written, and whose mailbox it goes through.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// The tenant's settings.
    pub via: &'a O365,
    /// The mail; it is sent from the mailbox of its reverse-path.
    pub mail: &'a WireMessage,
    /// In which form.
    pub form: Form,
}

/// Where the token of an attempt comes from.
#[derive(Debug, Clone, Copy)]
enum Tokens {
    /// From those kept for a tenant, else asked for and kept.
    Kept(TenantId),
    /// Asked for, and not kept.
    Fresh,
}

impl Mailer {
    /// A mailer behind this gate, without tokens.
    #[must_use]
    pub fn new(gate: Gate, endpoints: Endpoints, timeouts: Timeouts) -> Self {
        Self {
            client: Client::new(gate, endpoints.clear(), timeouts.connect),
            endpoints: Arc::new(endpoints),
            timeouts,
            tokens: Cache::new(),
        }
    }

    /// What stands for these settings in this process, without a secret.
    pub(crate) fn fingerprint(&self, tenant: TenantId, via: &O365) -> Fingerprint {
        self.tokens.key(tenant, via)
    }

    /// Sends a mail; the end of the request goes out only once `mark` is committed.
    ///
    /// A token that Graph does not accept is dropped and replaced once; a connection that the far end had closed is, too.
    ///
    /// # Errors
    /// [`Failed`]; where its reach is [`Reach::Out`], Microsoft may have the mail.
    pub async fn send(
        &self,
        tenant: TenantId,
        outgoing: Outgoing<'_>,
        mark: &impl DotMark,
    ) -> Result<Accepted, Failed> {
        let (failed, token) = match self.with_kept_token(tenant, outgoing, mark).await {
            Ok(accepted) => return Ok(accepted),
            Err(failed) => failed,
        };
        match token {
            Some(token) if failed.is_for_the_token() => self.tokens.forget(tenant, outgoing.via, &token),
            Some(_) if failed.was_dead() => {}
            Some(_) | None => return Err(failed),
        }
        if failed.reach == Reach::Out {
            // It is refused for certain; whoever finds the mark must not think otherwise.
            mark.clear().await;
        }
        let again = self.with_kept_token(tenant, outgoing, mark).await;
        again.map_err(|(failed, _)| failed)
    }

    async fn with_kept_token(
        &self,
        tenant: TenantId,
        outgoing: Outgoing<'_>,
        mark: &impl DotMark,
    ) -> Result<Accepted, (Failed, Option<Arc<Token>>)> {
        let tokens = Tokens::Kept(tenant);
        self.attempt(outgoing, tokens, mark, &mut Unobserved).await
    }

    /// Sends a test: with a token of its own, once, and with somebody looking on.
    ///
    /// # Errors
    /// [`Failed`], as for [`Mailer::send`].
    pub async fn try_out(
        &self,
        via: &O365,
        mail: &WireMessage,
        form: Form,
        observer: &mut impl Observer,
    ) -> Result<Accepted, Failed> {
        let outgoing = Outgoing { via, mail, form };
        let attempted = self.attempt(outgoing, Tokens::Fresh, &Unmarked, observer).await;
        attempted.map_err(|(failed, _)| failed)
    }

    async fn attempt(
        &self,
        outgoing: Outgoing<'_>,
        tokens: Tokens,
        mark: &impl DotMark,
        observer: &mut impl Observer,
    ) -> Result<Accepted, (Failed, Option<Arc<Token>>)> {
        let without_token = |failed| (failed, None);
        check_secret(outgoing.via, observer).map_err(without_token)?;
        let token = self
            .token(outgoing.via, tokens, observer)
            .await
            .map_err(without_token)?;
        check_permission(&token, observer);
        let sent = self.hand_over(outgoing, &token, mark, observer).await;
        sent.map_err(|failed| (failed, Some(token)))
    }

    async fn token(&self, via: &O365, tokens: Tokens, observer: &mut impl Observer) -> Result<Arc<Token>, Failed> {
        let started = Instant::now();
        observer.said(format!("C: {}", token::described(&self.endpoints, via)));
        let ask = || {
            let (client, endpoints, via) = (self.client.clone(), Arc::clone(&self.endpoints), via.clone());
            let within = self.timeouts.connect + self.timeouts.tls + self.timeouts.auth;
            async move { token::ask(&client, &endpoints, &via, within).await }
        };
        let asked = match tokens {
            Tokens::Kept(tenant) => self.tokens.token(tenant, via, ask).await,
            Tokens::Fresh => ask().await.map(Arc::new),
        };
        match asked {
            Ok(token) => {
                observer.said(format!("S: 200 a token for {} s", token.life));
                let detail = format!("Microsoft Entra gave a token for {} s.", token.life);
                observer.ended(report(Step::Token, Ended::Ok, started.elapsed(), detail));
                Ok(token)
            }
            Err(fault) => Err(failed(Failed::held(Step::Token, fault), started, observer)),
        }
    }

    async fn hand_over(
        &self,
        outgoing: Outgoing<'_>,
        token: &Token,
        mark: &impl DotMark,
        observer: &mut impl Observer,
    ) -> Result<Accepted, Failed> {
        let (step, started) = (Step::Send, Instant::now());
        let posted = self.post(outgoing, token, mark, observer).await;
        let accepted = posted.map_err(|(fault, reach)| failed(Failed { step, fault, reach }, started, observer))?;
        observer.said(format!("S: {} {}", accepted.reply.code, accepted.reply.text));
        let detail = "Accepted by Microsoft; that is not yet delivered.".to_owned();
        observer.ended(report(step, Ended::Ok, started.elapsed(), detail));
        Ok(accepted)
    }

    async fn post(
        &self,
        Outgoing { via, mail, form }: Outgoing<'_>,
        token: &Token,
        mark: &impl DotMark,
        observer: &mut impl Observer,
    ) -> Result<Accepted, (Fault, Reach)> {
        let held = |fault| (fault, Reach::Held);
        let written = form.write(mail).map_err(held)?;
        let url = self.endpoints.send_mail(via.cloud, &mail.envelope.reverse_path);
        let url = url.map_err(|_| held(Fault::NoAnswer(HttpError::Address)))?;
        let (content_type, octets) = (written.content_type, written.body.len());
        observer.said(format!("C: POST {url} {content_type} ({octets} octets)"));
        let request = send::request(url, content_type, token).map_err(held)?;
        let (answer, reach) = send::post(&self.client, &self.timeouts, request, written, mark).await?;
        let secrets = [
            token.text.expose_secret(),
            via.application.client_secret.expose_secret(),
        ];
        judge(&answer, reach, &secrets)
    }
}

/// 202 to a whole request, and nothing else, is yes.
fn judge(answer: &Answer, reach: Reach, secrets: &[&str]) -> Result<Accepted, (Fault, Reach)> {
    let refusal = Refusal::of(answer, secrets);
    match (answer.status, reach) {
        (202, Reach::Out) => Ok(Accepted {
            reply: Reply::new(202, &accepted_text(refusal.request_id.as_deref())),
        }),
        (100..=299, _) => Err((Fault::Garbled("it says yes in a way that is not documented"), reach)),
        (_, _) => Err((Fault::Refused(refusal), reach)),
    }
}

fn accepted_text(request: Option<&str>) -> String {
    match request {
        Some(id) => format!("Accepted by Microsoft (request {id})"),
        None => "Accepted by Microsoft".to_owned(),
    }
}

/// What can be seen of a secret without asking anybody. Its ID is a GUID, and is pasted for its value often enough to say so
/// before Microsoft does.
fn check_secret(via: &O365, observer: &mut impl Observer) -> Result<(), Failed> {
    let started = Instant::now();
    let application = &via.application;
    let secret = application.client_secret.expose_secret();
    if secret.is_empty() {
        return Err(failed(
            Failed::held(Step::Secret, Fault::SecretIncomplete),
            started,
            observer,
        ));
    }
    let (ended, detail) = if uuid::Uuid::try_parse(secret).is_ok() {
        let detail = "The client secret looks like a secret's ID; what is needed is its Value.";
        (Ended::Warning, detail.to_owned())
    } else {
        let (client, directory) = (application.client_id, &application.directory);
        (Ended::Ok, format!("Client ID {client} in the directory {directory}."))
    };
    observer.ended(report(Step::Secret, ended, started.elapsed(), detail));
    Ok(())
}

/// Only ever a warning: an application scoped by RBAC for Applications has no role in its token and may send all the same.
fn check_permission(token: &Token, observer: &mut impl Observer) {
    let (ended, detail) = match &token.roles {
        Roles::Listed(roles) if roles.iter().any(|role| role == MAIL_SEND) => {
            (Ended::Ok, "The token has the permission Mail.Send.".to_owned())
        }
        Roles::Listed(roles) if roles.is_empty() => (Ended::Warning, no_permission("none")),
        Roles::Listed(roles) => (Ended::Warning, no_permission(&roles.join(", "))),
        Roles::Unreadable => (Ended::Ok, "The token does not show its permissions.".to_owned()),
    };
    observer.ended(report(Step::Permission, ended, Duration::ZERO, detail));
}

fn no_permission(listed: &str) -> String {
    format!(
        "The token does not show Mail.Send (it shows: {listed}). That is right for an application scoped by RBAC for \
         Applications; the send tells."
    )
}

fn report(step: Step, ended: Ended, took: Duration, detail: String) -> StepReport {
    StepReport {
        step,
        ended,
        took,
        detail,
    }
}

/// Tells the onlooker of a failure, and hands it on.
fn failed(failed: Failed, started: Instant, observer: &mut impl Observer) -> Failed {
    if let Some(reply) = failed.reply() {
        observer.said(format!("S: {} {}", reply.code, reply.text));
    }
    let detail = failed.reply().map_or_else(
        || failed.fault.to_string(),
        |reply| format!("{} {}", reply.code, reply.text),
    );
    observer.ended(report(failed.step, Ended::Failed, started.elapsed(), detail));
    failed
}
