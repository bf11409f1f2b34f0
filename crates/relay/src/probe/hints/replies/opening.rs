//! Refusals before the mail: the greeting, STARTTLS, AUTH.

use super::{
    super::super::report::FailureCode::{
        self, AuthenticationFailed, AuthenticationNotOffered, ConnectionRefused, Throttled, TlsHandshakeFailed,
    },
    super::{
        Advice,
        Who::{self, Nobody, Server, Settings},
    },
    Line,
};

const fn line(pattern: &'static str, code: FailureCode, who: Who, text: &'static str) -> Line {
    Line {
        pattern,
        advice: Advice { code, who, text },
    }
}

pub(super) static LINES: [Line; 17] = [
    line(
        "greeting 4xx *",
        ConnectionRefused,
        Server,
        "The server, or something that answers in its place, opened the connection and takes no mail right now. Its words are in \
         the step's detail.",
    ),
    line(
        "greeting 5xx *",
        ConnectionRefused,
        Server,
        "The server, or something that answers in its place, does not serve this machine's address. Have it allow the address, or \
         choose the server's port for submission (587 or 465).",
    ),
    line(
        "tls 4xx *",
        TlsHandshakeFailed,
        Server,
        "The server offers STARTTLS and could not begin it: mostly its certificate or key cannot be read. Its log says more.",
    ),
    line(
        "tls 5xx *",
        TlsHandshakeFailed,
        Server,
        "The server offers STARTTLS and refuses it. Its log says more; implicit_tls with port 465 may work meanwhile.",
    ),
    line(
        "authenticate 535 5.7.3",
        AuthenticationFailed,
        Settings,
        "The Exchange server does not accept user name and password, or the mailbox may not use authenticated SMTP. Check both; for \
         Microsoft 365 choose the O365 send method.",
    ),
    line(
        "authenticate 534 5.7.9",
        AuthenticationFailed,
        Settings,
        "The account has two-step sign-in, and its own password does not work here. Make an app password in the account's security \
         settings and use that.",
    ),
    line(
        "authenticate 534 5.7.14",
        AuthenticationFailed,
        Settings,
        "The provider wants somebody to sign in to the account with a browser first. Do so once, or use an app password.",
    ),
    line(
        "authenticate 534 *",
        AuthenticationFailed,
        Settings,
        "The server wants a stronger way to sign in, or a change of the password first. Its words are in the step's detail.",
    ),
    line(
        "authenticate 538 *",
        AuthenticationFailed,
        Settings,
        "The server wants a better protected session for this. Choose starttls or implicit_tls.",
    ),
    line(
        "authenticate 530 *",
        AuthenticationFailed,
        Server,
        "The server asks for another step before this one. Its words are in the step's detail.",
    ),
    line(
        "authenticate 504 *",
        AuthenticationNotOffered,
        Server,
        "The server offers this way to sign in and then does not know it. It has to offer PLAIN or LOGIN.",
    ),
    line(
        "authenticate 50x *",
        AuthenticationNotOffered,
        Settings,
        "The server does not know AUTH here. Use the port for submission (587 or 465), or remove the user name.",
    ),
    line(
        "authenticate 421 *",
        Throttled,
        Nobody,
        "The server ended the session: often it was tried too many times. Wait some minutes and test again.",
    ),
    line(
        "authenticate 4xx *",
        AuthenticationFailed,
        Server,
        "The server could not check user name and password right now: what it asks for that does not answer. Test again in some \
         minutes; if it stays, its log says more.",
    ),
    line(
        "authenticate 5xx 5.7.8",
        AuthenticationFailed,
        Settings,
        "The server does not accept this user name and password. Give both again; some servers want the whole address as user name, \
         and some an app password.",
    ),
    line(
        "authenticate 5xx *",
        AuthenticationFailed,
        Settings,
        "The server does not accept this user name and password. Give both again, or ask whoever runs the server whether the account \
         may send.",
    ),
    line(
        "any 421 *",
        Throttled,
        Nobody,
        "The server ended the session before the mail was sent: it is busy, being restarted, or takes no more from here for a while. \
         Wait some minutes and test again.",
    ),
];
