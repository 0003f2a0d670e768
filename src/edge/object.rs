//! The Durable Object: one conversation in flight. It only carries; what happens is the engine's.

use std::rc::Rc;
use std::time::Duration;

use worker::web_sys::{self, Response};
use worker::{DurableObject, Env, Request, Result, State, console_error, durable_object};

use super::kv::Kv;
use super::platform::Platform;
use super::{hop, respond, settings, text};
use crate::address::Address;
use crate::callback::Ignored;
use crate::conversation::{self, DeadLetter, Entry, Instance, Receipt, Replayed};
use crate::json::{Field as _, Fields, Json};

/// How long a conversation waits for its settings to be mended.
const UNTIL_MENDED: Duration = Duration::from_secs(60);

type Engine = conversation::Conversation<Platform>;

/// A conversation in flight.
#[durable_object(alarm)]
pub struct Conversation {
    state: State,
    engine: Option<Rc<Engine>>,
}

impl DurableObject for Conversation {
    fn new(state: State, env: Env) -> Self {
        super::report_panics_once();
        let engine = engine(&state, &env);
        Self { state, engine }
    }

    async fn fetch(&self, request: Request) -> Result<worker::Response> {
        self.answer(request.inner()).await.map(Into::into)
    }

    async fn alarm(&self) -> Result<worker::Response> {
        match &self.engine {
            Some(engine) => {
                let (due, armed) = engine.wake().await;
                let engine = engine.clone();
                self.state.wait_until(async move { engine.work(due).await });
                armed.map_err(|error| worker::Error::RustError(error.to_string()))?;
            }
            None => {
                console_error!(
                    "{}",
                    Json::new().text("event", "misconfigured").text("detail", "a conversation waits").build()
                );
                self.state.storage().set_alarm(UNTIL_MENDED).await?;
            }
        }
        worker::Response::empty()
    }
}

impl Conversation {
    async fn answer(&self, request: &web_sys::Request) -> Result<Response> {
        let Some(engine) = &self.engine else { return respond::unavailable("The settings are not complete.") };
        let url = request.url();
        let (path, _) = super::parts(&url);
        let Some(asked) = path.strip_prefix(hop::VERSION) else { return not_understood(path) };
        if asked == "view" {
            return match engine.view() {
                Ok(view) => respond::json(200, view.write().as_deref().unwrap_or("null")),
                Err(error) => failed(&error),
            };
        }
        let body = text(request.text()).await?;
        match asked.split_once('/').unwrap_or((asked, "")) {
            ("receive", "") => self.receive(engine, &body, None).await,
            ("receive", rule) => match Ignored::parse(rule) {
                Some(ignored) => self.receive(engine, &body, Some(ignored)).await,
                None => not_understood(path),
            },
            ("replay", "") => self.replay(engine, &body).await,
            _ => not_understood(path),
        }
    }

    async fn receive(&self, engine: &Rc<Engine>, body: &str, ignored: Option<Ignored>) -> Result<Response> {
        let Some(entry) = Entry::read(Some(body)) else { return not_understood("the message") };
        match engine.receive(entry, ignored).await {
            Ok(Receipt::Accepted) => {
                self.drive(engine);
                respond::json(200, r#"{"status":"accepted"}"#)
            }
            Ok(Receipt::Duplicate) => respond::json(200, r#"{"status":"duplicate"}"#),
            Ok(Receipt::Ignored(reason)) => {
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
                self.drive(engine);
                respond::json(200, r#"{"status":"accepted"}"#)
            }
            Ok(Replayed::Duplicate) => respond::json(200, r#"{"status":"duplicate"}"#),
            Ok(Replayed::Unavailable) => respond::unavailable("KV cannot be read."),
            Err(error) => failed(&error),
        }
    }

    /// Goes on with what has been stored, beside the answer.
    fn drive(&self, engine: &Rc<Engine>) {
        let engine = engine.clone();
        self.state.wait_until(async move { engine.drive().await });
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
    let platform = Platform::new(state.storage(), Kv::conversations(env).ok()?, config.clone());
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
