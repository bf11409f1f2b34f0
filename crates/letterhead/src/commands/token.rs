//! `letterhead token`: an access token for scripts on the machine itself, where the database can be reached.

use std::sync::Arc;

use api::auth::Tokens;
use clap::Args;
use domain::{
    access::Role,
    clock::Clock,
    fault::Fault,
    ids::{IdSource, TimeOrderedIds},
    tenant::Slug,
};
use storage::identity::AuthenticatedClient;

use super::{CommandError, serve::Migrations};
use crate::{config::Config, server, terminal::Terminal};

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

pub(super) fn run(options: &Options, config: &Config, terminal: &mut Terminal) -> Result<(), CommandError> {
    if options.role == Role::Operator && options.tenant.is_some() {
        return Err(CommandError::Usage(
            "an operator has no tenant: leave --tenant out, or choose another --role".to_owned(),
        ));
    }
    let token = server::runtime()?.block_on(issue(options, config))?;
    Ok(terminal.print(&format!("{token}\n"))?)
}

async fn issue(options: &Options, config: &Config) -> Result<String, CommandError> {
    let ids: Arc<dyn IdSource> = Arc::new(TimeOrderedIds);
    let store = server::open_store(config, Migrations::Require, Arc::clone(&ids)).await?;
    let failed = |error: &dyn std::fmt::Display| CommandError::Failed(format!("no token could be made: {error}"));
    let tenant = match &options.tenant {
        None => None,
        Some(slug) => {
            let found = store.find_tenant(slug.as_str()).await.map_err(|error| failed(&error))?;
            Some(
                found
                    .ok_or_else(|| CommandError::Failed(format!("there is no tenant {slug}")))?
                    .id,
            )
        }
    };
    let issuer = config.public_url.as_str().trim_end_matches('/').to_owned();
    let tokens = Tokens::load(&store, &*ids, issuer, config.access_token_lifetime)
        .await
        .map_err(|error| failed(&error))?;
    let bearer = AuthenticatedClient {
        client_id: "letterhead token".to_owned(),
        roles: vec![options.role],
        tenant,
    };
    tokens
        .issue(&bearer, &Clock::system(), &*ids)
        .map_err(|error| failed(&error))
}
