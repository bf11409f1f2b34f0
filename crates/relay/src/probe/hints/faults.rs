//! What became of the connection, where no reply says it: by the failure's name, the step, and how TLS was asked for.

use domain::connection::Security;

use super::{
    super::report::{
        FailureCode::{
            self, AuthenticationNotOffered, BlockedAddress, ConnectionClosed, ConnectionRefused, ConnectionTimeout,
            DnsNotFound, MessageRejected, RecipientRejected, SenderRejected, TlsHandshakeFailed, TlsNotOffered,
        },
        StepName::{self, Authenticate, Connect, Data, Greeting, MailFrom, RcptTo, Resolve, Tls},
    },
    Advice, Case,
    Who::{self, Operator, Server, Settings},
};
use crate::session::SessionFailure;

/// When a line is the right one.
#[derive(Clone, Copy)]
struct Line {
    /// [`SessionFailure::as_str`].
    fault: &'static str,
    /// Where; anywhere if empty.
    at: &'static [StepName],
    /// With these; with any if empty.
    security: &'static [Security],
    advice: Advice,
}

const fn line(fault: &'static str, at: &'static [StepName], advice: Advice) -> Line {
    Line {
        fault,
        at,
        security: &[],
        advice,
    }
}

const fn with(security: &'static [Security], line: Line) -> Line {
    Line { security, ..line }
}

const fn say(code: FailureCode, who: Who, text: &'static str) -> Advice {
    Advice { code, who, text }
}

const LATER: &[StepName] = &[Authenticate, MailFrom, RcptTo, Data];
const CLEAR_FIRST: &[Security] = &[Security::StartTls, Security::StartTlsOptional, Security::None];

