//! Handing one mail to Graph: all of the request, then the dot mark, then its last octet.

use std::{pin::pin, time::Duration};

use domain::secret::ExposeSecret;
use reqwest::{
    Method, Request,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use tokio::time::{sleep, timeout};
use url::Url;

use super::{
    fault::{Fault, Reach},
    fence::{Shut, fenced},
    form::Written,
    token::Token,
};
use crate::{
    gate::http::{Answer, Client, HttpError, Incoming},
    session::{DotMark, Timeouts, ask_for_mark},
};

/// Octets of Graph's answer at most; its errors have a few hundred.
const MAX_ANSWER: usize = 64 * 1024;

/// The request, without its body.
pub(super) fn request(url: Url, content_type: &'static str, token: &Token) -> Result<Request, Fault> {
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.text.expose_secret()))
        .map_err(|_| Fault::Garbled("the token cannot be sent"))?;
    bearer.set_sensitive(true);
    let mut request = Request::new(Method::POST, url);
    let headers = request.headers_mut();
    headers.insert(AUTHORIZATION, bearer);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    Ok(request)
}

/// Sends it. Where the mark was committed and the last octet then stayed here after all, the mark is cleared again.
pub(super) async fn post(
    client: &Client,
    timeouts: &Timeouts,
    mut request: Request,
    written: Written,
    mark: &impl DotMark,
) -> Result<(Answer, Reach), (Fault, Reach)> {
    let (body, mut hand) = fenced(written.body);
    *request.body_mut() = Some(reqwest::Body::wrap(body));
    let mut sending = pin!(client.send(request));
    let late = sleep(timeouts.connect + timeouts.tls + timeouts.text);
    tokio::select! {
        biased;
        ended = &mut sending => {
            return hear(ended, timeouts.auth).await.map_err(held).map(|answer| (answer, Reach::Held));
        }
        () = hand.reached() => {}
        () = late => return Err(held(Fault::NoAnswer(HttpError::TimedOut))),
    }
    let until = ask_for_mark(mark, timeouts.mark)
        .await
        .map_err(|not_sent| held(Fault::NotSent(not_sent)))?;
    hand.open(until);
    let ended = timeout(timeouts.dot, sending).await.unwrap_or(Err(HttpError::TimedOut));
    let reach = if hand.shut() == Ok(Shut) {
        mark.clear().await;
        Reach::Held
    } else {
        Reach::Out
    };
    let heard = hear(ended, timeouts.auth).await;
    heard.map(|answer| (answer, reach)).map_err(|fault| (fault, reach))
}

const fn held(fault: Fault) -> (Fault, Reach) {
    (fault, Reach::Held)
}

/// The status decides; of the body as much is heard as comes.
async fn hear(ended: Result<Incoming, HttpError>, within: Duration) -> Result<Answer, Fault> {
    let incoming = ended.map_err(Fault::NoAnswer)?;
    let bare = incoming.bare();
    Ok(match timeout(within, incoming.read(MAX_ANSWER)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) | Err(_) => bare,
    })
}
