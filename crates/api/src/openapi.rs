//! The API's description, generated from the operations themselves, so that it cannot tell of another service.
//!
//! What every operation has in common (security, problems) is added here once instead of at each.

mod examples;

use std::{collections::BTreeSet, sync::OnceLock};

use actix_web::{HttpRequest, web};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        ContentBuilder, HttpMethod, Ref, RefOr, ResponseBuilder,
        path::{Operation, PathItem},
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};
use utoipa_actix_web::{AppExt as _, service_config::ServiceConfig};

use crate::{
    problem::{Problem, ProblemBody},
    routes,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Letterhead",
        description = "The control plane for the outbound system email of a multi-tenant product. Errors are RFC 9457 problems; `code` is what programs branch on.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        contact(name = "The operators of this service")
    ),
    servers((url = "/", description = "This service")),
    components(schemas(ProblemBody)),
    tags(
        (name = "Identity", description = "Access tokens and what verifies them."),
        (name = "Tenants", description = "The tenants; for operators."),
        (name = "API clients", description = "Who may ask for tokens."),
        (name = "Email settings", description = "What a tenant's mail looks like, and how it leaves."),
        (name = "Secrets", description = "An on-premises tenant's vault."),
        (name = "Preferences", description = "How a tenant's mail looks, and what becomes of it."),
        (name = "Messages", description = "Submitting messages, and following them."),
        (name = "Oversight", description = "What is set, and what is weak about it."),
        (name = "Relay", description = "The shared relay; for operators."),
        (name = "Service", description = "What watches the service.")
    )
)]
struct Base;

/// The whole document.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    let (_, mut document) = actix_web::App::new()
        .into_utoipa_app()
        .openapi(Base::openapi())
        .configure(|config: &mut ServiceConfig<'_>| routes::configure(config))
        .split_for_parts();
    Common.modify(&mut document);
    document
}

/// The document as it is served and checked in.
#[must_use]
pub fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let completed = serde_json::to_value(document()).map(examples::completed);
        completed
            .and_then(|document| serde_json::to_string_pretty(&document))
            .map(|text| text + "\n")
            .unwrap_or_default()
    })
}

/// What every operation has in common.
struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("A token of `POST /oauth2/token`."));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
        for (path, item) in &mut document.paths.paths {
            for operation in operations(item) {
                complete(path, operation);
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.patch,
        &mut item.delete,
    ]
    .into_iter()
    .flatten()
}

fn complete(path: &str, operation: &mut Operation) {
    if operation.description.is_none() {
        operation.description.clone_from(&operation.summary);
    }
    keep_described(operation);
    let secured = path.starts_with("/v1");
    operation.security = Some(if secured {
        vec![SecurityRequirement::new("bearer", Vec::<String>::new())]
    } else {
        Vec::new()
    });
    let has_body = operation.request_body.is_some();
    let has_query = operation
        .parameters
        .iter()
        .flatten()
        .any(|parameter| matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == utoipa::openapi::path::ParameterIn::Query));
    let mut common = Vec::new();
    if secured {
        common.extend([
            ("401", "No token, or none that counts"),
            ("403", "The role is too small"),
            ("503", "Try again"),
        ]);
    } else {
        common.push(("405", "The method is not served here"));
    }
    if path.contains('{') {
        common.push(("404", "It does not exist for this caller"));
    }
    if has_body {
        common.extend([
            ("400", "The body is not JSON"),
            ("413", "The body is too large"),
            ("415", "The media type is not supported"),
        ]);
    }
    if has_body && secured {
        common.push(("409", "The state of the resource does not allow this"));
    }
    if secured && (has_body || has_query) {
        common.push(("422", "Some values are wrong; `errors` says which"));
    }
    if path.ends_with("/email-settings") || (path.contains("/tenants/") && has_body) || path.contains("/relay/routes/")
    {
        common.push(("412", "The resource has changed since `If-Match`"));
    }
    for (status, description) in common {
        operation
            .responses
            .responses
            .entry(status.to_owned())
            .or_insert_with(|| problem(description));
    }
    for (status, response) in &mut operation.responses.responses {
        if let (RefOr::T(response), true) = (response, status.starts_with('4'))
            && response.content.is_empty()
        {
            *response = match problem(&response.description) {
                RefOr::T(problem) => problem,
                RefOr::Ref(_) => continue,
            };
        }
    }
}

/// A handler's `web::Path` is collected beside the described parameters; the described ones, which come first, stay.
fn keep_described(operation: &mut Operation) {
    let mut seen = BTreeSet::new();
    if let Some(parameters) = &mut operation.parameters {
        parameters.retain(|parameter| match parameter {
            RefOr::T(parameter) => seen.insert(parameter.name.clone()),
            RefOr::Ref(_) => true,
        });
    }
}

fn problem(description: &str) -> RefOr<utoipa::openapi::Response> {
    let schema = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .build();
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", schema)
        .build()
        .into()
}

/// The answer to what no operation serves: below `/v1` a token comes first, then 405 where the path has other methods, else
/// 404.
pub(crate) async fn fallback(request: HttpRequest) -> Result<actix_web::HttpResponse, Problem> {
    if request.path().starts_with("/v1/") {
        crate::access::caller(&request).await?;
    }
    match allowed(request.path()) {
        Some(methods) => Err(Problem::method_not_allowed(methods)),
        None => Err(Problem::plain(crate::problem::Code::NotFound)),
    }
}

/// The methods that a path has, if it has any.
fn allowed(path: &str) -> Option<String> {
    static TABLE: OnceLock<Vec<(actix_web::dev::ResourceDef, String)>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let paths = document().paths.paths;
        paths
            .iter()
            .map(|(path, item)| (actix_web::dev::ResourceDef::new(path.as_str()), methods(item)))
            .collect()
    });
    // A fixed path ("…/messages/batch") comes before a pattern that also matches it.
    let mut found: Vec<_> = table.iter().filter(|(pattern, _)| pattern.is_match(path)).collect();
    found.sort_by_key(|(pattern, _)| pattern.pattern().map_or(0, |pattern| pattern.matches('{').count()));
    found.first().map(|(_, methods)| methods.clone())
}

fn methods(item: &PathItem) -> String {
    let served = [
        (HttpMethod::Get, &item.get),
        (HttpMethod::Put, &item.put),
        (HttpMethod::Post, &item.post),
        (HttpMethod::Patch, &item.patch),
        (HttpMethod::Delete, &item.delete),
    ];
    let names = served
        .into_iter()
        .filter(|(_, operation)| operation.is_some())
        .map(|(method, _)| match method {
            HttpMethod::Get => "GET",
            HttpMethod::Put => "PUT",
            HttpMethod::Post => "POST",
            HttpMethod::Patch => "PATCH",
            HttpMethod::Delete | HttpMethod::Options | HttpMethod::Head | HttpMethod::Trace => "DELETE",
        });
    names.collect::<Vec<_>>().join(", ")
}

/// The browsable description; everything it needs is in the program.
pub(crate) fn browsable() -> utoipa_swagger_ui::SwaggerUi {
    utoipa_swagger_ui::SwaggerUi::new("/docs/{_:.*}").config(utoipa_swagger_ui::Config::from("/openapi.json"))
}

/// `/docs` without a slash leads to the page.
pub(crate) async fn to_browsable() -> web::Redirect {
    web::Redirect::to("/docs/")
}
