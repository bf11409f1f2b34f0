//! What a principal can never be allowed.

use uuid::Uuid;

use super::*;

fn tenant(n: u128) -> TenantRef {
    TenantRef {
        id: TenantId::new(Uuid::from_u128(n)),
        slug: "acme".parse().unwrap(),
        edition: Edition::Cloud,
        standing: Standing::Active,
    }
}

#[test]
fn a_foreign_tenant_and_no_tenant_are_the_same_answer() {
    let admin = Principal::new("a", [Role::TenantAdmin], Some(tenant(1).id));
    let answer = |found| {
        admin
            .authorize(TenantAction::ReadTenant, found)
            .map(|_| ())
            .unwrap_err()
    };
    assert_eq!(answer(Some(tenant(2))), Denied::NotFound);
    assert_eq!(answer(None), Denied::NotFound);
    assert!(admin.authorize(TenantAction::ReadTenant, Some(tenant(1))).is_ok());
}

#[test]
fn a_tenants_token_never_carries_the_operators_role() {
    let forged = Principal::new("a", [Role::Operator], Some(tenant(1).id));
    assert!(forged.roles().is_empty());
    assert!(forged.authorize_provider().is_err());
    let stray = Principal::new("a", [Role::TenantAdmin], None);
    assert!(stray.roles().is_empty());
}

#[test]
fn a_cloud_tenant_has_no_way_to_a_connection() {
    let operator = Principal::new("op", [Role::Operator], None);
    let scope = operator
        .authorize(TenantAction::WriteSettings, Some(tenant(1)))
        .unwrap();
    assert_eq!(scope.on_premises().map(|_| ()), Err(ProviderManaged));
}
