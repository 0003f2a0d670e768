//! The settings as wrangler hands them over, parsed once in the life of an instance.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use worker::Env;
use worker::js_sys::{JSON, Reflect};
use worker::wasm_bindgen::JsValue;

use crate::bot::registry::Registry;
use crate::config::{Config, Misconfigured};

thread_local! {
    static REGISTRY: Cell<Registry> = const { Cell::new(|_| None) };
    // The bindings of an instance never change; a new setting comes with a new instance.
    static CONFIG: OnceCell<Rc<Result<Config, Misconfigured>>> = const { OnceCell::new() };
}

/// Says which bots there are, before anything else is asked for.
pub fn serve(registry: Registry) {
    REGISTRY.set(registry);
}

/// The settings of this deployment.
pub fn config(env: &Env) -> Rc<Result<Config, Misconfigured>> {
    let read = || Rc::new(Config::read(|name| value(env, name), REGISTRY.get()));
    CONFIG.with(|config| config.get_or_init(read).clone())
}

/// A variable or a secret. wrangler hands a JSON variable over as a string or as an object.
fn value(env: &Env, name: &str) -> Option<String> {
    let value = Reflect::get(env, &JsValue::from_str(name)).ok()?;
    if value.is_undefined() || value.is_null() {
        return None;
    }
    value.as_string().or_else(|| JSON::stringify(&value).ok()?.as_string())
}
