//! One mail transaction (RFC 5321 §3.3): envelope, text, dot.
//!
//! Where the server offers PIPELINING the three commands go out in one write, which saves two round trips; the replies are
//! judged one by one all the same. What a refusal leaves behind is written down in the session's condition, so that the
//! outcome need not wait for the mending.

use std::{future::poll_fn, pin::pin, task::Poll};

use domain::{
    crash::Point,
    message::envelope::Envelope,
    reply::{Reply, Stage},
};
use tokio::time::{Instant, sleep_until, timeout};

use super::{
    Condition, Session,
    extensions::{Extensions, Offer},
    failure::{SessionFailure, judge},
    fence::{self, DotMark},
    link::heard,
};
use crate::{
    compose::WireMessage,
    sight::Sight,
    stream::{Tap, WireReply},
    wire_form,
};

impl Session {
    pub(super) async fn transact(&mut self, mail: &WireMessage, mark: &impl DotMark) -> Result<Reply, SessionFailure> {
        wire_form::check(&mail.bytes).map_err(SessionFailure::Unfit)?;
        // The dot brings the last line end along: with both, a blank line would be added.
        let text = mail.bytes.strip_suffix(b"\r\n").unwrap_or(&mail.bytes);
        let mail_from = mail_command(mail, self.link.extensions)?;
        self.begin()?;
        let rcpt_to = rcpt_command(&mail.envelope);
        if self.link.extensions.has(Offer::Pipelining) {
            self.offer_at_once(&mail_from, &rcpt_to).await?;
        } else {
            self.offer_in_turn(&mail_from, &rcpt_to).await?;
        }
        let reply = self.deliver(text, mark).await?;
        if reply.code != 421 {
            // Whatever it decided, the server is waiting for the next command.
            self.condition = Condition::Ready;
        }
        judge(&reply, &[250])?;
        Ok(reply.to_kept())
    }

    /// From here on, whatever ends this future early leaves a session that cannot be used again.
    fn begin(&mut self) -> Result<(), SessionFailure> {
        self.transactions += 1;
        match std::mem::replace(&mut self.condition, Condition::Broken) {
            Condition::Ready => Ok(()),
            Condition::Unfinished { .. } | Condition::Broken => Err(SessionFailure::ConnectionClosed),
        }
    }

    async fn offer_at_once(&mut self, mail_from: &str, rcpt_to: &str) -> Result<(), SessionFailure> {
        let commands = format!("{mail_from}{rcpt_to}{DATA}");
        let reply = self.link.exchange(&commands, self.timeouts.mail).await?;
        self.accept(&reply, &[250], 2)?;
        self.progress.enter(Stage::RcptTo);
        let reply = self.link.next_reply(self.timeouts.rcpt).await?;
        self.accept(&reply, &[250, 251], 1)?;
        self.progress.enter(Stage::Data);
        let reply = self.link.next_reply(self.timeouts.data).await?;
        self.accept(&reply, &[354], 0)
    }

    async fn offer_in_turn(&mut self, mail_from: &str, rcpt_to: &str) -> Result<(), SessionFailure> {
        let reply = self.link.exchange(mail_from, self.timeouts.mail).await?;
        self.accept(&reply, &[250], 0)?;
        self.progress.enter(Stage::RcptTo);
        let reply = self.link.exchange(rcpt_to, self.timeouts.rcpt).await?;
        self.accept(&reply, &[250, 251], 0)?;
        self.progress.enter(Stage::Data);
        let reply = self.link.exchange(DATA, self.timeouts.data).await?;
        self.accept(&reply, &[354], 0)
    }

    /// Judges a reply before the text; a plain refusal leaves a session that a RSET mends.
    fn accept(&mut self, reply: &WireReply, wanted: &[u16], owed: u8) -> Result<(), SessionFailure> {
        if reply.code >= 400 && reply.code != 421 {
            self.condition = Condition::Unfinished { owed };
        }
        judge(reply, wanted)
    }

