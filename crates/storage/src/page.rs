//! Pages of a listing: newest first, continued by an opaque cursor.
//!
//! A cursor is the id of the last row shown. Ids are time-ordered, so that a listing goes on where it was, whatever was
//! added meanwhile, and costs the same on every page.

use std::str::FromStr;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

/// Rows of a page where the caller does not say.
pub const DEFAULT_LIMIT: u64 = 50;
/// Rows of a page at most.
pub const MAX_LIMIT: u64 = 200;

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(Uuid);

impl Cursor {
    pub(crate) const fn uuid(self) -> Uuid {
        self.0
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| ())?;
        Uuid::from_slice(&bytes).map(Self).map_err(|_| ())
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// Which page, and how long.
#[derive(Debug, Clone, Copy)]
pub struct PageRequest {
    /// 1 to [`MAX_LIMIT`] rows.
    pub limit: u64,
    /// Behind this row; none is the beginning.
    pub after: Option<Cursor>,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self {
            limit: DEFAULT_LIMIT,
            after: None,
        }
    }
}

/// One page.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// Its rows.
    pub items: Vec<T>,
    /// Where the next one begins, if there is one.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// A page of rows that were asked for with one more than its length.
    pub(crate) fn of(mut items: Vec<T>, request: PageRequest, id: impl Fn(&T) -> Uuid) -> Self {
        let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more {
            items.last().map(|item| Cursor(id(item)))
        } else {
            None
        };
        Self { items, next }
    }

    /// The same page of other things.
    pub(crate) fn try_map<U, E>(self, convert: impl FnMut(T) -> Result<U, E>) -> Result<Page<U>, E> {
        Ok(Page {
            items: self.items.into_iter().map(convert).collect::<Result<_, E>>()?,
            next: self.next,
        })
    }
}
