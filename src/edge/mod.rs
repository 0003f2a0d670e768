//! The only code that knows Cloudflare: the Worker at the door, the Durable Object behind it, and the ports.
//!
//! | route | what |
//! | --- | --- |
//! | `POST /callback/{bot}` | CometChat's callbacks |
//! | `GET /health` | whether the settings are complete, and nothing keeps messages waiting that somebody has to mend |
//! | `/admin/…` | the operator's routes |
//!
//! Requests and responses are the platform's own: the crate's wrappers read `cf` of each request and pour each body
//! into a stream of their own, for which every callback would pay three times.

mod admin;
mod callback;
mod export;
mod health;
mod hop;
mod kv;
mod object;
mod platform;
mod respond;
mod settings;
mod storage;

pub use ::wasm_bindgen;
pub use object::Object;
pub use worker::Env;
pub use worker::js_sys::Promise;
pub use worker::web_sys::Request;
pub use worker::worker_sys::DurableObjectState;

use worker::js_sys::futures::{JsFuture, future_to_promise};
use worker::js_sys::{self, Reflect};
use worker::wasm_bindgen::JsValue;
use worker::{Result, console_error, event};

use crate::bot::registry::Registry;
use crate::json::Json;

/// Has tasks run by a promise. In workerd `queueMicrotask` makes a wrapper for each function that it is handed, which
/// costs more than many a task; the executor takes a promise where there is no such function.
#[event(start)]
fn start() {
    let _ = Reflect::set(&js_sys::global(), &JsValue::from_str("queueMicrotask"), &JsValue::UNDEFINED);
}

/// Keeps a panic to one report. `worker` installs a hook of its own when the module starts, after every start handler
/// of ours, so ours replaces it with the first event.
fn report_panics_once() {
    console_error_panic_hook::set_once();
}

/// Answers a request. A promise of a response will do as well as a response, which the crate's own macro does not know.
pub fn fetch(request: Request, env: Env, registry: Registry) -> Promise {
    report_panics_once();
    settings::serve(registry);
    future_to_promise(async move {
        match answer(&request, &env).await {
            Ok(response) => Ok(response),
            Err(error) => {
                console_error!("{}", Json::new().text("event", "failed").text("detail", &error.to_string()).build());
                Ok(respond::unavailable("The platform did not do its part.")?.into())
            }
        }
    })
}

async fn answer(request: &Request, env: &Env) -> Result<JsValue> {
    let (method, url) = (request.method(), request.url());
    let (path, query) = parts(&url);
    let mut segments = path.split('/');
    let response = match (segments.next(), segments.next(), segments.next()) {
        (Some("callback"), Some(bot), None) if !bot.is_empty() => match method.as_str() {
            "POST" => return callback::answer(request, env, bot).await,
            _ => respond::method_not_allowed("POST"),
        },
        (Some("health"), None, None) => match method.as_str() {
            "GET" | "HEAD" => health::answer(env).await,
            _ => respond::method_not_allowed("GET, HEAD"),
        },
        (Some("admin"), Some(_), _) => {
            let path = path.strip_prefix("admin/").unwrap_or_default();
            admin::answer(request, env, &method, path, query).await
        }
        _ => respond::not_found(),
    };
    Ok(response?.into())
}

/// What stands in the environment under this name.
fn binding(env: &Env, name: &str) -> Result<JsValue> {
    let value = Reflect::get(env, &JsValue::from_str(name))?;
    if value.is_undefined() { Err(worker::Error::BindingError(name.to_owned())) } else { Ok(value) }
}

/// The text of a body, as `text()` of a request or a response promises it.
async fn text(promised: std::result::Result<Promise, JsValue>) -> Result<String> {
    Ok(JsFuture::from(promised?).await?.as_string().unwrap_or_default())
}

/// The path of a URL, without the slash that it begins with, and the query. The platform hands over URLs in their
/// normal form, without a fragment.
fn parts(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    path.split_once('?').unwrap_or((path, ""))
}
