//! What the load consists of: every kind, several recipients, short lives, replacements, and addresses that the sink treats
//! badly. The same seed gives the same mix.

use chrono::{Duration, SecondsFormat};
use domain::clock::Clock;
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

/// Tenants that submit in turn.
pub(crate) const TENANTS: usize = 4;
/// Users of a tenant whose codes replace each other.
const USERS: u32 = 12;

/// How the sink treats an address, by its first word; every address is used once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// Taken.
    Taken,
    /// 550 at RCPT.
    Refused,
    /// 452 at RCPT the first time.
    Later,
    /// 451 at RCPT the first time, as greylisting servers do (RFC 6647).
    Greylisted,
    /// 451 at the dot the first time.
    Busy,
    /// Taken, and the connection closed without a reply, the first time.
    Dropped,
}

impl Treatment {
    const fn word(self) -> &'static str {
        match self {
            Self::Taken => "ok",
            Self::Refused => "refused",
            Self::Later => "later",
            Self::Greylisted => "grey",
            Self::Busy => "busy",
            Self::Dropped => "dropped",
        }
    }

    /// The treatment that an address asks for.
    pub(crate) fn of(address: &str) -> Self {
        let word = address.split('.').next().unwrap_or_default();
        let all = [Self::Refused, Self::Later, Self::Greylisted, Self::Busy, Self::Dropped];
        all.into_iter()
            .find(|treatment| treatment.word() == word)
            .unwrap_or(Self::Taken)
    }
}

/// Whether the sink refuses an address for good.
pub(crate) fn is_refused(address: &str) -> bool {
    Treatment::of(address) == Treatment::Refused
}

/// What a load is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mix {
    /// Where the dice start.
    pub(crate) seed: u64,
    /// The longest life of a short-lived code, in milliseconds.
    pub(crate) short_life: i64,
    /// Whether the sink loses replies, which makes doubts without any fault of a process.
    pub(crate) lost_replies: LostReplies,
}

/// Whether the sink loses replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LostReplies {
    /// One in a hundred.
    Some,
    /// Never.
    None,
}

/// A submission, ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    /// Which tenant's.
    pub(crate) tenant: usize,
    /// The body.
    pub(crate) body: Value,
    /// Whether the load withdraws it once it is accepted.
    pub(crate) withdrawn: bool,
}

impl Mix {
    /// Submission `number`.
    pub(crate) fn letter(&self, number: u64) -> Letter {
        let mut dice = StdRng::seed_from_u64(self.seed.wrapping_mul(1_000_003) ^ number);
        let (mut body, withdrawn) = match dice.random_range(0..100) {
            0..45 => (self.code(&mut dice, number), false),
            45..60 => (access_request(&self.recipients(&mut dice, number, 3)), false),
            60..85 => (notification(&self.recipients(&mut dice, number, 4)), false),
            85..94 => (system(&self.recipients(&mut dice, number, 1)), false),
            94..97 => (
                scheduled(&self.recipients(&mut dice, number, 1), dice.random_range(500..3000)),
                false,
            ),
            _ => (scheduled(&self.recipients(&mut dice, number, 2), 3_600_000), true),
        };
        put(&mut body, "metadata", json!({ "number": number.to_string() }));
        Letter {
            tenant: usize::try_from(number).unwrap_or_default() % TENANTS,
            body,
            withdrawn,
        }
    }

    fn code(&self, dice: &mut StdRng, number: u64) -> Value {
        let mut code = json!({ "kind": "two_factor_code", "to": self.recipients(dice, number, 1),
                               "data": { "code": format!("{:06}", number % 1_000_000), "expires_in_minutes": 10 } });
        if dice.random_bool(0.5) {
            put(
                &mut code,
                "expires_at",
                in_ms(dice.random_range(self.short_life / 3..self.short_life)),
            );
        }
        if dice.random_bool(0.4) {
            put(
                &mut code,
                "supersede_key",
                format!("user-{}", dice.random_range(0..USERS)),
            );
        }
        code
    }

    fn recipients(&self, dice: &mut StdRng, number: u64, most: u32) -> Value {
        let count = dice.random_range(1..=most);
        let recipients = (0..count).map(|place| {
            let treatment = match dice.random_range(0..100) {
                0..3 => Treatment::Refused,
                3..6 => Treatment::Later,
                6 => Treatment::Greylisted,
                7 => Treatment::Busy,
                8 if self.lost_replies == LostReplies::Some => Treatment::Dropped,
                _ => Treatment::Taken,
            };
            json!({ "email": format!("{}.{number}-{place}@mail.example", treatment.word()) })
        });
        recipients.collect()
    }
}

fn access_request(to: &Value) -> Value {
    json!({ "kind": "access_request", "to": to,
            "data": { "requester": "Ann", "resource": "db-7", "reason": "Restore a backup",
                      "approve_url": "https://pam.example/a", "deny_url": "https://pam.example/d" } })
}

fn notification(to: &Value) -> Value {
    json!({ "kind": "notification", "to": to,
            "data": { "subject": "A secret expires", "body_markdown": "It **expires** in seven days." } })
}

fn system(to: &Value) -> Value {
    json!({ "kind": "system", "to": to, "data": { "subject": "Maintenance", "body_text": "Tonight at ten." } })
}

fn scheduled(to: &Value, in_milliseconds: i64) -> Value {
    let mut body = notification(to);
    put(&mut body, "send_at", in_ms(in_milliseconds));
    body
}

fn put(body: &mut Value, field: &str, value: impl Into<Value>) {
    if let Some(fields) = body.as_object_mut() {
        fields.insert(field.to_owned(), value.into());
    }
}

fn in_ms(milliseconds: i64) -> String {
    let at = Clock::system().now() + Duration::milliseconds(milliseconds);
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_and_every_treatment_is_in_a_thousand_letters_and_a_seed_repeats_them() {
        let mix = Mix {
            seed: 7,
            short_life: 3000,
            lost_replies: LostReplies::Some,
        };
        let letters: Vec<Letter> = (0..1000).map(|number| mix.letter(number)).collect();
        let kinds: std::collections::BTreeSet<_> = letters
            .iter()
            .map(|letter| letter.body["kind"].as_str().unwrap())
            .collect();
        assert_eq!(kinds.len(), 4);
        let text = serde_json::to_string(&letters.iter().map(|letter| &letter.body["to"]).collect::<Vec<_>>()).unwrap();
        for word in ["ok.", "refused.", "later.", "grey.", "busy.", "dropped."] {
            assert!(text.contains(&format!("\"{word}")), "{word}");
        }
        assert!(letters.iter().any(|letter| letter.withdrawn));
        assert_eq!(mix.letter(3).body["to"], mix.letter(3).body["to"]);
    }

    #[test]
    fn an_address_says_how_it_is_treated() {
        assert_eq!(Treatment::of("busy.3-1@mail.example"), Treatment::Busy);
        assert_eq!(Treatment::of("ok.3-1@mail.example"), Treatment::Taken);
        assert!(is_refused("refused.3-1@mail.example"));
    }
}
