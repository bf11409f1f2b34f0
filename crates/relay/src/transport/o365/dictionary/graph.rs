//! Graph's errors by their `code`, as sendMail gives them; upper and lower case are one.

use super::{
    Effect::{self, Configuration, Doubt, Later, Message, Recipient},
    FailureCode::{
        self, ApplicationNotFound, AuthenticationFailed, MailboxNotFound, MessageRejected, OutcomeUnknown,
        PermissionMissing, RecipientRejected, SendAsDenied, SenderRejected, ServiceUnavailable, Throttled,
    },
    Meaning, Named,
    Who::{self, Author, Directory, Exchange, Nobody, Settings},
};

const fn line(name: &'static str, effect: Effect, code: FailureCode, who: Who, hint: &'static str) -> Named {
    Named {
        name,
        effect,
        meaning: Meaning { code, who, hint },
    }
}

const NO_PERMISSION: &str = "The application may not send from this mailbox. Give it the application permission Mail.Send of Microsoft Graph and grant admin consent, or a role of RBAC for Applications in Exchange Online whose scope has this mailbox; changes take up to two hours.";
const NO_MAILBOX: &str = "The From address has no mailbox in Exchange Online of this directory. Use the primary address of a licensed user or a shared mailbox, and check the Tenant ID.";
const NOT_ONLINE: &str = "The mailbox is not in Exchange Online: it is on premises, inactive or without a licence. Use a mailbox that is in the cloud.";
const BAD_TOKEN: &str = "Microsoft Graph did not accept a fresh token. Check that the right national cloud is chosen and that the application is enabled.";
const TOO_BIG: &str = "The message is larger than the mailbox may send, or than Microsoft Graph takes in one request (4 MB). Make it shorter.";
const BAD_MESSAGE: &str =
    "Microsoft Graph did not accept the message as it is written. Sending it again will not help.";
const BUSY: &str = "Microsoft has limited what this application or mailbox may send for a while. The mail is sent when the limit has passed.";
const TRANSIENT: &str = "Exchange Online had a failure of its own. The mail is sent when it has passed.";
const MAYBE: &str = "Microsoft gave up waiting for the mailbox after it had the message: it may have been sent.";

