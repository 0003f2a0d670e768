//! The Durable Object: one conversation in flight. It only carries; what happens is the engine's.

use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use wasm_bindgen::prelude::wasm_bindgen;
use worker::js_sys::Promise;
use worker::js_sys::futures::future_to_promise;
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen::closure::Closure;
use worker::web_sys::{Request, Response};
use worker::worker_sys::DurableObjectState;
use worker::{Env, Result, State, console_error};

use super::kv::Kv;
use super::platform::Platform;
use super::storage::Storage;
use super::{hop, respond, settings};
use crate::address::Address;
use crate::bot::registry::Registry;
use crate::callback::Ignored;
use crate::conversation::{self, DeadLetter, Entry, Instance, Receipt, Replayed};
use crate::json::{Field as _, Fields, Json};

/// How long a conversation waits for its settings to be mended.
const UNTIL_MENDED: Duration = Duration::from_secs(60);

type Engine = conversation::Conversation<Platform>;

/// A conversation in flight. The class that the platform makes of it is in the crate of the bots ([`worker!`](crate::worker)).
/// The `worker` crate's own macro would pour the body of each answer into a stream of its own.
pub struct Object {
    served: Rc<Served>,
    /// Answers a request, by its URL and its body.
    answer: JsValue,
}

struct Served {
    state: State,
    engine: Option<Rc<Engine>>,
}

impl Object {
    /// The object with this storage, in this environment.
    pub fn new(state: DurableObjectState, env: &Env, registry: Registry) -> Self {
        super::report_panics_once();
        settings::serve(registry);
        let state = State::from(state);
        let engine = engine(&state, env);
        let served = Rc::new(Served { state, engine });
        let asked = served.clone();
        let answer = Closure::<dyn Fn(String, String) -> std::result::Result<JsValue, JsValue>>::new(
            move |url: String, body: String| {
                let served = asked.clone();
                now_or_later(async move { served.answer(&url, &body).await })
            },
        );
        Self { served, answer: answer.into_js_value() }
    }

    /// Answers a request of the hop.
    pub fn fetch(&self, request: &Request) -> Promise {
        answer(request, &self.answer)
    }

    /// The alarm has gone off.
    pub fn alarm(&self) -> Promise {
        let served = self.served.clone();
        future_to_promise(async move {
            served.wake().await?;
            Ok(JsValue::UNDEFINED)
        })
    }
}

#[wasm_bindgen(module = "/src/edge/platform.js")]
extern "C" {
    fn answer(request: &Request, answer: &JsValue) -> Promise;
}

/// The result, or a promise of it where it has to be waited for. What can be done at once is done in this call.
fn now_or_later(work: impl Future<Output = Result<Response>> + 'static) -> std::result::Result<JsValue, JsValue> {
    let mut work = Box::pin(work);
    match work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Ok(done?.into()),
        Poll::Pending => Ok(future_to_promise(async move { Ok(work.await?.into()) }).into()),
    }
}

impl Served {
    async fn wake(&self) -> Result<()> {
        match &self.engine {
            Some(engine) => {
                let (due, armed) = engine.wake().await;
                if !due.is_empty() {
                    let engine = engine.clone();
                    self.state.wait_until(async move { engine.work(due).await });
                }
                armed.map_err(|error| worker::Error::RustError(error.to_string()))
            }
            None => {
                console_error!(
                    "{}",
                    Json::new().text("event", "misconfigured").text("detail", "a conversation waits").build()
                );
                self.state.storage().set_alarm(UNTIL_MENDED).await
            }
        }
    }

    async fn answer(&self, url: &str, body: &str) -> Result<Response> {
        let Some(engine) = &self.engine else { return respond::unavailable("The settings are not complete.") };
        let (path, query) = super::parts(url);
        let Some(asked) = path.strip_prefix(hop::VERSION) else { return not_understood(path) };
        let is_again = query == hop::AGAIN;
        match asked.split_once('/').unwrap_or((asked, "")) {
            ("view", "") => match engine.view() {
                Ok(view) => respond::json(200, &view.map_or_else(|| "null".to_owned(), |view| view.to_json())),
                Err(error) => failed(&error),
            },
            ("receive", "") => self.receive(engine, body, None, is_again).await,
            ("receive", rule) => match Ignored::parse(rule) {
                Some(ignored) => self.receive(engine, body, Some(ignored), is_again).await,
                None => not_understood(path),
            },
            ("replay", "") => self.replay(engine, body).await,
            _ => not_understood(path),
        }
    }

    async fn receive(
        &self,
        engine: &Rc<Engine>,
        body: &str,
        ignored: Option<Ignored>,
        is_again: bool,
    ) -> Result<Response> {
        let Some(mut entry) = Entry::read(Some(body)) else { return not_understood("the message") };
        // The bot may have had it, and have taken this object with it before anything was stored.
        entry.attempts = is_again.into();
        match engine.receive(entry, ignored).await {
            Ok((Receipt::Accepted, work)) => {
                if let Some(work) = work {
                    self.state.wait_until(work);
                }
                respond::json(200, r#"{"status":"accepted"}"#)
            }
            Ok((Receipt::Duplicate, _)) => respond::json(200, r#"{"status":"duplicate"}"#),
            Ok((Receipt::Ignored(reason), _)) => {
                respond::json(200, &Json::new().text("status", "ignored").text("reason", reason.as_str()).build())
            }
            Err(error) => failed(&error),
        }
    }

    async fn replay(&self, engine: &Rc<Engine>, body: &str) -> Result<Response> {
        let fields = Fields::parse(body).unwrap_or_default();
        let (Some(key), Some(letter)) = (fields.read::<String>("key"), fields.read::<DeadLetter>("letter")) else {
            return not_understood("the letter");
        };
        match engine.replay(&key, letter).await {
            Ok(Replayed::Accepted) => {
                let engine = engine.clone();
                self.state.wait_until(async move { engine.process().await });
                respond::json(200, r#"{"status":"accepted"}"#)
            }
            Ok(Replayed::Duplicate) => respond::json(200, r#"{"status":"duplicate"}"#),
            Ok(Replayed::Unavailable) => respond::unavailable("KV cannot be read."),
            Err(error) => failed(&error),
        }
    }
}

thread_local! {
    static INSTANCE: Rc<Instance> = Rc::default();
}

fn engine(state: &State, env: &Env) -> Option<Rc<Engine>> {
    let config = settings::config(env);
    let ready = config.as_ref().as_ref().ok()?;
    let address = Address::parse(&state.id().name()?)?;
    let behaviour = ready.behaviour(&address.bot);
    let settings = ready.conversation.clone();
    let platform =
        Platform::new(Storage::new(state.as_raw().storage().ok()?), Kv::conversations(env).ok()?, config.clone());
    let instance = INSTANCE.with(Rc::clone);
    Some(Rc::new(Engine::new(platform, address, settings, behaviour, instance)))
}

/// The worker at the door and this one are of two versions, for as long as a deploy takes.
fn not_understood(what: &str) -> Result<Response> {
    console_error!("{}", Json::new().text("event", "hop_not_understood").text("detail", what).build());
    respond::unavailable("The conversation did not understand what was asked.")
}

fn failed(error: &conversation::ports::StorageError) -> Result<Response> {
    console_error!("{}", Json::new().text("event", "storage_failed").text("detail", &error.to_string()).build());
    respond::unavailable("The conversation could not be stored.")
}
