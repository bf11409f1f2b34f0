//! Who may do what. A [`TenantScope`] can be had only from [`Principal::authorize`], and storage gives rows only through one:
//! a call that forgot to ask does not compile.

use std::{collections::BTreeSet, net::IpAddr};

use crate::{
    fault::Fault,
    ids::TenantId,
    tenant::{Edition, Slug},
};

/// What a caller is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The provider: every tenant and the relay.
    Operator,
    /// Administers its own tenant.
    TenantAdmin,
    /// Reads its own tenant.
    TenantAuditor,
    /// Submits and reads messages of its own tenant.
    Sender,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Operator, Self::TenantAdmin, Self::TenantAuditor, Self::Sender];
    /// The roles a tenant's own clients and people can have.
    pub const OF_TENANTS: [Self; 3] = [Self::TenantAdmin, Self::TenantAuditor, Self::Sender];

    /// The value as tokens and clients write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::TenantAdmin => "tenant_admin",
            Self::TenantAuditor => "tenant_auditor",
            Self::Sender => "sender",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| Fault::invalid("One of operator, tenant_admin, tenant_auditor, sender."))
    }
}

/// What can be done inside a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TenantAction {
    /// Read the tenant itself.
    ReadTenant,
    /// Read email settings, their history, secrets' names.
    ReadSettings,
    /// Change email settings.
    WriteSettings,
    /// See and make API clients.
    ManageClients,
    /// Read messages and their timelines.
    ReadMessages,
    /// Submit messages.
    SubmitMessages,
    /// Cancel and retry messages.
    ControlMessages,
    /// Change, suspend or delete the tenant: operators alone.
    ManageTenant,
}

impl TenantAction {
    /// The roles that may, besides the operator, who may everything.
    const fn allowed(self) -> &'static [Role] {
        use Role::{Sender, TenantAdmin, TenantAuditor};
        match self {
            Self::ReadTenant | Self::ReadSettings => &[TenantAdmin, TenantAuditor],
            Self::WriteSettings | Self::ManageClients | Self::ControlMessages => &[TenantAdmin],
            Self::ReadMessages => &[TenantAdmin, TenantAuditor, Sender],
            Self::SubmitMessages => &[TenantAdmin, Sender],
            Self::ManageTenant => &[],
        }
    }
}

/// Who calls, as a verified token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    subject: String,
    roles: BTreeSet<Role>,
    tenant: Option<TenantId>,
    origin: Origin,
}

/// Where a call came from, for the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The request's id.
    pub request_id: Option<String>,
    /// The caller's network address.
    pub address: Option<IpAddr>,
}

/// Why a caller may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// It is not the caller's, so it does not exist for them.
    NotFound,
    /// It is the caller's, but the role is too small.
    Forbidden,
}

/// A tenant that exists, before anybody may touch it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRef {
    /// Its id.
    pub id: TenantId,
    /// Its slug.
    pub slug: Slug,
    /// Its edition.
    pub edition: Edition,
    /// Whether the provider lets it send.
    pub standing: Standing,
}

/// Whether the provider lets a tenant send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Active,
    /// It does not, for now.
    Suspended,
}

impl Principal {
    /// A caller. The operator's role counts only without a tenant, the others only with one.
    #[must_use]
    pub fn new(subject: impl Into<String>, roles: impl IntoIterator<Item = Role>, tenant: Option<TenantId>) -> Self {
        let fits = |role: &Role| (*role == Role::Operator) == tenant.is_none();
        Self {
            subject: subject.into(),
            roles: roles.into_iter().filter(fits).collect(),
            tenant,
            origin: Origin::default(),
        }
    }

