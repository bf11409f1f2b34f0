//! AUTH (RFC 4954): what a client proves, mechanism by mechanism.
//!
//! Pure: the session asks the questions, this module says which and judges the answers.

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::secret::ExposeSecret;

use super::config::{Accepts, Mechanism};

/// XOAUTH2's detail of a refusal; the client answers with an empty line before it gets its 535.
pub(super) const XOAUTH2_REFUSAL: &str = "334 eyJzdGF0dXMiOiI0MDEifQ==";

/// What a client claims to be.
#[derive(Debug, Default)]
pub(super) struct Claim {
    user: String,
    password: String,
}

impl Claim {
    pub(super) fn user(&self) -> &str {
        &self.user
    }

    pub(super) fn is_true(&self, accepts: &Accepts) -> bool {
        self.user == accepts.user && self.password == accepts.password.expose_secret()
    }
}

/// The mechanism of an AUTH command, where this server offers it.
pub(super) fn offered(accepts: &Accepts, mechanism: u64) -> Option<Mechanism> {
    let wanted = match mechanism {
        smtp_proto::AUTH_PLAIN => Mechanism::Plain,
        smtp_proto::AUTH_LOGIN => Mechanism::Login,
        smtp_proto::AUTH_XOAUTH2 => Mechanism::XOAuth2,
        _ => return None,
    };
    accepts.mechanisms.contains(&wanted).then_some(wanted)
}

/// The questions a mechanism asks, in their base64 form.
pub(super) const fn questions(mechanism: Mechanism) -> &'static [&'static str] {
    match mechanism {
        Mechanism::Plain | Mechanism::XOAuth2 => &["334 "],
        Mechanism::Login => &["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"],
    }
}

/// The claim in a client's answers; none where they do not have the mechanism's form.
pub(super) fn claim(mechanism: Mechanism, answers: &[String]) -> Option<Claim> {
    let texts: Option<Vec<String>> = answers.iter().map(|answer| decode(answer)).collect();
    match (mechanism, texts?.as_slice()) {
        (Mechanism::Plain, [response]) => plain(response),
        (Mechanism::Login, [user, password]) => Some(Claim {
            user: user.clone(),
            password: password.clone(),
        }),
        (Mechanism::XOAuth2, [response]) => xoauth2(response),
        (Mechanism::Plain | Mechanism::Login | Mechanism::XOAuth2, _) => None,
    }
}

fn decode(answer: &str) -> Option<String> {
    // "=" stands for an initial response that is there and empty (RFC 4954 §4).
    let base64 = if answer == "=" { "" } else { answer };
    String::from_utf8(STANDARD.decode(base64).ok()?).ok()
}

fn plain(response: &str) -> Option<Claim> {
    let mut parts = response.split('\0');
    let (Some(_authorised), Some(user), Some(password), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    Some(Claim {
        user: user.to_owned(),
        password: password.to_owned(),
    })
}

fn xoauth2(response: &str) -> Option<Claim> {
    let fields = response.strip_suffix("\u{1}\u{1}")?;
    let (user, auth) = fields.split_once('\u{1}')?;
    Some(Claim {
        user: user.strip_prefix("user=")?.to_owned(),
        password: auth.strip_prefix("auth=Bearer ")?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user_of(mechanism: Mechanism, answers: &[&[u8]]) -> Option<(String, String)> {
        let encoded: Vec<String> = answers.iter().map(|answer| STANDARD.encode(answer)).collect();
        claim(mechanism, &encoded).map(|claim| (claim.user, claim.password))
    }

    #[test]
    fn each_mechanism_names_user_and_password_its_own_way() {
        let joe = Some(("joe".to_owned(), "s3cret".to_owned()));
        assert_eq!(user_of(Mechanism::Plain, &[b"\0joe\0s3cret"]), joe);
        assert_eq!(user_of(Mechanism::Login, &[b"joe", b"s3cret"]), joe);
        assert_eq!(
            user_of(Mechanism::XOAuth2, &[b"user=joe\x01auth=Bearer s3cret\x01\x01"]),
            joe
        );
    }

    #[test]
    fn an_answer_of_another_form_claims_nothing() {
        assert!(user_of(Mechanism::Plain, &[b"joe"]).is_none());
        assert!(user_of(Mechanism::Plain, &[b"\0joe\0a\0b"]).is_none());
        assert!(user_of(Mechanism::XOAuth2, &[b"user=joe"]).is_none());
        assert!(claim(Mechanism::Plain, &["not base64!".to_owned()]).is_none());
    }
}
