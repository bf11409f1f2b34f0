//! One SMTP session from greeting to end: command order and replies of RFC 5321, STARTTLS, AUTH, the text.
//!
//! Every reply that a script can change goes through [`Session::answer`] and what follows depends on the code that was said;
//! refusals of commands out of order or form are never scripted, so that a test cannot hide a client's mistake.

use std::{borrow::Cow, convert::Infallible, sync::Arc};

use smtp_proto::Request;
use tokio::net::TcpStream;

use super::{
    House, command,
    config::{Accepts, Extension, Offered, TlsMode},
    mailroom::Channel,
    play::Act,
    script::Step,
    wire::{End, Line, Wire},
};

mod security;
mod transaction;

use transaction::Transaction;

pub(super) struct Session {
    wire: Wire,
    house: Arc<House>,
    greeted: Option<Greeted>,
    user: Option<String>,
    transaction: Option<Transaction>,
}

/// How the client introduced itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Greeted {
    Helo,
    Ehlo,
}

const OUT_OF_ORDER: &str = "503 5.5.1 Bad sequence of commands";

impl Session {
    pub(super) fn new(stream: TcpStream, house: Arc<House>) -> Self {
        // Replies are small and awaited one by one; without this they can wait 40 ms for the client's ACK.
        drop(stream.set_nodelay(true));
        Self {
            wire: Wire::new(stream, Arc::clone(&house)),
            house,
            greeted: None,
            user: None,
            transaction: None,
        }
    }

    pub(super) async fn run(mut self) {
        let Err(end) = self.converse().await;
        match end {
            End::Idle => drop(self.wire.say("421 4.4.2 Silent for too long").await),
            End::Closed | End::Over => {}
        }
        self.wire.close().await;
    }

    /// For a connection too many.
    pub(super) async fn turn_away(mut self) {
        drop(self.wire.say("421 4.3.2 Too many connections").await);
        self.wire.close().await;
    }

    async fn converse(&mut self) -> Result<Infallible, End> {
        self.answer(Step::Connect, "").await?;
        if let TlsMode::Implicit(config) = &self.house.config.tls {
            let config = Arc::clone(config);
            self.wire.secure(config).await?;
        }
        let greeting = format!("220 {} ESMTP", self.house.config.hostname);
        self.answer(Step::Greeting, greeting).await?;
        loop {
            let line = self.read_line().await?;
            self.house.mailroom.log_command(command::loggable(&line));
            match command::parse(&line) {
                Ok(request) => self.obey(request, &line).await?,
                Err(refusal) => self.wire.say(refusal).await?,
            }
        }
    }

    async fn read_line(&mut self) -> Result<Vec<u8>, End> {
        let refusal = match self.wire.read_line().await? {
            Line::Sound(line) => return Ok(line),
            Line::Torn => "500 5.5.2 Lines end in CRLF and nowhere else",
            Line::Endless => "500 5.5.2 Line too long",
        };
        self.wire.say(refusal).await?;
        Err(End::Over)
    }

    async fn obey(&mut self, request: Request<Cow<'_, str>>, line: &[u8]) -> Result<(), End> {
        self.hold_to_pipelining(&request).await?;
        match request {
            Request::Ehlo { .. } => self.greet(Greeted::Ehlo).await,
            Request::Helo { .. } => self.greet(Greeted::Helo).await,
            Request::StartTls => self.start_tls().await,
            Request::Auth {
                mechanism,
                initial_response,
            } => self.authenticate(mechanism, &initial_response).await,
            Request::Mail { from } => self.mail(&from, command::path(line)).await,
            Request::Rcpt { .. } => self.rcpt(command::path(line)).await,
            Request::Data => self.data().await,
            Request::Rset => {
                self.transaction = None;
                self.answer(Step::Rset, "250 2.0.0 Forgotten").await.map(drop)
            }
            Request::Noop { .. } => self.wire.say("250 2.0.0 Fine").await,
            Request::Vrfy { .. } => self.wire.say("252 2.5.2 Try it").await,
            Request::Quit => {
                self.answer(Step::Quit, "221 2.0.0 Bye").await?;
                Err(End::Over)
            }
            Request::Lhlo { .. }
            | Request::Bdat { .. }
            | Request::Expn { .. }
            | Request::Help { .. }
            | Request::Etrn { .. }
            | Request::Atrn { .. }
            | Request::Burl { .. } => self.wire.say("502 5.5.1 Not implemented").await,
        }
    }

    /// Octets behind a command that must be the last of its group (RFC 2920 §3.1), or behind any where PIPELINING was not
    /// offered, are a client's mistake or an injection; either way nothing after them can be believed.
    async fn hold_to_pipelining(&mut self, request: &Request<Cow<'_, str>>) -> Result<(), End> {
        let ends_group = matches!(
            request,
            Request::Ehlo { .. } | Request::Helo { .. } | Request::Data | Request::StartTls | Request::Auth { .. }
        );
        if self.wire.holds_more() && (ends_group || !self.offers(Extension::Pipelining)) {
            self.wire.say("503 5.5.0 More octets than a reply allows").await?;
            return Err(End::Over);
        }
        Ok(())
    }

    /// Plays the step; the code the client has read decides what follows.
    async fn answer(&mut self, step: Step, usual: impl Into<String>) -> Result<Option<u16>, End> {
        let act = Act::new(self.house.script.next(step, None), usual);
        let code = act.code();
        act.perform(&mut self.wire).await?;
        Ok(code)
    }

    async fn greet(&mut self, how: Greeted) -> Result<(), End> {
        self.transaction = None;
        let usual = match how {
            Greeted::Helo => format!("250 {}", self.house.config.hostname),
            Greeted::Ehlo => self.capabilities(),
        };
        if is_positive(self.answer(Step::Ehlo, usual).await?) {
            self.greeted = Some(how);
        }
        Ok(())
    }

    fn capabilities(&self) -> String {
        let config = &self.house.config;
        let mut keywords = vec![config.hostname.clone()];
        keywords.extend(config.extensions.iter().map(|extension| match extension {
            Extension::Pipelining => "PIPELINING".to_owned(),
            Extension::EightBitMime => "8BITMIME".to_owned(),
            Extension::SmtpUtf8 => "SMTPUTF8".to_owned(),
            Extension::Size => format!("SIZE {}", config.limits.message_octets),
        }));
        if self.can_start_tls() {
            keywords.push("STARTTLS".to_owned());
        }
        if let Some(accepts) = &config.auth
            && self.may_authenticate(accepts)
        {
            let names: Vec<_> = accepts.mechanisms.iter().map(|mechanism| mechanism.as_str()).collect();
            keywords.push(format!("AUTH {}", names.join(" ")));
        }
        format!("250-{}\r\n250 ENHANCEDSTATUSCODES", keywords.join("\r\n250-"))
    }

    fn offers(&self, extension: Extension) -> bool {
        self.house.config.extensions.contains(&extension)
    }

    fn can_start_tls(&self) -> bool {
        match self.house.config.tls {
            TlsMode::StartTls(_) => self.wire.channel() == Channel::Clear,
            TlsMode::Off | TlsMode::Implicit(_) => false,
        }
    }

    fn may_authenticate(&self, accepts: &Accepts) -> bool {
        match accepts.offered {
            Offered::Always => true,
            Offered::OverTls => self.wire.channel() != Channel::Clear,
        }
    }
}

fn is_positive(code: Option<u16>) -> bool {
    code.is_some_and(|code| code / 100 == 2)
}
