//! What servers refuse at whichever step they like: Microsoft's end of passwords, senders that are not one's own, lists.

use super::{
    super::super::report::FailureCode::{
        self, AuthenticationFailed, MessageRejected, RecipientRejected, SenderRejected, Throttled,
    },
    super::{
        Advice,
        Who::{self, Microsoft, Nobody, Operator, Server, Settings},
    },
    Line,
};

const fn line(pattern: &'static str, code: FailureCode, who: Who, text: &'static str) -> Line {
    Line {
        pattern,
        advice: Advice { code, who, text },
    }
}

const LISTED: &str = "The address that this machine sends from is on a block list that the server asks. Find the list in the server's \
                      words and have the address removed there, or send through a mail server of good repute.";
const NOT_ONES_OWN: &str = "The account may not send as {sender}. Set the From address to one that belongs to the user name, or have \
                            the mail server's administrator let the account send as it.";

pub(super) static LINES: [Line; 21] = [
    line(
        "any 535 5.7.139",
        AuthenticationFailed,
        Microsoft,
        "Microsoft refuses the user name and password: basic authentication is switched off for this mailbox or organisation. \
         Choose the O365 send method, which needs no password; until Microsoft ends it, authenticated SMTP can also be allowed \
         for the one mailbox.",
    ),
    line(
        "any 5xx 5.7.30",
        AuthenticationFailed,
        Settings,
        "Microsoft does not take user names and passwords over SMTP any more (basic authentication has ended for client \
         submission). Choose the O365 send method.",
    ),
    line(
        "any 530 * starttls",
        SenderRejected,
        Settings,
        "The server wants TLS before anything else. Choose starttls.",
    ),
    line(
        "any 53x 5.7.57",
        SenderRejected,
        Settings,
        "The server takes mail only from accounts it knows. Set user name and password; for a Microsoft mailbox choose the O365 \
         send method.",
    ),
    line(
        "mail_from 530 *",
        SenderRejected,
        Settings,
        "The server takes mail only from accounts it knows. Set user name and password.",
    ),
    line("any 5xx 5.7.60", SenderRejected, Server, NOT_ONES_OWN),
    line("any 5xx 5.2.252", SenderRejected, Server, NOT_ONES_OWN),
    line("any 5xx * sendasdenied", SenderRejected, Server, NOT_ONES_OWN),
    line("any 5xx * not owned by user", SenderRejected, Settings, NOT_ONES_OWN),
    line(
        "any 5xx * not logged in",
        SenderRejected,
        Settings,
        "The server keeps {sender} for an account of its own, and no user name is set. Set user name and password.",
    ),
    line(
        "any 4xx * sender address rejected",
        SenderRejected,
        Server,
        "The server cannot make sure of the sender {sender} right now, mostly since its domain could not be looked up. Check the From \
         address and its domain's DNS records, then test again.",
    ),
    line(
        "any 5xx * sender address rejected",
        SenderRejected,
        Server,
        "The server does not take mail from {sender}. Check the From address and its domain, or have the server allow it.",
    ),
    line("rcpt_to * * relay access denied", RecipientRejected, Server, RELAYING),
    line("rcpt_to * * relay", RecipientRejected, Server, RELAYING),
    line("rcpt_to 5xx 5.7.54", RecipientRejected, Server, RELAYING),
    line("rcpt_to 5xx * spamhaus", RecipientRejected, Operator, LISTED),
    line("rcpt_to 5xx * blocked using", RecipientRejected, Operator, LISTED),
    line("mail_from 5xx * block list", SenderRejected, Operator, LISTED),
    line("data 5xx * spamhaus", MessageRejected, Operator, LISTED),
    line(
        "any 4xx * too many",
        Throttled,
        Nobody,
        "The server takes no more from here for a while. Wait some minutes and test again; real mail is tried again by itself.",
    ),
    line(
        "any 5xx 5.7.708",
        MessageRejected,
        Microsoft,
        "Microsoft does not take mail from this address of a tenant this new or this quiet. Microsoft's support can lift that.",
    ),
];

const RELAYING: &str = "The server does not pass mail on to {recipient} for this client. Set user name and password if the server has \
                        accounts, or have it allow relaying from this machine's address.";
