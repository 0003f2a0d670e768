//! The hop from the Worker to a conversation's Durable Object.

use wasm_bindgen::prelude::wasm_bindgen;
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Object, Promise, Reflect};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::web_sys::{RequestInit, Response};
use worker::{Env, Result};

use super::binding;
use crate::address::Address;
use crate::config::Config;

/// What the two sides of the hop have to agree on. They may be of two deploys: what does not fit is refused, and tried
/// again by who asked.
pub const VERSION: &str = "2/";

#[wasm_bindgen]
extern "C" {
    type Namespace;

    #[wasm_bindgen(method, catch, js_name = getByName)]
    fn get_by_name(this: &Namespace, name: &str, options: &JsValue) -> std::result::Result<Stub, JsValue>;

    type Stub;

    #[wasm_bindgen(method, catch)]
    fn fetch(this: &Stub, url: &str, init: &RequestInit) -> std::result::Result<Promise, JsValue>;
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
    let namespace = binding(env, "CONVERSATION")?;
    let options = match &config.location_hint {
        Some(hint) => {
            let options = Object::new();
            Reflect::set(&options, &JsValue::from_str("locationHint"), &JsValue::from_str(hint))?;
            options.into()
        }
        None => JsValue::UNDEFINED,
    };
    let stub = namespace.unchecked_ref::<Namespace>().get_by_name(&address.to_string(), &options)?;
    let init = RequestInit::new();
    init.set_method(method);
    if let Some(body) = body {
        init.set_body(&JsValue::from_str(body));
    }
    // An object has no host; the URL only has to be absolute.
    let answer = stub.fetch(&format!("https://conversation/{VERSION}{path}"), &init)?;
    Ok(JsFuture::from(answer).await?.unchecked_into())
}
