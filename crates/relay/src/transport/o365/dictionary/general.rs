//! What each failure means where Microsoft said nothing more exact, or nothing at all.

use super::{
    FailureCode::{
        self, ApplicationNotFound, AuthenticationFailed, BlockedAddress, ClientSecretExpired, ClientSecretInvalid,
        ConnectionClosed, ConnectionRefused, ConnectionTimeout, DirectoryNotFound, DnsNotFound, MailboxNotFound,
        MessageRejected, NotSent, OutcomeUnknown, PermissionMissing, ProtocolViolation, RecipientRejected,
        SecretIncomplete, SendAsDenied, SenderRejected, ServiceUnavailable, Throttled, TlsCertificateInvalid,
        TlsHandshakeFailed,
    },
    Meaning,
    Who::{self, Author, Directory, Exchange, Network, Nobody, Settings},
};

const fn line(code: FailureCode, who: Who, hint: &'static str) -> Meaning {
    Meaning { code, who, hint }
}

/// For a code without a line.
pub(super) const NOTHING_KNOWN: &str = "Microsoft gives no further reason.";

const NO_CONNECTION: &str = "There was no connection to Microsoft. Check that this host may reach login.microsoftonline.com and graph.microsoft.com, or their counterparts of the chosen cloud, on port 443.";

pub(super) static LINES: [Meaning; 24] = [
    line(
        SecretIncomplete,
        Settings,
        "The vault's entry lacks the Client ID, the Client Secret or the Tenant ID. Add what is missing.",
    ),
    line(
        ClientSecretInvalid,
        Settings,
        "Microsoft does not accept the application's credentials. Compare the Client ID, and make and store a new client secret.",
    ),
    line(
        ClientSecretExpired,
        Directory,
        "The client secret has expired. Make a new one under Certificates & secrets and replace the stored one.",
    ),
    line(
        ApplicationNotFound,
        Settings,
        "The directory does not know the application. Compare the Client ID and the Tenant ID with the Overview page of its registration.",
    ),
    line(
        DirectoryNotFound,
        Settings,
        "There is no such directory in this cloud. Compare the Tenant ID, and check which national cloud is chosen.",
    ),
    line(
        AuthenticationFailed,
        Directory,
        "Microsoft gives the application no token, or does not accept it. What it said is in the transcript; the sign-in logs of service principals in Microsoft Entra say more.",
    ),
    line(
        PermissionMissing,
        Directory,
        "The application may not send from this mailbox. Give it the application permission Mail.Send and grant admin consent.",
    ),
    line(
        MailboxNotFound,
        Settings,
        "The From address has no mailbox in this directory. Use the address of a mailbox in Exchange Online.",
    ),
    line(
        SendAsDenied,
        Exchange,
        "The mailbox may not send as the From address. Make the From address the mailbox's own.",
    ),
    line(
        SenderRejected,
        Exchange,
        "The mailbox may not send. Look at it in the Exchange admin centre.",
    ),
    line(
        RecipientRejected,
        Author,
        "Microsoft does not take the recipient's address. Check how it is written.",
    ),
    line(
        MessageRejected,
        Author,
        "The message cannot be sent as it is. Sending it again will not help.",
    ),
    line(
        Throttled,
        Nobody,
        "Microsoft limits how much may be sent in a time. The mail is sent when the limit has passed.",
    ),
    line(
        ServiceUnavailable,
        Nobody,
        "Microsoft's service has a failure of its own. The mail is sent when it has passed.",
    ),
    line(
        OutcomeUnknown,
        Nobody,
        "No clear answer came after the message was out: it may have been sent. Look into the recipient's mailbox.",
    ),
    line(
        NotSent,
        Nobody,
        "The message was stopped before it was out; nothing was sent.",
    ),
    line(
        BlockedAddress,
        Settings,
        "The address may not be connected to. An operator can allow it with LETTERHEAD_EGRESS_ALLOW.",
    ),
    line(
        DnsNotFound,
        Network,
        "The name of Microsoft's service could not be resolved. Check the DNS of this host.",
    ),
    line(ConnectionRefused, Network, NO_CONNECTION),
    line(ConnectionTimeout, Network, NO_CONNECTION),
    line(ConnectionClosed, Network, NO_CONNECTION),
    line(
        TlsCertificateInvalid,
        Network,
        "The certificate is not Microsoft's, or this host's roots are out of date. A proxy that looks into TLS must not stand before Letterhead.",
    ),
    line(
        TlsHandshakeFailed,
        Network,
        "TLS with Microsoft's service failed. A proxy or an old firewall may stand between.",
    ),
    line(
        ProtocolViolation,
        Network,
        "What answered does not answer as Microsoft does. A proxy or a sign-in page of the network may stand between.",
    ),
];
