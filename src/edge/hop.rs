//! The hop from the Worker to a conversation's Durable Object.

use std::time::Duration;

use futures_util::future::{Either, select};
use worker::wasm_bindgen::JsValue;
use worker::web_sys::{Request, RequestInit};
use worker::{Delay, Env, Error, Response, Result};

use crate::address::Address;
use crate::config::Config;

/// What the two sides of the hop have to agree on. They may be of two deploys: what does not fit is refused, and tried
/// again by who asked.
pub const VERSION: &str = "/2";

/// How long a conversation may take to answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// Asks the conversation at `address`. The object is created near CometChat, and never moves later.
///
/// # Errors
///
/// The object could not be reached, or did not answer in time. What was asked may have been done all the same.
pub async fn ask(
    env: &Env,
    config: &Config,
    address: &Address,
    method: &str,
    path: &str,
    body: Option<&str>,
) -> Result<Response> {
    let namespace = env.durable_object("CONVERSATION")?;
    let name = address.to_string();
    let stub = match &config.location_hint {
        Some(hint) => namespace.get_by_name_with_location_hint(&name, hint)?,
        None => namespace.get_by_name(&name)?,
    };
    let init = RequestInit::new();
    init.set_method(method);
    if let Some(body) = body {
        init.set_body(&JsValue::from_str(body));
    }
    // An object has no host; the URL only has to be absolute.
    let request = Request::new_with_str_and_init(&format!("https://conversation{VERSION}{path}"), &init)?;
    let answer = std::pin::pin!(stub.fetch_with_request(request.into()));
    let timer = std::pin::pin!(Delay::from(DEADLINE));
    match select(answer, timer).await {
        Either::Left((answer, _)) => answer,
        Either::Right(((), _)) => Err(Error::RustError("the conversation did not answer in time".to_owned())),
    }
}
