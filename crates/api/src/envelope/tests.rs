//! A panic costs one answer and not the process.

use actix_web::{App, middleware::from_fn, test, web};
use serde_json::Value;

use super::*;

async fn failing() -> HttpResponse {
    panic!("canary detail of the inside")
}

#[actix_web::test]
async fn a_panic_is_a_problem_without_its_details_and_the_next_request_is_served() {
    let app = App::new()
        .wrap(from_fn(wrap))
        .route("/fails", web::get().to(failing))
        .route("/works", web::get().to(HttpResponse::Ok));
    let app = test::init_service(app).await;
    let request = test::TestRequest::get()
        .uri("/fails")
        .insert_header(("x-request-id", "trace-1"));

    let answered = test::try_call_service(&app, request.to_request()).await;

    let answer = answered.map_or_else(
        |error| error.error_response(),
        |answer| answer.into_parts().1.map_into_boxed_body(),
    );
    assert_eq!(answer.status(), 500);
    assert_eq!(answer.headers().get("x-request-id").unwrap(), "trace-1");
    let body = actix_web::body::to_bytes(answer.into_body()).await.unwrap_or_default();
    let problem: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (&problem["code"], &problem["request_id"]),
        (&"internal".into(), &"trace-1".into())
    );
    assert!(!String::from_utf8_lossy(&body).contains("canary"));
    let next = test::call_service(&app, test::TestRequest::get().uri("/works").to_request()).await;
    assert_eq!(next.status(), 200);
}
