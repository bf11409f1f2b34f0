//! What each kind's templates can ask for.
//!
//! Values are given as they are; escaping is the template's, by its name. Only what [`super::markup`] made is marked safe.

use chrono::Duration;
use domain::{
    clock::Timestamp,
    message::kind::{AccessRequest, Content, Link, LinkScheme, Notification, System, TwoFactorCode, parse_url},
    outbox::Job,
};
use minijinja::{Value, context};

use super::{TemplateError, markup};

/// The data of a job's content.
pub(super) fn of(job: &Job) -> Result<Value, TemplateError> {
    match &job.content {
        Content::TwoFactorCode(code) => Ok(two_factor_code(code, job.accepted_at)),
        Content::AccessRequest(request) => access_request(request, job.expires_at),
        Content::Notification(notification) => notification_data(notification),
        Content::System(system) => Ok(system_data(system)),
    }
}

/// The code's life counts from acceptance, however late this attempt is.
fn two_factor_code(code: &TwoFactorCode, accepted_at: Timestamp) -> Value {
    let until = accepted_at + Duration::minutes(i64::from(code.expires_in_minutes));
    context! {
        code => code.code.as_str(),
        minutes => code.expires_in_minutes,
        until => minute(until),
    }
}

fn access_request(request: &AccessRequest, expires_at: Timestamp) -> Result<Value, TemplateError> {
    let links = DecisionLinks::of(request)?;
    Ok(context! {
        requester => request.requester.as_str(),
        resource => request.resource.as_str(),
        reason => request.reason.as_str(),
        duration => request.duration.as_deref(),
        until => minute(expires_at),
        approve_url => links.approve,
        deny_url => links.deny,
        review_url => links.review,
    })
}

/// Where the reader of an access request decides: the one place that chooses these links.
struct DecisionLinks {
    approve: String,
    deny: String,
    review: Option<String>,
}

impl DecisionLinks {
    fn of(request: &AccessRequest) -> Result<Self, TemplateError> {
        Ok(Self {
            approve: link(&request.approve_url, LinkScheme::Https, "approve_url")?,
            deny: link(&request.deny_url, LinkScheme::Https, "deny_url")?,
            review: request
                .review_url
                .as_deref()
                .map(|url| link(url, LinkScheme::Https, "review_url"))
                .transpose()?,
        })
    }
}

fn notification_data(notification: &Notification) -> Result<Value, TemplateError> {
    Ok(context! {
        given_subject => notification.subject.as_str(),
        severity => notification.severity.as_str(),
        body_text => notification.body_markdown.trim(),
        body_html => Value::from_safe_string(markup::from_markdown(&notification.body_markdown)),
        action => notification.action.as_ref().map(action).transpose()?,
    })
}

fn action(button: &Link) -> Result<Value, TemplateError> {
    Ok(context! {
        label => button.label.as_str(),
        url => link(&button.url, LinkScheme::HttpsOrMailto, "action.url")?,
    })
}

fn system_data(system: &System) -> Value {
    let html = system.body_html.as_deref().map(markup::sanitised);
    context! {
        given_subject => system.subject.as_str(),
        body_text => system.body_text.trim(),
        body_html => html.map(Value::from_safe_string),
        paragraphs => markup::paragraphs(&system.body_text),
    }
}

/// Links were checked at submission; again here, since escaping alone does not make a `javascript:` link harmless.
fn link(url: &str, scheme: LinkScheme, field: &'static str) -> Result<String, TemplateError> {
    parse_url(url, scheme).map_err(|_| TemplateError::Link { field })
}

/// An instant to the minute, in a form that reads the same in every language.
fn minute(at: Timestamp) -> String {
    at.format("%Y-%m-%d %H:%M").to_string()
}
