//! What a server's answer means: the stage decides whose fault a reply is.
//!
//! A reply before MAIL speaks of the route, a reply to RCPT of one recipient, a reply to DATA or the dot of the message. So
//! a wrong relay password can never bounce or suppress a recipient.

use std::fmt;

/// Printable octets of a reply that are kept.
pub const MAX_REPLY_TEXT: usize = 512;

/// Where in the session a thing happened. The first seven are what a test email reports as steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Name to addresses.
    Resolve,
    /// The TCP connection.
    Connect,
    /// The server's 220 and the answer to EHLO.
    Greeting,
    /// STARTTLS and the TLS handshake.
    Tls,
    /// AUTH.
    Authenticate,
    /// MAIL FROM.
    MailFrom,
    /// RCPT TO.
    RcptTo,
    /// DATA and the text, before the final dot.
    Data,
    /// The final dot and its reply: the only moment of doubt.
    Dot,
}

impl Stage {
    /// Every stage, in the order of a session.
    pub const ALL: [Self; 9] = [
        Self::Resolve,
        Self::Connect,
        Self::Greeting,
        Self::Tls,
        Self::Authenticate,
        Self::MailFrom,
        Self::RcptTo,
        Self::Data,
        Self::Dot,
    ];

    /// The stage of a name, as [`Stage::as_str`] gives it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == name)
    }

    /// The name as events and answers show it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Greeting => "greeting",
            Self::Tls => "tls",
            Self::Authenticate => "authenticate",
            Self::MailFrom => "mail_from",
            Self::RcptTo => "rcpt_to",
            Self::Data => "data",
            Self::Dot => "dot",
        }
    }
}

/// An enhanced status code (RFC 3463): class, subject, detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EnhancedCode {
    /// 2, 4 or 5.
    pub class: u8,
    /// What it is about, 0–999.
    pub subject: u16,
    /// What exactly, 0–999.
    pub detail: u16,
}

impl EnhancedCode {
    /// Reads a code at the start of a reply's text; a malformed one is no code.
    #[must_use]
    pub fn leading(text: &str) -> Option<Self> {
        let word = text.split_ascii_whitespace().next()?;
        let mut parts = word.split('.');
        let class = match parts.next()? {
            "2" => 2,
            "4" => 4,
            "5" => 5,
            _ => return None,
        };
        let subject = number(parts.next()?)?;
        let detail = number(parts.next()?)?;
        parts.next().is_none().then_some(Self { class, subject, detail })
    }

    const fn is(self, subject: u16, detail: u16) -> bool {
        self.subject == subject && self.detail == detail
    }
}

fn number(text: &str) -> Option<u16> {
    let digits = (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// A server's reply, as kept: the code, the enhanced code, and at most [`MAX_REPLY_TEXT`] printable octets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The basic code, 200–599.
    pub code: u16,
    /// The enhanced code, where the text starts with one of the same class.
    pub enhanced: Option<EnhancedCode>,
    /// The text behind the codes; lines joined by a blank.
    pub text: String,
}

impl Reply {
    /// A reply of a basic code and the text of its lines.
    #[must_use]
    pub fn new(code: u16, text: &str) -> Self {
        let enhanced = EnhancedCode::leading(text).filter(|enhanced| u16::from(enhanced.class) == code / 100);
        let rest = if enhanced.is_some() {
            text.split_once(' ').map_or("", |(_, rest)| rest)
        } else {
            text
        };
        let mut kept = String::new();
        for c in rest
            .chars()
            .map(|c| if crate::address::is_invisible(c) { ' ' } else { c })
        {
            if kept.len() + c.len_utf8() > MAX_REPLY_TEXT {
                break;
            }
            kept.push(c);
        }
        Self {
            code,
            enhanced,
            text: kept.trim().to_owned(),
        }
    }
}

/// What to do after a reply that did not accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The route or its configuration is at fault for now: try again, elsewhere if there is an elsewhere.
    RouteDeferred,
    /// The configuration is wrong: hold this route's mail and tell somebody.
    Misconfigured,
    /// The recipient or message is refused for now.
    Deferred(Patience),
    /// Refused for good.
    Bounced(Suppress),
    /// The server may have taken it.
    OutcomeUnknown,
}

/// How long a temporary refusal is worth waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// The lane's schedule.
    Schedule,
    /// Greylisting (RFC 6647): five minutes, whatever the lane's next step is, unless that is longer.
    Greylisted,
}

/// Whether a hard failure says that the address does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suppress {
    /// It does: send nothing more there.
    Yes,
    /// It does not say so.
    No,
}

/// What a refusing reply at a stage means. An absent enhanced code falls back to the basic code and the stage.
#[must_use]
pub fn classify(stage: Stage, reply: &Reply) -> Verdict {
    let permanent = reply.code >= 500;
    match stage {
        Stage::Resolve | Stage::Connect | Stage::Greeting | Stage::Tls | Stage::Authenticate => {
            if permanent {
                Verdict::Misconfigured
            } else {
                Verdict::RouteDeferred
            }
        }
        Stage::MailFrom | Stage::RcptTo | Stage::Data if reply.code == 421 => Verdict::RouteDeferred,
        Stage::Dot if reply.code == 421 => Verdict::OutcomeUnknown,
        // The size that MAIL declares is the message's (RFC 1870 §6.1), not the sender's fault.
        Stage::MailFrom if is_too_large(reply) => Verdict::Bounced(Suppress::No),
        Stage::MailFrom => {
            if permanent {
                Verdict::Misconfigured
            } else {
                Verdict::Deferred(Patience::Schedule)
            }
        }
        Stage::RcptTo => classify_recipient(reply),
        Stage::Data | Stage::Dot => {
            if permanent {
                Verdict::Bounced(Suppress::No)
            } else {
                Verdict::Deferred(Patience::Schedule)
            }
        }
    }
}

fn is_too_large(reply: &Reply) -> bool {
    match reply.enhanced {
        Some(code) => reply.code >= 500 && code.is(3, 4),
        None => reply.code == 552,
    }
}

fn classify_recipient(reply: &Reply) -> Verdict {
    let enhanced = reply.enhanced;
    let is = |subject, detail| enhanced.is_some_and(|code| code.is(subject, detail));
    if reply.code < 500 {
        // 452 is the server's storage, not the recipient: no greylister uses it.
        let greylisted = matches!(reply.code, 450 | 451) && !is(2, 2);
        return Verdict::Deferred(if greylisted {
            Patience::Greylisted
        } else {
            Patience::Schedule
        });
    }
    // Without an enhanced code 552 is a full mailbox or too many recipients, and both pass (RFC 5321 §4.5.3.1.10).
    if is(2, 2) || (reply.code == 552 && enhanced.is_none()) {
        return Verdict::Deferred(Patience::Schedule);
    }
    let unknown_by_enhanced = is(1, 1) || is(1, 2) || is(1, 10);
    let unknown_by_basic = enhanced.is_none() && matches!(reply.code, 550 | 551 | 553);
    Verdict::Bounced(if unknown_by_enhanced || unknown_by_basic {
        Suppress::Yes
    } else {
        Suppress::No
    })
}

#[cfg(test)]
mod tests;
