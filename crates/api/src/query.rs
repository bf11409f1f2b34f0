//! Query strings: read like bodies, so that unknown and wrong parameters are all named.

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use deserr::Deserr;
use futures_util::future::{Ready, ready};
use serde_json::{Map, Value};

use crate::{
    body::{Faults, read_value},
    problem::Problem,
};

/// A query string that has not been looked at yet; authorization comes first.
pub(crate) struct Query(Map<String, Value>);

impl FromRequest for Query {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let pairs = url::form_urlencoded::parse(request.query_string().as_bytes());
        ready(Ok(Self(
            pairs
                .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
                .collect(),
        )))
    }
}

impl Query {
    /// The parameters, or every fault of them.
    pub(crate) fn read<T: Deserr<Faults>>(self) -> Result<T, Problem> {
        read_value(Value::Object(self.0))
    }
}