    /// The same caller, with where the call came from.
    #[must_use]
    pub fn calling_from(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// The client or account.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What it is.
    #[must_use]
    pub const fn roles(&self) -> &BTreeSet<Role> {
        &self.roles
    }

    /// Whose it is; none is the provider's.
    #[must_use]
    pub const fn tenant(&self) -> Option<TenantId> {
        self.tenant
    }

    /// Asks for a tenant. `found` is what the path names, if anything.
    ///
    /// # Errors
    /// [`Denied::NotFound`] for what is another's or nobody's, so that the two cannot be told apart; [`Denied::Forbidden`]
    /// inside the caller's own.
    pub fn authorize(&self, action: TenantAction, found: Option<TenantRef>) -> Result<TenantScope, Denied> {
        let operator = self.roles.contains(&Role::Operator);
        let tenant = found
            .filter(|tenant| operator || self.tenant == Some(tenant.id))
            .ok_or(Denied::NotFound)?;
        let allowed = operator || action.allowed().iter().any(|role| self.roles.contains(role));
        if !allowed {
            return Err(Denied::Forbidden);
        }
        Ok(TenantScope {
            tenant,
            actor: self.actor(),
        })
    }

    /// Asks for the provider's level.
    ///
    /// # Errors
    /// [`Denied::Forbidden`] for everybody but operators.
    pub fn authorize_provider(&self) -> Result<ProviderScope, Denied> {
        if self.roles.contains(&Role::Operator) {
            Ok(ProviderScope { actor: self.actor() })
        } else {
            Err(Denied::Forbidden)
        }
    }

    fn actor(&self) -> Actor {
        Actor {
            subject: self.subject.clone(),
            tenant: self.tenant,
            origin: self.origin.clone(),
        }
    }
}

/// Who did something, for the audit log and `updated_by`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The client or account.
    pub subject: String,
    /// Whose it is; none is the provider's.
    pub tenant: Option<TenantId>,
    /// Where the call came from.
    pub origin: Origin,
}

/// Leave to act inside one tenant.
#[derive(Debug, Clone)]
pub struct TenantScope {
    tenant: TenantRef,
    actor: Actor,
}

impl TenantScope {
    /// The tenant's id.
    #[must_use]
    pub const fn id(&self) -> TenantId {
        self.tenant.id
    }

    /// The tenant's slug.
    #[must_use]
    pub const fn slug(&self) -> &Slug {
        &self.tenant.slug
    }

    /// The tenant's edition.
    #[must_use]
    pub const fn edition(&self) -> Edition {
        self.tenant.edition
    }

    /// Whether it may send.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        self.tenant.standing
    }

    /// Who acts.
    #[must_use]
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Whether the actor may write what the provider manages for Cloud tenants: on Cloud only the provider itself.
    ///
    /// # Errors
    /// [`ProviderManaged`] for a Cloud tenant's own people and clients.
    pub const fn refuse_managed(&self) -> Result<(), ProviderManaged> {
        match (self.tenant.edition, self.actor.tenant) {
            (Edition::Cloud, Some(_)) => Err(ProviderManaged),
            (Edition::Cloud, None) | (Edition::OnPremises, _) => Ok(()),
        }
    }

    /// The only way to what writes a connection.
    ///
    /// # Errors
    /// [`ProviderManaged`] for a Cloud tenant: the provider's relay is its connection.
    pub fn on_premises(&self) -> Result<OnPremScope<'_>, ProviderManaged> {
        match self.tenant.edition {
            Edition::OnPremises => Ok(OnPremScope { scope: self }),
            Edition::Cloud => Err(ProviderManaged),
        }
    }
}

/// Leave to write an on-premises tenant's connection.
#[derive(Debug, Clone, Copy)]
pub struct OnPremScope<'a> {
    scope: &'a TenantScope,
}

impl OnPremScope<'_> {
    /// The tenant it is for.
    #[must_use]
    pub const fn tenant(&self) -> &TenantScope {
        self.scope
    }
}

/// The provider manages this for Cloud tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the provider manages the connection of a Cloud tenant")]
pub struct ProviderManaged;

/// Leave to act at the provider's level.
#[derive(Debug, Clone)]
pub struct ProviderScope {
    actor: Actor,
}

impl ProviderScope {
    /// Who acts.
    #[must_use]
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The program itself, at start-up and in its own commands: nobody calls it over the network.
    #[must_use]
    pub fn of_the_process(subject: &str) -> Self {
        Self {
            actor: Actor {
                subject: subject.to_owned(),
                tenant: None,
                origin: Origin::default(),
            },
        }
    }
}

#[cfg(test)]
mod tests;
