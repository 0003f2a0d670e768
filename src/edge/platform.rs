//! The ports over Cloudflare: an object's storage, KV, `fetch`, and the clock.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{JsCast, JsValue};
// The crate's own `RequestInit` brings properties that nobody asks for here.
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{self, Array, Promise, Reflect};
use worker::web_sys::{Headers, RequestInit, RequestRedirect};
use worker::{Delay, console_log};

use super::kv::Kv;
use super::storage::Storage;
use crate::callback::shorten;
use crate::cometchat::{self, NoAnswer};
use crate::config::{Config, Misconfigured};
use crate::conversation::ports::{self, ArchiveError, Millis};

/// For how long requests share a deadline. Each has a timer, which goes on when the answer has come, costs when it goes
/// off, and keeps the object in memory until then.
const SHARED: Duration = Duration::from_secs(2);

/// How long CometChat may take to answer, in milliseconds: the longest that a request may get.
const DEADLINE: u32 = cometchat::DEADLINE.saturating_add(SHARED).as_millis() as u32;

/// One object's share of the platform.
pub struct Platform {
    pub(super) storage: Storage,
    kv: Kv,
    config: Rc<Result<Config, Misconfigured>>,
    /// The newest deadline, and until when it is shared.
    deadline: RefCell<Option<(AbortSignal, Millis)>>,
}

impl Platform {
    /// The platform as the object with this storage sees it.
    pub fn new(storage: Storage, kv: Kv, config: Rc<Result<Config, Misconfigured>>) -> Self {
        Self { storage, kv, config, deadline: RefCell::default() }
    }

    /// What gives a request up that is sent now.
    fn deadline(&self) -> AbortSignal {
        let now = ports::Clock::now(self);
        if let Some((signal, _)) = self.deadline.borrow().as_ref().filter(|(_, until)| now < *until) {
            return signal.clone();
        }
        let signal = AbortSignal::timeout(DEADLINE);
        self.deadline.replace(Some((signal.clone(), ports::after(now, SHARED))));
        signal
    }

    fn config(&self) -> Result<&Config, NoAnswer> {
        self.config.as_ref().as_ref().map_err(|problems| NoAnswer(problems.to_string()))
    }
}

impl ports::Clock for Platform {
    fn now(&self) -> Millis {
        // `Date.now()`; the crate's own makes an object of each moment.
        js_sys::Date::now() as Millis
    }

    async fn sleep(&self, wait: Duration) {
        Delay::from(wait).await;
    }
}

impl ports::Archive for Platform {
    async fn get(&self, key: &str) -> Result<Option<String>, ArchiveError> {
        self.kv.get(key).await.map_err(archive_error)
    }

    async fn put(&self, key: &str, value: &str, ttl: Duration, metadata: &str) -> Result<(), ArchiveError> {
        self.kv.put(key, value, ttl, metadata).await.map_err(archive_error)
    }

    async fn delete(&self, key: &str) -> Result<(), ArchiveError> {
        self.kv.delete(key).await.map_err(archive_error)
    }
}

impl ports::CometChat for Platform {
    async fn call(&self, request: &cometchat::Request) -> Result<cometchat::Response, NoAnswer> {
        let config = self.config()?;
        let init = match (request.method, &request.on_behalf_of) {
            ("POST", None) => post(config),
            (method, uid) => init(method, uid.as_deref(), config),
        };
        let init = init.map_err(js_error)?;
        let body = request.body.as_deref().map_or(JsValue::UNDEFINED, JsValue::from_str);
        let url = format!("{}{}", config.api_url, request.path);
        let answer = JsFuture::from(call(&url, &init, &body, &self.deadline())).await.map_err(js_error)?;
        let answer: Array = answer.unchecked_into();
        let text = |n| answer.get(n).as_string();
        Ok(cometchat::Response {
            status: answer.get(0).as_f64().unwrap_or_default() as u16,
            body: text(1).unwrap_or_default(),
            retry_after: text(2),
            rate_limit_reset: text(3),
        })
    }
}

#[wasm_bindgen(module = "/src/edge/platform.js")]
extern "C" {
    fn call(url: &str, init: &RequestInit, body: &JsValue, deadline: &AbortSignal) -> Promise;
}

#[wasm_bindgen]
extern "C" {
    #[derive(Clone)]
    type AbortSignal;

    #[wasm_bindgen(static_method_of = AbortSignal)]
    fn timeout(milliseconds: u32) -> AbortSignal;
}

thread_local! {
    /// What every reply is sent with, made once.
    static POST: OnceCell<RequestInit> = const { OnceCell::new() };
}

fn post(config: &Config) -> Result<RequestInit, JsValue> {
    if let Some(known) = POST.with(|post| post.get().cloned()) {
        return Ok(known);
    }
    let made = init("POST", None, config)?;
    Ok(POST.with(|post| post.get_or_init(|| made).clone()))
}

fn init(method: &str, on_behalf_of: Option<&str>, config: &Config) -> Result<RequestInit, JsValue> {
    let headers = Headers::new()?;
    headers.set("Accept", "application/json")?;
    headers.set("apikey", config.api_key.expose())?;
    if let Some(uid) = on_behalf_of {
        headers.set("onBehalfOf", uid)?;
    }
    if method == "POST" {
        headers.set("Content-Type", "application/json")?;
    }
    let init = RequestInit::new();
    init.set_method(method);
    init.set_headers(&headers);
    // A redirect would take the API key elsewhere.
    init.set_redirect(RequestRedirect::Manual);
    Ok(init)
}

impl ports::Journal for Platform {
    fn line(&self, line: String) {
        console_log!("{line}");
    }
}

fn archive_error(error: worker::Error) -> ArchiveError {
    ArchiveError(error.to_string())
}

fn js_error(error: JsValue) -> NoAnswer {
    let name = Reflect::get(&error, &JsValue::from_str("name")).ok().and_then(|name| name.as_string());
    NoAnswer(match name.as_deref() {
        Some("TimeoutError") => "timeout".to_owned(),
        _ => shorten(&format!("network: {}", worker::Error::from(error))),
    })
}
