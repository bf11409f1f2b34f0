//! `letterhead token`: an access token for scripts on the machine itself, where the database can be reached.

use clap::Args;
use domain::{access::Role, fault::Fault, tenant::Slug};

/// Prints an access token, signed with the key of the database
///
/// For scripts and for getting back in: whoever can read database and master key can act as anybody, so no client secret
/// is asked for. The token lives as long as --access-token-lifetime says.
#[derive(Debug, Args)]
pub struct Options {
    /// What the bearer is: `operator`, or with --tenant `tenant_admin`, `tenant_auditor`, `sender`
    #[arg(long, value_name = "ROLE", default_value = "operator", value_parser = role)]
    pub role: Role,
    /// The tenant's slug, for a role inside a tenant
    #[arg(long, value_name = "SLUG", value_parser = slug, required_if_eq_any = [("role", "tenant_admin"), ("role", "tenant_auditor"), ("role", "sender")])]
    pub tenant: Option<Slug>,
}

fn role(text: &str) -> Result<Role, Fault> {
    text.parse()
}

fn slug(text: &str) -> Result<Slug, Fault> {
    text.parse()
}
