//! The lock-out guard: where people sign in with codes by email, a connection that does not work keeps everybody out, whoever
//! could mend it included. So there a change of the connection needs a test email that passed, or somebody who says so.

use domain::{connection::EmailSettings, fault::Fault};
use storage::tenant::Untested;

use crate::{
    access::Access,
    problem::{Code, Problem},
};

/// What a caller takes upon themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Override {
    /// That no test email covers the change.
    Untested,
}

impl std::str::FromStr for Override {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        match text {
            "untested" => Ok(Self::Untested),
            _ => Err(Fault::invalid("One of untested.")),
        }
    }
}

/// Refuses a change from the one settings to the other that could lock people out.
pub(crate) async fn check<P>(
    access: &Access<P>,
    (before, after): (&EmailSettings, &EmailSettings),
    overridden: Option<Override>,
) -> Result<Untested, Problem> {
    let store = access.store();
    if !after.is_another_way_than(before) || store.is_tested(after).await? || !store.sends_codes().await? {
        return Ok(Untested::No);
    }
    match overridden {
        Some(Override::Untested) => Ok(Untested::Overridden),
        None => Err(Problem::new(
            Code::UntestedSettings,
            "People of this tenant sign in with codes by email, and no test email has passed with these settings. Send one \
             first, or save them with ?override=untested.",
        )),
    }
}
