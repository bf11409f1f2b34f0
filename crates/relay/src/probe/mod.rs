//! The test email: one mail of fixed content, sent the way of all mail, and told step by step.
//!
//! It has no path of its own through the network: the dialer, the session and the composer are those of real mail, with an
//! onlooker. So what a test says is true of the mail that follows it.

use std::{fmt, sync::Arc};

use domain::{
    address::EmailAddress,
    branding::EffectiveFrom,
    clock::Timestamp,
    connection::{Connection, Route},
    ids::{DeliveryId, TenantId},
};
use tokio::sync::mpsc::UnboundedSender;

mod certificate;
mod graph;
mod hints;
mod mail;
mod record;
mod report;
mod smtp;
mod teller;

pub use report::{Failure, FailureCode, Report, Step, StepName, StepStatus, TlsSeen};

use crate::{
    compose::{ComposeError, Composer},
    dispatcher::RelaySettings,
    session::Dialer,
    transport::o365::Mailer,
};
use hints::Reader;
use smtp::Audience;
use teller::Teller;

/// What is to be tested.
#[derive(Debug, Clone)]
pub struct Test {
    /// Makes the mail's Message-ID.
    pub id: DeliveryId,
    /// Whose settings they are; nobody's for a route.
    pub tenant: TenantId,
    /// Its name, for the mail.
    pub tenant_name: String,
    /// Who asked for it, for the mail.
    pub asked_by: String,
    /// Which settings, for the mail.
    pub settings: SettingsTested,
    /// From whom.
    pub from: EffectiveFrom,
    /// To whom.
    pub to: EmailAddress,
    /// When.
    pub at: Timestamp,
    /// The way out.
    pub way: Way,
}

/// Which version of the settings a test is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingsTested {
    /// One that is saved.
    Saved(i64),
    /// One that nobody has saved.
    Candidate {
        /// The one in force.
        based_on: i64,
    },
}

/// The way out that is tested.
#[derive(Debug, Clone)]
pub enum Way {
    /// The shared relay, over these routes by their priority and weight; never empty.
    Shared(Vec<Route>),
    /// One of them.
    Route(Box<Route>),
    /// A tenant's own connection.
    Own(Box<Connection>),
}

/// Sends tests; clones share everything.
#[derive(Clone)]
pub struct Prober {
    dialer: Dialer,
    mailer: Mailer,
    composer: Arc<Composer>,
    provider: Arc<str>,
    /// The running program's file name, for whoever has to let it through a firewall.
    executable: Arc<str>,
}

impl fmt::Debug for Prober {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prober")
            .field("executable", &self.executable)
            .finish_non_exhaustive()
    }
}

impl Prober {
    /// A prober that sends as a relay with these settings would; `executable` is the file name of the running program.
    ///
    /// # Errors
    /// [`ComposeError`], as for [`Composer::new`]: stop the start.
    pub fn new(settings: RelaySettings, executable: &str) -> Result<Self, ComposeError> {
        let RelaySettings {
            provider,
            gate,
            timeouts,
            o365,
            ..
        } = settings;
        Ok(Self {
            mailer: Mailer::new(gate.clone(), o365, timeouts),
            dialer: Dialer::new(gate, timeouts, &provider.relay_domain),
            provider: provider.name.as_str().into(),
            composer: Arc::new(Composer::new(provider)?),
            executable: executable.into(),
        })
    }

    /// Runs a test to its end; each step is told to `listener` as it ends. Dropping the future ends the test.
    pub async fn run(&self, test: &Test, listener: Option<UnboundedSender<Step>>) -> Report {
        let mut teller = Teller::new(listener);
        let audience = |reader, teller| Audience { reader, teller };
        let mut report = match &test.way {
            Way::Shared(routes) => {
                self.over_routes(test, routes, audience(Reader::Tenant, &mut teller))
                    .await
            }
            Way::Route(route) => {
                let routes = std::slice::from_ref(route.as_ref());
                self.over_routes(test, routes, audience(Reader::Operator, &mut teller))
                    .await
            }
            Way::Own(connection) => match connection.as_ref() {
                Connection::Smtp(server) => self.over_own(test, server, audience(Reader::Owner, &mut teller)).await,
                Connection::O365(via) => self.over_graph(test, via, &mut teller).await,
            },
        };
        for step in &report.steps {
            teller.tell(step);
        }
        report.steps.sort_by_key(|step| step.name);
        report
    }
}
