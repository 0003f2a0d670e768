//! The hop from the Worker to a conversation's Durable Object.

use std::cell::OnceCell;
use std::rc::Rc;

use wasm_bindgen::prelude::wasm_bindgen;
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{JsString, Object, Promise, Reflect};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::web_sys::{RequestInit, Response, ResponseInit};
use worker::{Env, Result};

use super::{binding, respond};
use crate::address::Address;
use crate::config::Config;
use crate::door::Delivery;

/// What the two sides of the hop have to agree on. They may be of two deploys: what does not fit is refused, and tried
/// again by who asked.
pub const VERSION: &str = "2/";

/// The query of a hop that is made again, because the object has gone down with the message, as far as is known.
pub const AGAIN: &str = "again";

#[wasm_bindgen]
extern "C" {
    type Namespace;

    #[wasm_bindgen(method, catch, js_name = getByName)]
    fn get_by_name(this: &Namespace, name: &str, options: &JsValue) -> std::result::Result<Stub, JsValue>;

    type Stub;

    #[wasm_bindgen(method, catch)]
    fn fetch(this: &Stub, url: &str, init: &RequestInit) -> std::result::Result<Promise, JsValue>;
}

#[wasm_bindgen(module = "/src/edge/platform.js")]
extern "C" {
    #[wasm_bindgen(js_name = deliver)]
    fn deliver_to(
        env: &Env,
        name: &str,
        options: &JsValue,
        url: &str,
        body: &str,
        refusal: &ResponseInit,
        sorry: &JsString,
    ) -> Promise;
}

/// What the hop needs, made once.
struct Hop {
    /// Of an object that is made by it.
    options: JsValue,
    refusal: ResponseInit,
    sorry: JsString,
}

thread_local! {
    static HOP: OnceCell<Rc<Hop>> = const { OnceCell::new() };
}

impl Hop {
    fn of(config: &Config) -> Result<Rc<Self>> {
        if let Some(hop) = HOP.with(|hop| hop.get().cloned()) {
            return Ok(hop);
        }
        let options = match &config.location_hint {
            Some(hint) => {
                let options = Object::new();
                Reflect::set(&options, &"locationHint".into(), &hint.as_str().into())?;
                options.into()
            }
            None => JsValue::UNDEFINED,
        };
        let sorry = respond::sorry("The message could not be stored.");
        let hop = Rc::new(Self { options, refusal: respond::init_of(&sorry)?, sorry: sorry.to_json().into() });
        HOP.with(|known| known.set(hop.clone())).ok();
        Ok(hop)
    }
}

/// Asks the conversation at `address`. The object is created near CometChat, and never moves later.
///
/// # Errors
///
/// The object could not be reached. What was asked may have been done all the same.
pub async fn ask(
    env: &Env,
    config: &Config,
    address: &Address,
    method: &str,
    path: &str,
    body: Option<&str>,
) -> Result<Response> {
    let hop = Hop::of(config)?;
    let init = RequestInit::new();
    init.set_method(method);
    if let Some(body) = body {
        init.set_body(&JsValue::from_str(body));
    }
    let objects: Namespace = binding(env, "CONVERSATION")?.unchecked_into();
    let answer = objects.get_by_name(&address.to_string(), &hop.options)?.fetch(&url(path), &init)?;
    Ok(JsFuture::from(answer).await?.unchecked_into())
}

/// Hands a message over to its conversation: the promise of an answer, which may be handed on as it is.
///
/// So the answer does not come back to this instance of the worker. It may be the object's too, and be gone by then,
/// because the bot has panicked.
pub fn deliver(env: &Env, config: &Config, delivery: &Delivery) -> Result<JsValue> {
    let Hop { options, refusal, sorry } = &*Hop::of(config)?;
    let name = delivery.address.to_string();
    Ok(deliver_to(env, &name, options, &url(&delivery.path()), &delivery.body(), refusal, sorry).into())
}

/// An object has no host; the URL only has to be absolute.
fn url(path: &str) -> String {
    format!("https://conversation/{VERSION}{path}")
}