/// From the particular to the general: the first that fits is taken.
static LINES: [Line; 21] = [
    line(
        "blocked_address",
        &[],
        say(
            BlockedAddress,
            Operator,
            "This service does not connect to that address. If the server is a trusted one in a private network, its network has \
             to be allowed with LETTERHEAD_EGRESS_ALLOW.",
        ),
    ),
    line(
        "dns_not_found",
        &[],
        say(
            DnsNotFound,
            Settings,
            "The name {server} leads to no address. Check the spelling of Email Server; a name that only your own network knows has \
             to be known to this machine's name servers too.",
        ),
    ),
    line(
        "connection_refused",
        &[],
        say(
            ConnectionRefused,
            Settings,
            "Nothing listens on port {port} of {server}, or something on the way refuses for it. Check Email Server and Port: 587 is \
             usual for starttls, 465 for implicit_tls, 25 between servers.",
        ),
    ),
    line(
        "unreachable",
        &[],
        say(
            ConnectionTimeout,
            Operator,
            "The network has no way to {server}. Check Email Server, and whether this machine reaches that network at all.",
        ),
    ),
    line(
        "timeout",
        &[Resolve],
        say(
            ConnectionTimeout,
            Operator,
            "The name servers of this machine did not answer in time, so the name {server} could not be looked up.",
        ),
    ),
    line(
        "timeout",
        &[Connect],
        say(
            ConnectionTimeout,
            Settings,
            "Nothing answered on port {port} of {server}. Check Email Server and Port; many networks let nothing out on port 25, so \
             try 587 or 465.",
        ),
    ),
    with(
        CLEAR_FIRST,
        line(
            "timeout",
            &[Greeting],
            say(
                ConnectionTimeout,
                Settings,
                "The connection stands, but the server said nothing. A port that begins with TLS, as 465 does, waits for the client: \
                 choose implicit_tls for it.",
            ),
        ),
    ),
    line(
        "timeout",
        &[Greeting],
        say(
            ConnectionTimeout,
            Server,
            "The connection stands, but the server did not greet in time: it is overloaded, or holds strangers back.",
        ),
    ),
    with(
        &[Security::ImplicitTls],
        line(
            "timeout",
            &[Tls],
            say(
                ConnectionTimeout,
                Settings,
                "The server did not take up TLS. A port that begins in clear text, as 587 and 25 do, waits for other words: choose \
                 starttls for it.",
            ),
        ),
    ),
    line(
        "timeout",
        &[Tls],
        say(
            ConnectionTimeout,
            Server,
            "The server agreed to TLS and then said nothing. Something on the way may be looking into the connection.",
        ),
    ),
    line(
        "timeout",
        LATER,
        say(
            ConnectionTimeout,
            Server,
            "The server took part up to here and then did not answer in time: it is overloaded, or waits for something behind it.",
        ),
    ),
    line(
        "connection_closed",
        &[Greeting],
        say(
            ConnectionClosed,
            Server,
            "The server, or something on the way, took the connection and closed it before it said a word. It may not serve this \
             machine's address, or the port belongs to another protocol.",
        ),
    ),
    line(
        "connection_closed",
        &[Tls],
        say(
            ConnectionClosed,
            Server,
            "The connection was closed in the middle of the TLS handshake, by the server or by something that looks into it.",
        ),
    ),
    line(
        "connection_closed",
        &[],
        say(
            ConnectionClosed,
            Server,
            "The server, or something on the way, closed the connection without saying why. The mail server's log says more.",
        ),
    ),
    line(
        "protocol_violation",
        &[Tls],
        say(
            TlsHandshakeFailed,
            Server,
            "Something was said in clear where TLS should have begun. Something on the way may be meddling with the connection.",
        ),
    ),
    line(
        "protocol_violation",
        &[],
        say(
            ConnectionClosed,
            Settings,
            "What answers on port {port} of {server} does not speak SMTP as it should, so the connection was given up. Check Email \
             Server and Port.",
        ),
    ),
    line(
        "tls_not_offered",
        &[],
        say(
            TlsNotOffered,
            Settings,
            "The server does not offer STARTTLS on port {port}, so nothing was sent. Try implicit_tls with port 465, ask for TLS on the \
             mail server, or, without a user name only, choose starttls_optional.",
        ),
    ),
    line(
        "credentials_need_tls",
        &[],
        say(
            TlsNotOffered,
            Settings,
            "Credentials never travel in clear. Choose starttls or implicit_tls, or remove the user name.",
        ),
    ),
    with(
        &[Security::ImplicitTls],
        line(
            "tls_handshake_failed",
            &[],
            say(
                TlsHandshakeFailed,
                Settings,
                "Port {port} of {server} does not take up TLS, or only an outdated kind. If it is a port that begins in clear text, as \
                 587 and 25 do, choose starttls; TLS 1.2 is the least.",
            ),
        ),
    ),
    line(
        "tls_handshake_failed",
        &[],
        say(
            TlsHandshakeFailed,
            Server,
            "Client and server found no way to speak TLS. The server must offer TLS 1.2 or 1.3 with a current cipher suite.",
        ),
    ),
    line(
        "authentication_not_offered",
        &[],
        say(
            AuthenticationNotOffered,
            Settings,
            "A user name is set, but the server offers no way to use it here. Many servers take it on port 587 or 465 only; a server \
             that knows this machine by its address wants no user name at all.",
        ),
    ),
];

pub(super) fn advice(failure: &SessionFailure, step: StepName, case: &Case<'_>) -> Advice {
    if matches!(
        failure,
        SessionFailure::SmtpUtf8NotOffered | SessionFailure::EightBitMimeNotOffered
    ) {
        let is_the_recipients = case.mail.forward_path.needs_smtputf8();
        return if is_the_recipients {
            RECIPIENT_BEYOND_ASCII
        } else {
            SENDER_BEYOND_ASCII
        };
    }
    let security = case.server.security;
    let fits = |line: &&Line| {
        (line.fault.is_empty() || line.fault == failure.as_str())
            && (line.at.is_empty() || line.at.contains(&step))
            && (line.security.is_empty() || line.security.contains(&security))
    };
    LINES.iter().find(fits).map_or(GENERAL, |line| line.advice)
}

const RECIPIENT_BEYOND_ASCII: Advice = say(
    RecipientRejected,
    Settings,
    "The recipient's address has letters beyond ASCII before its @, and the server does not take such addresses.",
);

const SENDER_BEYOND_ASCII: Advice = say(
    SenderRejected,
    Settings,
    "The From address has letters beyond ASCII, and the server does not take such mail.",
);

/// What no line fits.
const GENERAL: Advice = say(
    MessageRejected,
    Server,
    "The mail could not be sent as it is; the step's detail says why.",
);