pub(super) static LINES: [Named; 46] = [
    line(
        "InvalidAuthenticationToken",
        Configuration,
        AuthenticationFailed,
        Settings,
        BAD_TOKEN,
    ),
    line("CompactToken", Configuration, AuthenticationFailed, Settings, BAD_TOKEN),
    line("Unauthorized", Configuration, AuthenticationFailed, Settings, BAD_TOKEN),
    line(
        "unauthenticated",
        Configuration,
        AuthenticationFailed,
        Settings,
        BAD_TOKEN,
    ),
    line(
        "ErrorAccessDenied",
        Configuration,
        PermissionMissing,
        Directory,
        NO_PERMISSION,
    ),
    line(
        "AccessDenied",
        Configuration,
        PermissionMissing,
        Directory,
        NO_PERMISSION,
    ),
    line(
        "Authorization_RequestDenied",
        Configuration,
        PermissionMissing,
        Directory,
        NO_PERMISSION,
    ),
    line("Forbidden", Configuration, PermissionMissing, Directory, NO_PERMISSION),
    line(
        "Authorization_IdentityNotFound",
        Configuration,
        ApplicationNotFound,
        Directory,
        "The application has no service principal in this directory. Grant it admin consent once, which makes one.",
    ),
    line(
        "ErrorSendAsDenied",
        Configuration,
        SendAsDenied,
        Exchange,
        "The mailbox may not send as the From address. Make the From address the mailbox's own, or grant Send As on it in Exchange Online.",
    ),
    line("ErrorInvalidUser", Configuration, MailboxNotFound, Settings, NO_MAILBOX),
    line(
        "ErrorNonExistentMailbox",
        Configuration,
        MailboxNotFound,
        Settings,
        NO_MAILBOX,
    ),
    line("ResourceNotFound", Configuration, MailboxNotFound, Settings, NO_MAILBOX),
    line(
        "Request_ResourceNotFound",
        Configuration,
        MailboxNotFound,
        Settings,
        NO_MAILBOX,
    ),
    line(
        "ErrorItemNotFound",
        Configuration,
        MailboxNotFound,
        Settings,
        NO_MAILBOX,
    ),
    line(
        "MailboxNotEnabledForRESTAPI",
        Configuration,
        MailboxNotFound,
        Exchange,
        NOT_ONLINE,
    ),
    line(
        "MailboxNotSupportedForRESTAPI",
        Configuration,
        MailboxNotFound,
        Exchange,
        NOT_ONLINE,
    ),
    line(
        "MailboxNotHostedInExchangeOnline",
        Configuration,
        MailboxNotFound,
        Exchange,
        NOT_ONLINE,
    ),
    line(
        "ErrorMailboxMoveInProgress",
        Later,
        ServiceUnavailable,
        Nobody,
        "The mailbox is being moved. The mail is sent when the move is done.",
    ),
    line(
        "OrganizationFromTenantGuidNotFound",
        Configuration,
        MailboxNotFound,
        Exchange,
        "The directory has no Exchange Online. Give it a subscription that has, or use the directory that has the mailbox.",
    ),
    line(
        "ErrorAccountSuspend",
        Configuration,
        SenderRejected,
        Exchange,
        "Microsoft has suspended the account. Sign in to the mailbox and follow what it says, or unblock the account in Microsoft 365.",
    ),
    line(
        "ErrorAccountSuspendShowTierUpgrade",
        Configuration,
        SenderRejected,
        Exchange,
        "Microsoft has suspended the account. Sign in to the mailbox and follow what it says, or unblock the account in Microsoft 365.",
    ),
    line(
        "ErrorMessageSubmissionBlocked",
        Configuration,
        SenderRejected,
        Exchange,
        "Microsoft has blocked the mailbox from sending. Unblock it in the Defender portal under Restricted entities.",
    ),
    line(
        "ErrorExceededMessageLimit",
        Later,
        Throttled,
        Exchange,
        "The mailbox has sent as much as it may in a day. The mail is sent when the limit has passed; a high-volume sender needs another service.",
    ),
    line(
        "ErrorQuotaExceeded",
        Later,
        SenderRejected,
        Exchange,
        "The mailbox is full, so that nothing can be kept in its Sent Items. Empty it or raise its quota; the mail is sent then.",
    ),
    line(
        "ErrorSubmissionQuotaExceeded",
        Later,
        Throttled,
        Exchange,
        "The mailbox has sent to as many recipients as it may in a day. The mail is sent when the limit has passed.",
    ),
    line(
        "ErrorInvalidRecipients",
        Recipient,
        RecipientRejected,
        Author,
        "Exchange Online does not take the recipient's address. Check how it is written.",
    ),
    line(
        "ErrorInvalidSmtpAddress",
        Recipient,
        RecipientRejected,
        Author,
        "Exchange Online does not take the recipient's address. Check how it is written.",
    ),
    line(
        "ErrorRecipientNotFound",
        Recipient,
        RecipientRejected,
        Author,
        "Exchange Online does not know the recipient. Check how the address is written.",
    ),
    line("ErrorMimeContentInvalid", Message, MessageRejected, Author, BAD_MESSAGE),
    line(
        "ErrorMimeContentInvalidBase64String",
        Message,
        MessageRejected,
        Author,
        BAD_MESSAGE,
    ),
    line(
        "ErrorMimeContentConversionFailed",
        Message,
        MessageRejected,
        Author,
        BAD_MESSAGE,
    ),
    line("ErrorInvalidProperty", Message, MessageRejected, Author, BAD_MESSAGE),
    line("RequestBodyRead", Message, MessageRejected, Author, BAD_MESSAGE),
    line("BadRequest", Message, MessageRejected, Author, BAD_MESSAGE),
    line("ErrorMessageSizeExceeded", Message, MessageRejected, Author, TOO_BIG),
    line("RequestEntityTooLarge", Message, MessageRejected, Author, TOO_BIG),
    line("ApplicationThrottled", Later, Throttled, Nobody, BUSY),
    line("TooManyRequests", Later, Throttled, Nobody, BUSY),
    line("ErrorServerBusy", Later, Throttled, Nobody, BUSY),
    line(
        "ErrorMailboxStoreUnavailable",
        Later,
        ServiceUnavailable,
        Nobody,
        TRANSIENT,
    ),
    line(
        "ErrorInternalServerTransientError",
        Later,
        ServiceUnavailable,
        Nobody,
        TRANSIENT,
    ),
    line("ErrorInternalServerError", Later, ServiceUnavailable, Nobody, TRANSIENT),
    line("ErrorConnectionFailed", Later, ServiceUnavailable, Nobody, TRANSIENT),
    line("ErrorTimeoutExpired", Doubt, OutcomeUnknown, Nobody, MAYBE),
    line("gatewayTimeout", Doubt, OutcomeUnknown, Nobody, MAYBE),
];
