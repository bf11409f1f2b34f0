//! The console: HTML for people, served beside the API and calling the same operations.
//!
//! For now it is the front page alone, which leads to what there is.

use actix_web::{HttpResponse, get, web};
use askama::Template;

/// The front page.
#[derive(Template)]
#[template(path = "front.html")]
struct Front;

/// Mounts the pages.
pub fn mount(config: &mut web::ServiceConfig) {
    config.service(front);
}

#[get("/")]
async fn front() -> HttpResponse {
    match Front.render() {
        Ok(page) => HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .insert_header((
                "Content-Security-Policy",
                "default-src 'none'; style-src 'self'; frame-ancestors 'none'",
            ))
            .body(page),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}
