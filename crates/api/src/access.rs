//! Leave to act, as extractors: a handler that takes [`Access<P>`] or [`ProviderAccess`] runs only for callers who may.
//!
//! Authorization comes before validation: bodies and queries are read by the handler, after this.

use std::{future::Future, marker::PhantomData, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web};
use domain::access::{Origin, Principal, ProviderScope, TenantAction, TenantRef, TenantScope};
use storage::Store;

use crate::{
    Api,
    envelope::request_id_of,
    problem::{Code, Problem},
};

/// An action inside the tenant that the path names.
pub trait TenantPermission: 'static {
    /// The action.
    const ACTION: TenantAction;
}

/// Actions as types, one for each [`TenantAction`].
pub mod may {
    use super::{TenantAction, TenantPermission};

    /// Read the tenant.
    pub enum ReadTenant {}
    /// Read settings.
    pub enum ReadSettings {}
    /// Change settings.
    pub enum WriteSettings {}
    /// See and make API clients.
    pub enum ManageClients {}
    /// Read messages.
    pub enum ReadMessages {}
    /// Submit messages.
    pub enum SubmitMessages {}
    /// Cancel and retry messages.
    pub enum ControlMessages {}
    /// Decide on the tenant, as its provider.
    pub enum ManageTenant {}

    impl TenantPermission for ReadTenant {
        const ACTION: TenantAction = TenantAction::ReadTenant;
    }
    impl TenantPermission for ReadSettings {
        const ACTION: TenantAction = TenantAction::ReadSettings;
    }
    impl TenantPermission for WriteSettings {
        const ACTION: TenantAction = TenantAction::WriteSettings;
    }
    impl TenantPermission for ManageClients {
        const ACTION: TenantAction = TenantAction::ManageClients;
    }
    impl TenantPermission for ReadMessages {
        const ACTION: TenantAction = TenantAction::ReadMessages;
    }
    impl TenantPermission for SubmitMessages {
        const ACTION: TenantAction = TenantAction::SubmitMessages;
    }
    impl TenantPermission for ControlMessages {
        const ACTION: TenantAction = TenantAction::ControlMessages;
    }
    impl TenantPermission for ManageTenant {
        const ACTION: TenantAction = TenantAction::ManageTenant;
    }
}

/// Leave to do `P` in one tenant, and the service to do it with.
pub struct Access<P> {
    /// The service.
    pub api: web::Data<Api>,
    /// The leave.
    pub scope: TenantScope,
    permission: PhantomData<P>,
}

impl<P> Access<P> {
    /// The store, as far as the leave goes.
    #[must_use]
    pub fn store(&self) -> storage::tenant::TenantStore<'_> {
        self.api.store.tenant(&self.scope)
    }
}

/// Leave to act at the provider's level.
pub struct ProviderAccess {
    /// The service.
    pub api: web::Data<Api>,
    /// The leave.
    pub scope: ProviderScope,
}

impl ProviderAccess {
    /// The provider's part of the store.
    #[must_use]
    pub fn store(&self) -> storage::provider::ProviderStore<'_> {
        self.api.store.provider(&self.scope)
    }
}

/// Leave to manage the tenant that the path names: another's token learns nothing of it, its own that the role is too small.
pub struct TenantManagement {
    /// The service.
    pub api: web::Data<Api>,
    /// The tenant.
    pub tenant: TenantScope,
    /// The leave.
    pub scope: ProviderScope,
}

impl TenantManagement {
    /// The provider's part of the store.
    #[must_use]
    pub fn store(&self) -> storage::provider::ProviderStore<'_> {
        self.api.store.provider(&self.scope)
    }
}

/// Any caller with a token.
pub struct Caller {
    /// The service.
    pub api: web::Data<Api>,
    /// Who calls.
    pub principal: Principal,
}

type Extraction<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

impl<P: TenantPermission> FromRequest for Access<P> {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let Caller { api, principal } = caller(&request).await?;
            let found = find(&api.store, &request).await?;
            let scope = principal.authorize(P::ACTION, found)?;
            Ok(Self {
                api,
                scope,
                permission: PhantomData,
            })
        })
    }
}

impl FromRequest for ProviderAccess {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let Caller { api, principal } = caller(&request).await?;
            let scope = principal.authorize_provider()?;
            Ok(Self { api, scope })
        })
    }
}

impl FromRequest for TenantManagement {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let Caller { api, principal } = caller(&request).await?;
            let found = find(&api.store, &request).await?;
            let tenant = principal.authorize(TenantAction::ManageTenant, found)?;
            let scope = principal.authorize_provider()?;
            Ok(Self { api, tenant, scope })
        })
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { caller(&request).await })
    }
}

/// The tenant that the path names, by id or slug.
async fn find(store: &Store, request: &HttpRequest) -> Result<Option<TenantRef>, Problem> {
    let named = request.match_info().get("tenant").unwrap_or_default();
    Ok(store.find_tenant(named).await?)
}

/// Who calls, where the token counts.
pub(crate) async fn caller(request: &HttpRequest) -> Result<Caller, Problem> {
    let api = request
        .app_data::<web::Data<Api>>()
        .cloned()
        .ok_or_else(|| Problem::plain(Code::Internal))?;
    let token = bearer(request).ok_or_else(|| Problem::plain(Code::Unauthenticated))?;
    let principal = api.tokens.verify(&api, &token).await?;
    let origin = Origin {
        request_id: Some(request_id_of(request)),
        address: request.peer_addr().map(|address| address.ip()),
    };
    Ok(Caller {
        api,
        principal: principal.calling_from(origin),
    })
}

/// The token of an `Authorization: Bearer` header (RFC 6750 §2.1); the scheme's case does not matter.
fn bearer(request: &HttpRequest) -> Option<String> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}
