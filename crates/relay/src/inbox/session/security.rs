//! STARTTLS and AUTH of one session.

use std::sync::Arc;

use super::{OUT_OF_ORDER, Session, is_positive};
use crate::inbox::{
    auth::{self, Claim},
    config::{Accepts, Mechanism, TlsMode},
    play::Act,
    script::Step,
    wire::End,
};

const ACCEPTED: &str = "235 2.7.0 Welcome";
const REFUSED: &str = "535 5.7.8 Credentials not accepted";

impl Session {
    pub(super) async fn start_tls(&mut self) -> Result<(), End> {
        let TlsMode::StartTls(config) = &self.house.config.tls else {
            return self.wire.say("502 5.5.1 STARTTLS is not offered").await;
        };
        let config = Arc::clone(config);
        if self.greeted.is_none() || !self.can_start_tls() {
            return self.wire.say(OUT_OF_ORDER).await;
        }
        let code = self.answer(Step::StartTls, "220 2.0.0 Go ahead").await?;
        if code != Some(220) {
            return Ok(());
        }
        self.wire.secure(config).await?;
        self.greeted = None;
        self.user = None;
        self.transaction = None;
        Ok(())
    }

    pub(super) async fn authenticate(&mut self, mechanism: u64, initial: &str) -> Result<(), End> {
        let house = Arc::clone(&self.house);
        let Some(accepts) = &house.config.auth else {
            return self.wire.say("502 5.5.1 AUTH is not offered").await;
        };
        if self.greeted.is_none() || self.user.is_some() || self.transaction.is_some() {
            return self.wire.say(OUT_OF_ORDER).await;
        }
        if !self.may_authenticate(accepts) {
            return self.wire.say("538 5.7.11 TLS first").await;
        }
        let Some(mechanism) = auth::offered(accepts, mechanism) else {
            return self.wire.say("504 5.5.4 Mechanism not offered").await;
        };
        let Some(answers) = self.question(mechanism, initial).await? else {
            return self.wire.say("501 5.7.0 Cancelled").await;
        };
        match auth::claim(mechanism, &answers) {
            Some(claim) => self.judge(accepts, mechanism, claim).await,
            None => self.wire.say("501 5.5.2 Not the form of this mechanism").await,
        }
    }

    /// The client's answers; none where it gave up with `*`.
    async fn question(&mut self, mechanism: Mechanism, initial: &str) -> Result<Option<Vec<String>>, End> {
        let mut answers = Vec::new();
        for question in auth::questions(mechanism) {
            if answers.is_empty() && !initial.is_empty() {
                answers.push(initial.to_owned());
                continue;
            }
            self.wire.say(question).await?;
            let answer = self.read_answer().await?;
            if answer == "*" {
                return Ok(None);
            }
            answers.push(answer);
        }
        Ok(Some(answers))
    }

    async fn judge(&mut self, accepts: &Accepts, mechanism: Mechanism, claim: Claim) -> Result<(), End> {
        let usual = match (claim.is_true(accepts), mechanism) {
            (true, _) => ACCEPTED,
            (false, Mechanism::XOAuth2) => auth::XOAUTH2_REFUSAL,
            (false, Mechanism::Plain | Mechanism::Login) => REFUSED,
        };
        let mut code = self.answer(Step::Auth, usual).await?;
        while code == Some(334) {
            self.read_answer().await?;
            code = self.answer_after_challenge().await?;
        }
        if is_positive(code) {
            self.user = Some(claim.user().to_owned());
        }
        Ok(())
    }

    /// The verdict behind an XOAUTH2 challenge; a script that goes on with the same reply would ask forever.
    async fn answer_after_challenge(&mut self) -> Result<Option<u16>, End> {
        let act = Act::new(self.house.script.next(Step::Auth, None), REFUSED);
        let code = act.code().filter(|code| *code != 334);
        act.perform(&mut self.wire).await?;
        Ok(code)
    }

    async fn read_answer(&mut self) -> Result<String, End> {
        let line = self.read_line().await?;
        Ok(String::from_utf8_lossy(&line).trim_end_matches("\r\n").to_owned())
    }
}
