//! Listings on the wire: `items`, `next_cursor`, `limit`, `cursor`.

use std::str::FromStr;

use deserr::Deserr;
use domain::fault::{Fault, FaultCode};
use serde::Serialize;
use storage::{Cursor, DEFAULT_LIMIT, MAX_LIMIT, Page, PageRequest};
use utoipa::{IntoParams, ToSchema};

use crate::body::{Faults, Parsed};

/// One page of a listing, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct List<T: ToSchema> {
    /// The page's entries.
    items: Vec<T>,
    /// Give this as `cursor` for the next page; null on the last one.
    #[schema(example = "AZilxV1ecACAADxNXm96iw")]
    next_cursor: Option<String>,
}

impl<T: ToSchema> List<T> {
    pub(crate) fn of<U>(page: Page<U>, show: impl FnMut(U) -> T) -> Self {
        Self {
            next_cursor: page.next.map(|cursor| cursor.to_string()),
            items: page.items.into_iter().map(show).collect(),
        }
    }
}

/// Which page of a listing.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// Entries a page, 1 to 200; 50 by default.
    #[deserr(default)]
    #[param(value_type = Option<u64>, minimum = 1, maximum = 200, example = 50)]
    limit: Option<Parsed<Limit>>,
    /// The `next_cursor` of the page before.
    #[deserr(default)]
    #[param(value_type = Option<String>)]
    cursor: Option<Parsed<WireCursor>>,
}

impl PageQuery {
    pub(crate) fn request(&self) -> PageRequest {
        page_request(self.limit.as_ref(), self.cursor.as_ref())
    }
}

pub(crate) fn page_request(limit: Option<&Parsed<Limit>>, cursor: Option<&Parsed<WireCursor>>) -> PageRequest {
    PageRequest {
        limit: limit.map_or(DEFAULT_LIMIT, |limit| limit.0.0),
        after: cursor.map(|cursor| cursor.0.0),
    }
}

/// A page's length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit(u64);

impl FromStr for Limit {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        text.parse()
            .ok()
            .filter(|limit| (1..=MAX_LIMIT).contains(limit))
            .map(Self)
            .ok_or_else(|| Fault::new(FaultCode::OutOfRange, format!("Must be from 1 to {MAX_LIMIT}.")))
    }
}

/// A cursor as written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WireCursor(Cursor);

impl FromStr for WireCursor {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        text.parse()
            .map(Self)
            .map_err(|()| Fault::invalid("Not a cursor of this service."))
    }
}
