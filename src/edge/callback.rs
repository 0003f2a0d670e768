//! `POST /callback/{bot}`: through the door, then one hop to the conversation.

use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Function, Promise, Reflect, Uint8Array};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::web_sys::Request;
use worker::{Env, Result, console_log, console_warn};

use super::{hop, respond, settings, text};
use crate::callback::MAX_BYTES;
use crate::door::{Door, Passed, Refused};

/// Answers a callback for the bot that the path names: a response, or the promise of one.
pub async fn answer(request: &Request, env: &Env, named: &str) -> Result<JsValue> {
    let config = settings::config(env);
    let door = match Door::open(&config, named, request.headers().get("Authorization")?.as_deref()) {
        Ok(door) => door,
        Err(refused) => return refuse(&refused),
    };
    let Some(body) = read(request).await? else { return refuse(&door.too_large()) };
    match door.read(&body) {
        Ok(Passed::Message(delivery)) => {
            if let Some(line) = &delivery.mismatch {
                console_warn!("{line}");
            }
            hop::deliver(env, door.config, &delivery)
        }
        Ok(Passed::UnknownTrigger(line)) => {
            console_log!("{line}");
            Ok(respond::json(200, r#"{"status":"ignored","reason":"unknown_trigger"}"#)?.into())
        }
        Err(refused) => refuse(&refused),
    }
}

fn refuse(Refused { error, line }: &Refused) -> Result<JsValue> {
    console_warn!("{line}");
    Ok(match error.status {
        401 => respond::unauthorized("Basic"),
        _ => respond::error(error),
    }?
    .into())
}

/// The body, or `None` where it is too large: by the length it declares, and by what is counted where it declares none.
///
/// As text, with U+FFFD for what is not UTF-8: the platform decodes faster than it hands over bytes.
async fn read(request: &Request) -> Result<Option<String>> {
    let declared = request.headers().get("Content-Length")?.and_then(|length| length.parse::<usize>().ok());
    match declared {
        Some(length) if length > MAX_BYTES => Ok(None),
        // The platform never hands over more than was declared.
        Some(_) => text(request.text()).await.map(Some),
        None => match request.body() {
            Some(body) => count(&body).await,
            None => Ok(Some(String::new())),
        },
    }
}

/// Reads a body of unknown length, chunk by chunk, and stops where it becomes too large.
async fn count(body: &JsValue) -> Result<Option<String>> {
    let method = |object: &JsValue, name: &str| -> Result<JsValue> {
        let function: Function = Reflect::get(object, &JsValue::from_str(name))?.dyn_into()?;
        Ok(function.call0(object)?)
    };
    let reader = method(body, "getReader")?;
    let mut bytes = Vec::new();
    loop {
        let chunk = JsFuture::from(method(&reader, "read")?.dyn_into::<Promise>()?).await?;
        if Reflect::get(&chunk, &JsValue::from_str("done"))?.is_truthy() {
            return Ok(Some(String::from_utf8_lossy(&bytes).into_owned()));
        }
        let chunk: Uint8Array = Reflect::get(&chunk, &JsValue::from_str("value"))?.dyn_into()?;
        bytes.extend_from_slice(&chunk.to_vec());
        if bytes.len() > MAX_BYTES {
            return Ok(None);
        }
    }
}
