//! Where each request is looked at: which service it is for, what the script says, and the answer on the wire.

use std::{convert::Infallible, error::Error, fmt};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{HeaderName, HeaderValue},
};

use super::{
    config::{Directory, EmulatorConfig},
    documented::documented,
    kept::Kept,
    script::{At, Play, Playing, Said},
};

/// Octets of a request that are read at most; more than Graph takes, so that its refusal can be seen.
const MOST_READ: usize = 16 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct Desk {
    pub(super) config: EmulatorConfig,
    pub(super) kept: Kept,
    pub(super) script: Playing,
    /// Graph's own address, which tokens are for.
    pub(super) graph: String,
}

/// A request that is whole.
pub(super) struct Asked {
    /// The path's segments behind `login` or `graph`, decoded.
    pub(super) path: Vec<String>,
    pub(super) content_type: String,
    pub(super) authorization: String,
    pub(super) body: Bytes,
}

/// The connection is closed in place of an answer.
#[derive(Debug)]
pub(super) struct HangUp;

impl Desk {
    pub(super) fn new(config: EmulatorConfig, graph: String) -> Self {
        Self {
            script: Playing::of(config.script.clone()),
            config,
            kept: Kept::default(),
            graph,
        }
    }

    pub(super) fn directory(&self, fits: impl Fn(&Directory) -> bool) -> Option<&Directory> {
        self.config.directories.iter().find(|directory| fits(directory))
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, HangUp> {
        let Some((at, path)) = service(&request) else {
            return Ok(written(&Said::status(404)));
        };
        match at {
            At::Token => self.kept.count_token(),
            At::Send => self.kept.count_send(),
        }
        let play = self.script.next(at);
        if play == Play::Drop {
            return Err(HangUp);
        }
        let asked = self.read(request, path).await?;
        match play {
            Play::Say(said) => Ok(written(&said)),
            Play::Usual => Ok(written(&self.act(at, &asked, Play::Usual).await)),
            Play::Delay(_) => Ok(written(&self.act(at, &asked, play).await)),
            Play::Hang => never().await,
            Play::DoThenHang => {
                self.act(at, &asked, Play::Usual).await;
                never().await
            }
            Play::DoThenDrop => {
                self.act(at, &asked, Play::Usual).await;
                Err(HangUp)
            }
            Play::Drop => Err(HangUp),
        }
    }

    /// A request that is not whole never does anything.
    async fn read(&self, request: Request<Incoming>, path: Vec<String>) -> Result<Asked, HangUp> {
        let text = |name: &str| {
            let value = request.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let (content_type, authorization) = (text("content-type"), text("authorization"));
        let read = Limited::new(request.into_body(), MOST_READ).collect().await;
        let Ok(body) = read else {
            self.kept.count_broken_off();
            return Err(HangUp);
        };
        Ok(Asked {
            path,
            content_type,
            authorization,
            body: body.to_bytes(),
        })
    }

    async fn act(&self, at: At, asked: &Asked, play: Play) -> Said {
        let acted = match at {
            At::Token => self.give_token(asked),
            At::Send => self.send_mail(asked, play).await,
        };
        // A name that is not in the list would be a fault of this module's own.
        acted.unwrap_or_else(|name| documented(name).unwrap_or_else(|_| Said::status(500)))
    }
}

async fn never() -> Result<Response<Full<Bytes>>, HangUp> {
    match std::future::pending::<Infallible>().await {}
}

fn service(request: &Request<Incoming>) -> Option<(At, Vec<String>)> {
    let decoded = |segment: &str| {
        let pairs = url::form_urlencoded::parse(segment.as_bytes());
        // A plus sign in a path is one.
        pairs.map(|(name, _)| name.into_owned()).next().unwrap_or_default()
    };
    let plain = request.uri().path().replace('+', "%2B");
    let mut segments = plain.trim_start_matches('/').split('/').map(decoded);
    let first = segments.next()?;
    let path: Vec<String> = segments.collect();
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    let at = match (request.method(), first.as_str(), parts.as_slice()) {
        (&Method::POST, "login", [_, "oauth2", "v2.0", "token"]) => At::Token,
        (&Method::POST, "graph", ["v1.0", "users", _, "sendMail"]) => At::Send,
        _ => return None,
    };
    Some((at, path))
}

fn written(said: &Said) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(said.body.clone())));
    *response.status_mut() = StatusCode::from_u16(said.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(
        "request-id",
        HeaderValue::from_static("b7e2f7a5-0cf4-4b0e-9a2b-3f6c1b2d4e5f"),
    );
    for (name, value) in &said.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    response
}

impl fmt::Display for HangUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hung up")
    }
}

impl Error for HangUp {}
