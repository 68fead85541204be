//! The admin listener: `/metrics` for Prometheus and `/readyz` for whoever starts and stops servers,
//! over HTTP on an address of its own (`admin-bind`, `admin-port`).
//!
//! It answers from what threads publish and asks no shard, so a busy shard does not delay it; its
//! accepting and its only worker have threads of their own. It owns its socket and nothing else: it
//! reads the process's state and changes none of it.

mod exposition;
mod metrics;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::header::{self, ContentType};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, Resource, Route, guard, web};
use prometheus_client::registry::Registry;

use crate::listener::{ListenError, at_fault};
use crate::process::RunError;
use crate::server::Server;

/// Connections at the same time; more wait in the listener's backlog. Scrapers are few.
pub(crate) const MAX_CONNECTIONS: usize = 64;

/// Time in which a request's head must be complete.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Time that a connection may be idle between requests: above Prometheus's default interval of a
/// minute, so that scrapes share one connection.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Content type of Prometheus's own text format.
const CLASSIC_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Content type of OpenMetrics, without its parameters.
const OPEN_METRICS: &str = "application/openmetrics-text";

/// Content type of OpenMetrics as it is answered.
const OPEN_METRICS_TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The running listener.
#[derive(Debug)]
pub struct Admin {
    handle: ServerHandle,
}

impl Admin {
    /// Ends it at once, open requests included.
    pub async fn stop(self) {
        self.handle.stop(false).await;
    }
}

/// Opens the listener, if the settings want it. To be called in the control thread's actix system,
/// once all threads run.
///
/// A port that is not to be had is only worth a warning, and no listener, while nobody has set
/// where the listener is to be.
///
/// # Errors
/// The address that was set cannot be used.
pub fn start(server: &Arc<Server>) -> Result<Option<Admin>, RunError> {
    let settings = server.settings();
    if settings.admin_port == 0 {
        return Ok(None);
    }
    let address = SocketAddr::new(settings.admin_bind, settings.admin_port);
    match open(address, server) {
        Ok(admin) => Ok(Some(admin)),
        Err(source) if is_set(server) => {
            let loaded = server.loaded.lock().unwrap_or_else(PoisonError::into_inner);
            let setting = loaded.tell(at_fault(&source, "admin-port", "admin-bind"));
            Err(ListenError::Address { setting, address: address.to_string(), source }.into())
        }
        Err(error) => {
            tracing::warn!(
                %address, %error,
                "no metrics and no readiness: their default port is not to be had; \
                 set 'admin-port' to another one, or to 0 for none",
            );
            Ok(None)
        }
    }
}

/// Whether somebody has set where the listener is to be.
fn is_set(server: &Server) -> bool {
    let loaded = server.loaded.lock().unwrap_or_else(PoisonError::into_inner);
    loaded.is_explicit("admin-port") || loaded.is_explicit("admin-bind")
}

fn open(address: SocketAddr, server: &Arc<Server>) -> io::Result<Admin> {
    let listener = TcpListener::bind(address)?;
    let mut registry = Registry::default();
    registry.register_collector(Box::new(metrics::Metrics::new(Arc::clone(server))));
    let state = web::Data::new(State { server: Arc::clone(server), registry });
    let running = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .service(readable("/metrics", web::route().to(tell_metrics)))
            .service(readable("/readyz", web::route().to(tell_readiness)))
    })
    .workers(1)
    .max_connections(MAX_CONNECTIONS)
    .client_request_timeout(REQUEST_TIMEOUT)
    .keep_alive(KEEP_ALIVE)
    // Control watches the signals.
    .disable_signals()
    .listen(listener)?
    .run();
    let handle = running.handle();
    actix_rt::spawn(async move {
        if let Err(error) = running.await {
            tracing::error!(%error, "the admin listener ended");
        }
    });
    Ok(Admin { handle })
}

/// What answers are made from.
struct State {
    server: Arc<Server>,
    registry: Registry,
}

/// A page that can be read and not written.
fn readable(path: &str, page: Route) -> Resource {
    web::resource(path)
        .route(page.guard(guard::Any(guard::Get()).or(guard::Head())))
        .default_service(web::to(refuse_method))
}

async fn refuse_method() -> HttpResponse {
    HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, "GET, HEAD")).finish()
}

/// `/metrics`: in OpenMetrics for who asks for it, in Prometheus's own text format otherwise.
async fn tell_metrics(state: web::Data<State>, request: HttpRequest) -> HttpResponse {
    let mut text = String::new();
    if let Err(error) = prometheus_client::encoding::text::encode(&mut text, &state.registry) {
        tracing::error!(%error, "metrics could not be written");
        return HttpResponse::InternalServerError().finish();
    }
    if accepts_open_metrics(&request) {
        HttpResponse::Ok().content_type(OPEN_METRICS_TEXT).body(text)
    } else {
        HttpResponse::Ok().content_type(CLASSIC_TEXT).body(exposition::classic(&text))
    }
}

fn accepts_open_metrics(request: &HttpRequest) -> bool {
    let mut accepted = request.headers().get_all(header::ACCEPT);
    accepted.any(|value| value.to_str().is_ok_and(|text| text.contains(OPEN_METRICS)))
}

/// `/readyz`: whether commands are served, all of them.
async fn tell_readiness(state: web::Data<State>) -> HttpResponse {
    let server = &state.server;
    let (mut answer, text) = if server.ending.is_under_way() {
        (HttpResponse::ServiceUnavailable(), "ending\n".to_owned())
    } else if server.loading.is_running() {
        let (loaded, total) = server.loading.bytes();
        let text = format!("loading: {loaded} of {total} bytes\n");
        (HttpResponse::ServiceUnavailable(), text)
    } else if let Some(failure) = server.durability.failure() {
        (HttpResponse::ServiceUnavailable(), format!("writes are refused: {failure}\n"))
    } else {
        (HttpResponse::Ok(), "ready\n".to_owned())
    };
    answer.content_type(ContentType::plaintext()).body(text)
}
