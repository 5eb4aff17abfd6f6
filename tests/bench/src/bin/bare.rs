//! The yardsticks: what answering costs where nothing is governed.
//!
//! One worker answers `GET /v1/products/{id}` from memory, on actix-web or on actix-http alone, either
//! with the product's own bytes (`catalogue`) or with one body of their mean size (`const`). Prints the
//! port it took, then serves until it is stopped.

use actix_http::{HttpService, Request, Response, StatusCode};
use actix_server::Server;
use actix_service::fn_service;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::{App, HttpResponse, HttpServer, web};
use bytes::Bytes;
use comptoir_bench::args::{Args, Fault};
use std::collections::HashMap;
use std::convert::Infallible;
use std::io::Write as _;
use std::net::TcpListener;
use std::sync::Arc;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PREFIX: &str = "/v1/products/";

/// What is answered.
#[derive(Debug)]
enum Bodies {
    /// The same for every id.
    Const(Bytes),
    /// Each id its own.
    Catalogue(HashMap<String, Bytes>),
}

impl Bodies {
    fn get(&self, id: &str) -> Option<Bytes> {
        match self {
            Self::Const(body) => Some(body.clone()),
            Self::Catalogue(bodies) => bodies.get(id).cloned(),
        }
    }
}

#[actix_web::main]
async fn main() -> Result<(), Fault> {
    let args = Args::parse(std::env::args().skip(1), &["framework", "answer", "bodies", "port"])?;
    let bodies = load(args.required("bodies")?, args.required("answer")?)?;
    let listener = TcpListener::bind(("127.0.0.1", args.value("port", 0u16)?))?;
    let port = listener.local_addr()?.port();
    let say = || {
        let mut out = std::io::stdout();
        writeln!(out, "{port}").and_then(|()| out.flush())
    };
    match args.required("framework")? {
        "web" => serve_web(listener, web::Data::new(bodies), say).await,
        "http" => serve_http(listener, Arc::new(bodies), say).await,
        other => Err(format!("--framework is web or http, not `{other}`").into()),
    }
}

/// Reads `id<TAB>body` lines.
fn load(path: &str, answer: &str) -> Result<Bodies, Fault> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let mut bodies = HashMap::new();
    for line in text.lines() {
        let (id, body) = line.split_once('\t').ok_or("a line of --bodies is not id<TAB>body")?;
        bodies.insert(id.to_owned(), Bytes::copy_from_slice(body.as_bytes()));
    }
    let total: usize = bodies.values().map(Bytes::len).sum();
    let mean = total.checked_div(bodies.len()).ok_or("--bodies is empty")?;
    match answer {
        "catalogue" => Ok(Bodies::Catalogue(bodies)),
        "const" => Ok(Bodies::Const(Bytes::from(vec![b'x'; mean]))),
        other => Err(format!("--answer is const or catalogue, not `{other}`").into()),
    }
}

async fn product(id: web::Path<String>, bodies: web::Data<Bodies>) -> HttpResponse {
    match bodies.get(&id) {
        Some(body) => HttpResponse::Ok().insert_header((CONTENT_TYPE, JSON)).body(body),
        None => HttpResponse::NotFound().finish(),
    }
}

async fn serve_web(
    listener: TcpListener,
    bodies: web::Data<Bodies>,
    say: impl Fn() -> std::io::Result<()>,
) -> Result<(), Fault> {
    let app = move || {
        App::new().app_data(bodies.clone()).route("/v1/products/{id}", web::get().to(product))
    };
    let server = HttpServer::new(app).workers(1).listen(listener)?.run();
    say()?;
    Ok(server.await?)
}

async fn serve_http(
    listener: TcpListener,
    bodies: Arc<Bodies>,
    say: impl Fn() -> std::io::Result<()>,
) -> Result<(), Fault> {
    let server = Server::build().workers(1).listen("bare", listener, move || {
        let bodies = Arc::clone(&bodies);
        let answer = move |request: Request| {
            let body = request.path().strip_prefix(PREFIX).and_then(|id| bodies.get(id));
            let mut response = match body {
                Some(body) => Response::with_body(StatusCode::OK, body),
                None => Response::with_body(StatusCode::NOT_FOUND, Bytes::new()),
            };
            response.headers_mut().insert(CONTENT_TYPE, JSON);
            std::future::ready(Ok::<_, Infallible>(response))
        };
        HttpService::build().finish(fn_service(answer)).tcp()
    })?;
    let server = server.run();
    say()?;
    Ok(server.await?)
}
