//! Idempotency keys: the same key with the same body gets the first answer again.

use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload, http::StatusCode};
use domain::fault::Fault;
use futures_util::future::{Ready, ready};
use storage::outbox::Submitted;

use crate::problem::{Code, Problem};

/// Characters of a key at most.
const MAX_KEY: usize = 255;

/// The `Idempotency-Key` header, if there is one.
pub(crate) struct Key(Option<Result<String, ()>>);

impl FromRequest for Key {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let sane = |text: &str| (1..=MAX_KEY).contains(&text.len()) && text.bytes().all(|b| (b' '..=b'~').contains(&b));
        let given = request.headers().get("Idempotency-Key");
        ready(Ok(Self(given.map(|value| {
            value
                .to_str()
                .ok()
                .filter(|text| sane(text))
                .map(str::to_owned)
                .ok_or(())
        }))))
    }
}

impl Key {
    /// The key, checked.
    pub(crate) fn read(self) -> Result<Option<String>, Problem> {
        self.0.transpose().map_err(|()| {
            let fault = Fault::invalid(format!(
                "The Idempotency-Key header takes 1 to {MAX_KEY} printable ASCII characters."
            ));
            Problem::invalid(vec![fault])
        })
    }
}

/// The answer to what was stored now or under the same key before.
pub(crate) fn answer(submitted: Submitted, fresh: impl FnOnce() -> HttpResponse) -> Result<HttpResponse, Problem> {
    match submitted {
        Submitted::Stored => Ok(fresh()),
        Submitted::DayUsedUp => Err(Problem::plain(Code::QuotaExceeded)),
        Submitted::KeyReused => Err(Problem::plain(Code::IdempotencyKeyReused)),
        Submitted::Replayed {
            status,
            location,
            answer,
        } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::ACCEPTED);
            let mut response = HttpResponse::build(status);
            response
                .content_type("application/json")
                .insert_header(("Idempotent-Replayed", "true"));
            if let Some(location) = location {
                response.insert_header(("Location", location));
            }
            Ok(response.body(answer))
        }
    }
}
