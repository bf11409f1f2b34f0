//! Nobody can be made to connect inside: not by the spelling of an address, not by a name, not by a name that changes.

use std::{collections::BTreeSet, net::IpAddr};

use domain::{
    connection::{Security, SmtpServer},
    reply::Stage,
};
use relay::{
    gate::Gate,
    inbox::InboxConfig,
    session::{Dialer, Failed, SessionFailure, Timeouts},
};
use serde_json::{Value, json};

use crate::support::{
    canary::{Canary, host},
    name_server::{Answers, NameServer},
    network::pass_alone,
    service::Service,
};

/// An address of the public Internet, where nothing is forbidden.
const OUTSIDE: &str = "9.9.9.9";
const MARKER: &str = "1.1.1.1";

/// The corpus: hosts refused at the edge, addresses refused by the gate, names and what they resolve to.
struct Corpus(toml::Table);

impl Corpus {
    fn read() -> Self {
        Self(include_str!("forbidden_hosts.toml").parse().unwrap())
    }

    fn list(&self, name: &str) -> Vec<String> {
        let hosts = self.0[name].as_array().unwrap().iter();
        hosts.map(|host| host.as_str().unwrap().to_owned()).collect()
    }

    fn names(&self) -> Vec<String> {
        self.0["names"].as_table().unwrap().keys().cloned().collect()
    }

    /// What the name server is told, by the names as they are asked for.
    fn answers(&self) -> Answers {
        let names = self.0["names"].as_table().unwrap().iter();
        let addresses = |value: &toml::Value| -> Vec<IpAddr> {
            let texts = value.as_array().unwrap().iter();
            texts.map(|text| text.as_str().unwrap().parse().unwrap()).collect()
        };
        names
            .map(|(name, value)| (host(name).to_string(), vec![addresses(value)]))
            .collect()
    }
}

async fn open(name: &str, port: u16) -> Failed {
    let server = SmtpServer {
        host: host(name),
        port,
        security: Security::None,
        credentials: None,
        ca_certificate_pem: None,
    };
    let dialer = Dialer::new(Gate::default(), Timeouts::default(), &"relay.example".parse().unwrap());
    dialer.open(&server).await.unwrap_err()
}

#[test]
fn there_are_more_than_150_spellings() {
    let corpus = Corpus::read();
    let all: BTreeSet<String> = [corpus.list("edge"), corpus.list("gate"), corpus.names()]
        .concat()
        .into_iter()
        .collect();
    assert!(all.len() > 250, "{}", all.len());
}

#[tokio::test]
async fn what_is_no_host_is_refused_where_it_is_typed_in() {
    let service = Service::start().await;
    for spelling in Corpus::read().list("edge") {
        let route = json!({ "name": "inside", "email_server": spelling });
        let faults = service
            .operator
            .post("/v1/relay/routes", &route)
            .await
            .problem(422, "validation_failed");
        assert_eq!(
            faults,
            [("/email_server".to_owned(), "invalid".to_owned())],
            "{spelling:?}"
        );
    }
}

#[test]
fn no_forbidden_host_is_reached_where_every_address_answers() {
    pass_alone("security::outbound_gate::alone::no_forbidden_host_is_reached");
}

#[test]
fn no_test_email_reaches_a_forbidden_host() {
    pass_alone("security::outbound_gate::alone::no_test_email_reaches_a_forbidden_host");
}

#[test]
fn a_name_that_changes_its_mind_is_asked_once() {
    pass_alone("security::outbound_gate::alone::a_name_that_changes_its_mind_is_asked_once");
}

/// In a network where every address is a canary's.
mod alone {
    use super::*;

    #[tokio::test]
    #[ignore = "another test runs it, in a network of its own"]
    async fn no_forbidden_host_is_reached() {
        let corpus = Corpus::read();
        let _names = NameServer::start(corpus.answers()).await;
        let canary = Canary::start().await;

        let mut texts = BTreeSet::new();
        for spelling in [corpus.list("gate"), corpus.names()].concat() {
            let failed = open(&spelling, canary.port()).await;
            assert_eq!(failed.failure, SessionFailure::Blocked, "{spelling}");
            assert_eq!(failed.stage, Stage::Resolve, "{spelling}");
            texts.insert(failed.failure.to_string());
        }

        assert_eq!(texts.len(), 1, "{texts:?}");
        assert_eq!(canary.reached_before(MARKER).await, Vec::<IpAddr>::new());
    }

    #[tokio::test]
    #[ignore = "another test runs it, in a network of its own"]
    async fn no_test_email_reaches_a_forbidden_host() {
        let corpus = Corpus::read();
        let _names = NameServer::start(corpus.answers()).await;
        let canary = Canary::start().await;
        // Not even the loopback is allowed.
        let service = Service::start_with(InboxConfig::default(), &[("LETTERHEAD_EGRESS_ALLOW", "")]).await;
        let admin = service.tenant_of("globex", "on_premises").await;
        let limits = json!({ "limits": { "test_emails_per_minute": 1000, "test_emails_per_day": 1000 } });
        service.operator.patch("/v1/tenants/globex", &limits).await.expect(200);

        let mut answers = BTreeSet::new();
        for spelling in [corpus.list("gate"), corpus.names()].concat() {
            let test = json!({ "to": "bob@b.example", "settings": {
                "send_email_method": "smtp", "from_email_address": "pam@globex.example",
                "smtp": { "email_server": spelling, "port": canary.port(), "security": "starttls" } } });
            let answer = admin
                .post("/v1/tenants/globex/email-settings/test", &test)
                .await
                .expect(200);
            assert_eq!(answer["failure"]["code"], "blocked_address", "{spelling}: {answer:#}");
            answers.insert(told(answer).to_string());
        }

        // All are refused alike, and without detail.
        assert_eq!(answers.len(), 1, "{answers:#?}");
        assert_eq!(canary.reached_before(MARKER).await, Vec::<IpAddr>::new());
    }

    /// An answer without what differs by its nature.
    fn told(mut answer: Value) -> Value {
        answer["message_id"].take();
        for step in answer["steps"].as_array_mut().unwrap() {
            step["duration_ms"].take();
        }
        answer
    }

    #[tokio::test]
    #[ignore = "another test runs it, in a network of its own"]
    async fn a_name_that_changes_its_mind_is_asked_once() {
        let outside: IpAddr = OUTSIDE.parse().unwrap();
        let turns = vec![vec![outside], vec!["127.0.0.1".parse().unwrap()]];
        let names = NameServer::start(Answers::from([("rebound.example".to_owned(), turns)])).await;
        let canary = Canary::start().await;

        // Connected to where it was checked, though it means the loopback by then.
        let first = open("rebound.example", canary.port()).await;
        assert_eq!(first.stage, Stage::Greeting);
        assert_eq!(names.times_asked("rebound.example"), 1);

        let second = open("rebound.example", canary.port()).await;
        assert_eq!(second.failure, SessionFailure::Blocked);
        assert_eq!(canary.reached_before(MARKER).await, [outside]);
    }
}
