//! The KV namespace `CONVERSATIONS`.
//!
//! Called directly: the crate's wrapper takes every option through serde-wasm-bindgen, which is large and has traps.

use std::time::Duration;

use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Array, Function, JSON, Promise, Reflect};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{Env, Result};

use super::binding;
use crate::json::Json;

/// A KV namespace.
pub struct Kv(JsValue);

impl Kv {
    /// The namespace that holds conversations at rest, and dead letters.
    ///
    /// # Errors
    ///
    /// The deployment has no such binding.
    pub fn conversations(env: &Env) -> Result<Self> {
        binding(env, "CONVERSATIONS").map(Self)
    }

    /// Reads a value.
    pub async fn get(&self, key: &str) -> Result<Option<String>> {
        Ok(self.call("get", [JsValue::from_str(key)]).await?.as_string())
    }

    /// Writes a value. `metadata` is JSON of at most 1,024 bytes; `ttl` is a minute at least.
    pub async fn put(&self, key: &str, value: &str, ttl: Duration, metadata: &str) -> Result<()> {
        let options = Json::new().number("expirationTtl", ttl.as_secs()).raw("metadata", metadata).build();
        let options = JSON::parse(&options)?;
        self.call("put", [JsValue::from_str(key), JsValue::from_str(value), options]).await.map(drop)
    }

    /// Deletes a value; one that is not there is no error.
    pub async fn delete(&self, key: &str) -> Result<()> {
        self.call("delete", [JsValue::from_str(key)]).await.map(drop)
    }

    /// A page of keys with their metadata, as KV's own JSON: `{keys: [{name, metadata}], list_complete, cursor}`.
    pub async fn list(&self, prefix: &str, limit: u64, cursor: Option<&str>) -> Result<String> {
        let options = Json::new().text("prefix", prefix).number("limit", limit);
        let options = match cursor {
            Some(cursor) => options.text("cursor", cursor),
            None => options,
        };
        let page = self.call("list", [JSON::parse(&options.build())?]).await?;
        Ok(JSON::stringify(&page)?.into())
    }

    async fn call<const N: usize>(&self, method: &str, arguments: [JsValue; N]) -> Result<JsValue> {
        let function: Function = Reflect::get(&self.0, &JsValue::from_str(method))?.dyn_into()?;
        let promise: Promise = function.apply(&self.0, &Array::from_iter(arguments))?.dyn_into()?;
        Ok(JsFuture::from(promise).await?)
    }
}
