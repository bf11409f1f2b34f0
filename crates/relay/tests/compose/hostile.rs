//! Data that wants to be markup: in every variable of every kind it is shown and not obeyed.

use domain::{
    message::kind::{AccessRequest, Content, Link, Notification, System},
    outbox::Job,
};
use relay::{compose::ComposeError, template::TemplateError};

use crate::sample::{announcement, code, compose, composer, job, notice, parse, request};

const HOSTILE: [&str; 6] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</title></style></td><iframe src=//x.example>",
    "<a href=\"javascript:alert(1)\">go</a>",
    "{{ 7 * 7 }}{% include 'layout.html' %}",
];

/// No tag begins with what only hostile data brings, and none carries it as an attribute.
fn assert_harmless(job: &Job) {
    let mail = compose(job);
    let html = parse(&mail).body_html(0).unwrap().into_owned();
    for tag in html.split('<').skip(1).filter_map(|rest| rest.split('>').next()) {
        let active = ["script", "img", "iframe"].iter().any(|name| tag.starts_with(name));
        let armed = ["onerror", "onmouseover", "javascript:"]
            .iter()
            .any(|part| tag.contains(part));
        assert!(!active && !armed, "<{tag}>");
    }
    assert!(!html.contains("49{%"), "{html}");
    assert_eq!(html.matches("</title>").count(), 1);
}

#[test]
fn every_variable_of_every_kind_is_escaped() {
    for text in HOSTILE {
        let hostile = || text.to_owned();
        assert_harmless(&Job {
            tenant_name: hostile(),
            ..code()
        });
        assert_harmless(&job(Content::AccessRequest(AccessRequest {
            requester: hostile(),
            resource: hostile(),
            reason: hostile(),
            duration: Some(hostile()),
            ..request()
        })));
        assert_harmless(&job(Content::Notification(Notification {
            subject: hostile(),
            body_markdown: hostile(),
            action: Some(Link {
                label: hostile(),
                url: "https://x.example/\"><script>".to_owned(),
            }),
            ..notice()
        })));
        assert_harmless(&job(Content::System(System {
            subject: hostile(),
            body_text: hostile(),
            body_html: None,
        })));
        assert_harmless(&job(Content::System(System {
            body_html: Some(hostile()),
            ..announcement()
        })));
    }
}

#[test]
fn hostile_text_is_shown_as_it_is_in_the_text_part() {
    for text in HOSTILE {
        let mail = compose(&job(Content::System(System {
            body_text: text.to_owned(),
            ..announcement()
        })));
        assert!(parse(&mail).body_text(0).unwrap().starts_with(text));
    }
}

#[test]
fn no_mail_loads_anything_from_elsewhere() {
    let content = Content::Notification(Notification {
        body_markdown: "![pixel](https://t.example/p.gif) <link rel=stylesheet href=https://t.example/s.css>"
            .to_owned(),
        ..notice()
    });
    let mail = compose(&job(content));
    let html = parse(&mail).body_html(0).unwrap().into_owned();
    for loading in ["src=", "<link", "url(", "@import", "background="] {
        assert!(!html.contains(loading), "{loading} in {html}");
    }
}

#[test]
fn a_link_that_is_not_https_is_not_sent() {
    for url in ["javascript:alert(1)", "http://pam.example", "data:text/html,x"] {
        let content = Content::AccessRequest(AccessRequest {
            deny_url: url.to_owned(),
            ..request()
        });
        let error = composer().compose(&job(content)).unwrap_err();
        assert!(matches!(
            error,
            ComposeError::Template(TemplateError::Link { field: "deny_url" })
        ));
    }
}
