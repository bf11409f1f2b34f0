//! Graph's sendMail, for applications.

use tokio::time::sleep;

use super::{
    config::{Directory, MailboxEntry, MailboxState, Registration},
    desk::{Asked, Desk},
    kept::{Grant, Taken},
    mail::{self, Sent},
    script::{Play, Said},
};

/// Octets of a request's body at most.
const MAX_REQUEST: usize = 4 * 1024 * 1024;
/// The permission to send as anybody in the directory.
const MAIL_SEND: &str = "Mail.Send";

impl Desk {
    /// Takes a mail, or says the name of the error.
    pub(super) async fn send_mail(&self, asked: &Asked, play: Play) -> Result<Said, &'static str> {
        let grant = self.granted(asked)?;
        let directory = self.directory(|directory| directory.id == grant.directory);
        let directory = directory.ok_or("OrganizationFromTenantGuidNotFound")?;
        let application = directory
            .applications
            .iter()
            .find(|one| one.client_id == grant.application);
        let application = application.ok_or("Authorization_IdentityNotFound")?;
        let address = asked.path.get(2).map_or("", String::as_str);
        let begun = self.kept.begin(application.client_id, address);
        if let Play::Delay(a_while) = play {
            sleep(a_while).await;
        }
        if begun.at_once > self.config.at_once {
            return Err("ApplicationThrottled");
        }
        if asked.body.len() > MAX_REQUEST {
            return Err("RequestEntityTooLarge");
        }
        let mailbox = mailbox(directory, address)?;
        if !may_send(application, mailbox) {
            return Err("ErrorAccessDenied");
        }
        let sent = mail::read(&asked.content_type, &asked.body)?;
        check_sender(mailbox, &sent)?;
        check_recipients(&sent)?;
        self.kept.take(Taken {
            mailbox: mailbox.address.clone(),
            application: application.client_id,
            form: sent.form,
            copy: sent.copy,
            subject: sent.subject,
            recipients: sent.recipients,
            data: sent.data,
        });
        Ok(Said::status(202))
    }

    fn granted(&self, asked: &Asked) -> Result<Grant, &'static str> {
        let token = asked.authorization.strip_prefix("Bearer ").unwrap_or_default();
        match (token.is_empty(), token.split('.').count()) {
            (true, _) => Err("InvalidAuthenticationToken"),
            (false, 3) => self.kept.grant(token).ok_or("InvalidAuthenticationToken"),
            (false, _) => Err("CompactToken"),
        }
    }
}

fn mailbox<'a>(directory: &'a Directory, address: &str) -> Result<&'a MailboxEntry, &'static str> {
    let mut known = directory.mailboxes.iter();
    let mailbox = known
        .find(|one| one.address.eq_ignore_ascii_case(address))
        .ok_or("ErrorInvalidUser")?;
    match mailbox.state {
        MailboxState::Online => Ok(mailbox),
        MailboxState::Elsewhere => Err("MailboxNotEnabledForRESTAPI"),
        MailboxState::Suspended => Err("ErrorAccountSuspend"),
        MailboxState::Spent => Err("ErrorExceededMessageLimit"),
    }
}

fn may_send(application: &Registration, mailbox: &MailboxEntry) -> bool {
    let everywhere = application.roles.iter().any(|role| role == MAIL_SEND);
    let here = application
        .scoped_to
        .iter()
        .any(|address| address.eq_ignore_ascii_case(&mailbox.address));
    everywhere || here
}

fn check_sender(mailbox: &MailboxEntry, sent: &Sent) -> Result<(), &'static str> {
    let Some(from) = &sent.from else {
        return Ok(());
    };
    let mut own = mailbox.send_as.iter().chain([&mailbox.address]);
    own.any(|address| address.eq_ignore_ascii_case(from))
        .then_some(())
        .ok_or("ErrorSendAsDenied")
}

fn check_recipients(sent: &Sent) -> Result<(), &'static str> {
    let is_address = |address: &String| {
        address
            .rsplit_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'))
    };
    let good = !sent.recipients.is_empty() && sent.recipients.iter().all(is_address);
    good.then_some(()).ok_or("ErrorInvalidRecipients")
}