    /// Writes the text, has the dot marked, writes the dot and hears what became of it.
    async fn deliver(&mut self, text: &[u8], mark: &impl DotMark) -> Result<WireReply, SessionFailure> {
        let tap = &self.link.tap;
        tap.begin_turn()?;
        tap.arm_fence();
        tap.watch()
            .see(|| Sight::Said(format!("[the message, {} octets]", text.len())));
        let mut message = pin!(self.link.smtp.message(text));

        let until = Instant::now() + self.timeouts.text;
        match drive(message.as_mut(), until, || tap.is_at_fence()).await {
            Driven::Arrived => {}
            Driven::Ended(_) => return Err(lost(tap)),
            Driven::Late => return Err(SessionFailure::ConnectionTimeout),
        }

        let until = match fence::ask(mark, self.timeouts.mark).await {
            Ok(until) => until,
            Err(not_sent) => {
                tap.shut_fence();
                return Err(SessionFailure::NotSent(not_sent));
            }
        };
        tap.open_fence(until);
        let driven = drive(message.as_mut(), until, || tap.is_dot_out()).await;
        if !tap.is_dot_out() {
            tap.shut_fence();
            mark.clear().await;
            return Err(match driven {
                Driven::Ended(_) => lost(tap),
                // The text still fills the connection: the server has stopped reading.
                Driven::Arrived | Driven::Late => SessionFailure::ConnectionTimeout,
            });
        }

        tap.watch().said(".\r\n");
        self.progress.enter(Stage::Dot);
        Point::AfterDot.reach();
        let answered = match driven {
            Driven::Ended(answer) => Ok(answer),
            Driven::Arrived | Driven::Late => timeout(self.timeouts.dot, message).await,
        };
        heard(tap, answered)
    }
}

const DATA: &str = "DATA\r\n";

/// How far a future was driven.
enum Driven<T> {
    /// It ended by itself.
    Ended(T),
    /// The condition holds.
    Arrived,
    /// Neither, in time.
    Late,
}

/// Polls a future until it ends, until what it does brings a condition about, or until it is too late.
///
/// The condition changes only while the future is polled, so looking right behind each poll misses nothing.
async fn drive<F: Future + Unpin>(mut future: F, until: Instant, condition: impl Fn() -> bool) -> Driven<F::Output> {
    let mut late = pin!(sleep_until(until));
    poll_fn(|cx| {
        if let Poll::Ready(ended) = std::pin::Pin::new(&mut future).poll(cx) {
            return Poll::Ready(Driven::Ended(ended));
        }
        if condition() {
            return Poll::Ready(Driven::Arrived);
        }
        late.as_mut().poll(cx).map(|()| Driven::Late)
    })
    .await
}

/// Why lettre gave up where no answer was due yet.
fn lost(tap: &Tap) -> SessionFailure {
    tap.take_fault().map_or(SessionFailure::ConnectionClosed, Into::into)
}

fn mail_command(mail: &WireMessage, offers: Extensions) -> Result<String, SessionFailure> {
    let size = if offers.has(Offer::Size) {
        format!(" SIZE={}", mail.bytes.len())
    } else {
        String::new()
    };
    let utf8 = match (mail.needs_smtputf8(), offers.has(Offer::SmtpUtf8)) {
        (false, _) => "",
        (true, true) => " SMTPUTF8",
        (true, false) => return Err(SessionFailure::SmtpUtf8NotOffered),
    };
    let body = match (mail.is_eight_bit(), offers.has(Offer::EightBitMime)) {
        (false, _) => "",
        (true, true) => " BODY=8BITMIME",
        (true, false) => return Err(SessionFailure::EightBitMimeNotOffered),
    };
    let path = &mail.envelope.reverse_path;
    Ok(format!("MAIL FROM:<{path}>{size}{body}{utf8}\r\n"))
}

fn rcpt_command(envelope: &Envelope) -> String {
    format!("RCPT TO:<{}>\r\n", envelope.forward_path)
}
