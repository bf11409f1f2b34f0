//! Refusals of the message itself, at DATA or behind the dot.

use super::{
    super::super::report::FailureCode::MessageRejected,
    super::{
        Advice,
        Who::{self, Nobody, Recipient, Server, Settings},
    },
    Line,
};

const fn line(pattern: &'static str, who: Who, text: &'static str) -> Line {
    Line {
        pattern,
        advice: Advice {
            code: MessageRejected,
            who,
            text,
        },
    }
}

const NOT_PROVEN: &str = "The receiving side could not make sure that this server may send for the From address's domain (SPF, DKIM, \
                          DMARC). Publish the DNS records for it, or use a From address of a domain that the server is known for.";

pub(super) static LINES: [Line; 15] = [
    line("data 5xx 5.7.26", Settings, NOT_PROVEN),
    line("data 5xx 5.7.509", Settings, NOT_PROVEN),
    line("data 5xx 5.7.20", Settings, NOT_PROVEN),
    line("data 5xx 5.7.23", Settings, NOT_PROVEN),
    line("data 5xx * dmarc", Settings, NOT_PROVEN),
    line("data 5xx * spf", Settings, NOT_PROVEN),
    line(
        "data 5xx *.3.4",
        Server,
        "The server takes no message of this size, and this one is small: its limit is set too low.",
    ),
    line(
        "data 552 -",
        Server,
        "The server takes no message of this size, or the mailbox is full. Its words are in the step's detail.",
    ),
    line("data 5xx *.2.2", Recipient, "The mailbox of {recipient} is full."),
    line(
        "data 5xx *.6.*",
        Server,
        "The server does not take the form of this mail, which is an ordinary one. Its log says more.",
    ),
    line(
        "data 5xx *.7.*",
        Server,
        "A rule of the server, often its spam filter, refuses this mail. Its words are in the step's detail; have it let mail from \
         {sender} through.",
    ),
    line("data 452 *", Server, "The server has no room for mail right now."),
    line(
        "data 4xx *",
        Nobody,
        "The server does not take the mail right now. Wait some minutes and test again; real mail is tried again by itself.",
    ),
    line(
        "data 554 -",
        Server,
        "The server refuses this mail. Its words are in the step's detail, and its log says more.",
    ),
    line(
        "data 5xx *",
        Server,
        "The server refuses this mail. Its words are in the step's detail, and its log says more.",
    ),
];
