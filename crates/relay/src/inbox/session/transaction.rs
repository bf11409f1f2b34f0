//! One mail transaction: MAIL, RCPT, DATA, the text and its dot.

use smtp_proto::{MAIL_BODY_8BITMIME, MAIL_SMTPUTF8, MailFrom};

use super::{OUT_OF_ORDER, Session, is_positive};
use crate::inbox::{config::Extension, data::Decoder, mailroom::Captured, play::Act, script::Step, wire::End};

/// A mail under way.
#[derive(Debug)]
pub(super) struct Transaction {
    reverse_path: String,
    forward_paths: Vec<String>,
    declared: u64,
}

impl Transaction {
    const fn declares(&self, flag: u64) -> bool {
        self.declared & flag != 0
    }

    /// The refusal of a text that holds octets the client did not announce (RFC 6152 §3, RFC 6531 §3.3).
    fn refusal(&self, text: &[u8]) -> Option<&'static str> {
        let end_of_headers = text.windows(4).position(|octets| octets == b"\r\n\r\n");
        let (headers, body) = text.split_at_checked(end_of_headers.unwrap_or(text.len()))?;
        if !headers.is_ascii() && !self.declares(MAIL_SMTPUTF8) {
            Some("554 5.6.7 UTF-8 headers without SMTPUTF8")
        } else if !body.is_ascii() && !self.declares(MAIL_BODY_8BITMIME) {
            Some("554 5.6.1 8-bit text without BODY=8BITMIME")
        } else {
            None
        }
    }
}

impl Session {
    pub(super) async fn mail(&mut self, from: &MailFrom<impl AsRef<str>>, path: String) -> Result<(), End> {
        if self.greeted.is_none() || self.transaction.is_some() {
            return self.wire.say(OUT_OF_ORDER).await;
        }
        if self.house.config.auth.is_some() && self.user.is_none() {
            return self.wire.say("530 5.7.0 Authenticate first").await;
        }
        if let Some(refusal) = self.mail_refusal(from) {
            return self.wire.say(refusal).await;
        }
        if is_positive(self.answer(Step::Mail, "250 2.1.0 Sender fine").await?) {
            self.transaction = Some(Transaction {
                reverse_path: path,
                forward_paths: Vec::new(),
                declared: from.flags,
            });
        }
        Ok(())
    }

    fn mail_refusal(&self, from: &MailFrom<impl AsRef<str>>) -> Option<&'static str> {
        let declares = |flag: u64| from.flags & flag != 0;
        let not_offered = (declares(MAIL_BODY_8BITMIME) && !self.offers(Extension::EightBitMime))
            || (declares(MAIL_SMTPUTF8) && !self.offers(Extension::SmtpUtf8))
            || (from.size > 0 && !self.offers(Extension::Size));
        if not_offered {
            Some("555 5.5.4 A parameter that is not offered")
        } else if from.size > self.house.config.limits.message_octets {
            Some("552 5.3.4 Larger than allowed")
        } else if !from.address.as_ref().is_ascii() && !declares(MAIL_SMTPUTF8) {
            Some("553 5.6.7 A UTF-8 address without SMTPUTF8")
        } else {
            None
        }
    }

    pub(super) async fn rcpt(&mut self, path: String) -> Result<(), End> {
        let Some(transaction) = &self.transaction else {
            return self.wire.say(OUT_OF_ORDER).await;
        };
        if transaction.forward_paths.len() >= self.house.config.limits.recipients {
            return self.wire.say("452 4.5.3 Too many recipients").await;
        }
        if !path.is_ascii() && !transaction.declares(MAIL_SMTPUTF8) {
            return self.wire.say("553 5.6.7 A UTF-8 address without SMTPUTF8").await;
        }
        let behaviour = self.house.script.next(Step::Rcpt, Some(&path));
        let act = Act::new(behaviour, "250 2.1.5 Recipient fine");
        let code = act.code();
        act.perform(&mut self.wire).await?;
        if let Some(transaction) = &mut self.transaction
            && is_positive(code)
        {
            transaction.forward_paths.push(path);
        }
        Ok(())
    }

    pub(super) async fn data(&mut self) -> Result<(), End> {
        match &self.transaction {
            None => return self.wire.say(OUT_OF_ORDER).await,
            Some(transaction) if transaction.forward_paths.is_empty() => {
                return self.wire.say("554 5.5.1 No valid recipients").await;
            }
            Some(_) => {}
        }
        if self.answer(Step::Data, "354 Go ahead").await? != Some(354) {
            return Ok(());
        }
        let decoder = Decoder::new(self.house.config.limits.message_octets);
        let decoder = self.wire.read_data(decoder).await?;
        match self.transaction.take() {
            Some(transaction) => self.dot(transaction, decoder).await,
            None => Ok(()),
        }
    }

    async fn dot(&mut self, transaction: Transaction, decoder: Decoder) -> Result<(), End> {
        let text = match decoder.finish() {
            Ok(text) => text,
            Err(unfit) => return self.wire.say(unfit.reply()).await,
        };
        if let Some(refusal) = transaction.refusal(&text) {
            return self.wire.say(refusal).await;
        }
        let act = Act::new(self.house.script.next(Step::Dot, None), "250 2.0.0 Taken");
        if is_positive(act.code()) {
            self.house.mailroom.keep(Captured {
                reverse_path: transaction.reverse_path,
                forward_paths: transaction.forward_paths,
                data: text,
                received_at: self.house.mailroom.now(),
                channel: self.wire.channel(),
                user: self.user.clone(),
            });
        }
        act.perform(&mut self.wire).await
    }
}
