//! Refusals of the sender and of the recipient.

use super::{
    super::super::report::FailureCode::{self, MessageRejected, RecipientRejected, SenderRejected},
    super::{
        Advice,
        Who::{self, Nobody, Recipient, Server, Settings},
    },
    Line,
};

const fn line(pattern: &'static str, code: FailureCode, who: Who, text: &'static str) -> Line {
    Line {
        pattern,
        advice: Advice { code, who, text },
    }
}

const GREYLISTED: &str = "The server puts off senders it does not know yet (greylisting), which passes: wait five minutes and test \
                          again. Real mail is tried again by itself.";
const TOO_LARGE: &str = "The server takes no message of this size, and this one is small: its limit is set too low.";

pub(super) static LINES: [Line; 24] = [
    line("mail_from 5xx *.3.4", MessageRejected, Server, TOO_LARGE),
    line("mail_from 552 -", MessageRejected, Server, TOO_LARGE),
    line(
        "mail_from 4xx *.3.1",
        SenderRejected,
        Server,
        "The server has no room for mail right now.",
    ),
    line(
        "mail_from 452 *",
        SenderRejected,
        Server,
        "The server has no room for mail right now.",
    ),
    line(
        "mail_from 5xx *.1.7",
        SenderRejected,
        Settings,
        "The server finds {sender} no proper address. Set another From address.",
    ),
    line(
        "mail_from 5xx *.1.8",
        SenderRejected,
        Settings,
        "The server cannot find the domain of {sender}. Check the From address and its domain's DNS records.",
    ),
    line(
        "mail_from 5xx *.7.1",
        SenderRejected,
        Server,
        "The server does not let this client send as {sender}. Set a From address that belongs to the user name, or have the server \
         allow it.",
    ),
    line(
        "mail_from 4xx *",
        SenderRejected,
        Server,
        "The server does not take the sender {sender} right now. Test again in some minutes; if it stays, its log says more.",
    ),
    line(
        "mail_from 5xx *",
        SenderRejected,
        Server,
        "The server does not take mail from {sender}. Check the From address, or have the server allow it.",
    ),
    line("rcpt_to 4xx * greylist", RecipientRejected, Nobody, GREYLISTED),
    line("rcpt_to 4xx * graylist", RecipientRejected, Nobody, GREYLISTED),
    line("rcpt_to 4xx * postgrey", RecipientRejected, Nobody, GREYLISTED),
    line(
        "rcpt_to 4xx *.2.2",
        RecipientRejected,
        Recipient,
        "The mailbox of {recipient} is full.",
    ),
    line(
        "rcpt_to 452 *",
        RecipientRejected,
        Server,
        "The server has no room for mail right now.",
    ),
    line("rcpt_to 450 *", RecipientRejected, Nobody, GREYLISTED),
    line("rcpt_to 451 *.7.1", RecipientRejected, Nobody, GREYLISTED),
    line("rcpt_to 451 -", RecipientRejected, Nobody, GREYLISTED),
    line(
        "rcpt_to 4xx *",
        RecipientRejected,
        Server,
        "The server cannot take mail for {recipient} right now. Test again in some minutes.",
    ),
    line(
        "rcpt_to 5xx *.1.2",
        RecipientRejected,
        Recipient,
        "The server cannot find the domain of {recipient}.",
    ),
    line(
        "rcpt_to 5xx *.1.10",
        RecipientRejected,
        Recipient,
        "The domain of {recipient} says that it takes no mail.",
    ),
    line(
        "rcpt_to 5xx *.2.1",
        RecipientRejected,
        Recipient,
        "The mailbox of {recipient} is disabled.",
    ),
    line(
        "rcpt_to 5xx *.2.2",
        RecipientRejected,
        Recipient,
        "The mailbox of {recipient} is full.",
    ),
    line(
        "rcpt_to 5xx *.7.1",
        RecipientRejected,
        Server,
        "A rule of the server keeps this mail from {recipient}. Its words are in the step's detail.",
    ),
    line(
        "rcpt_to 5xx *",
        RecipientRejected,
        Recipient,
        "The server does not take mail for {recipient}: mostly there is no such mailbox.",
    ),
];
