//! The ports over Cloudflare: SQLite rows and the alarm of a Durable Object, KV, `fetch`, and the clock.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use worker::wasm_bindgen::closure::Closure;
use worker::wasm_bindgen::{JsCast, JsValue};
// The crate's own `RequestInit` and body readers bring properties and streams that nobody asks for here.
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{self, Function, Reflect};
use worker::web_sys::{AbortSignal, Headers, RequestInit, RequestRedirect, Response, WorkerGlobalScope};
use worker::{Delay, SqlStorage, Storage, console_log};

use super::kv::Kv;
use crate::callback::shorten;
use crate::cometchat::{self, NoAnswer};
use crate::config::{Config, Misconfigured};
use crate::conversation::ports::{self, ArchiveError, Change, Millis, StorageError};

/// How many parameters a statement may have in a Durable Object. Even, so that a key stays with its value.
const MAX_PARAMETERS: usize = 100;

/// How long CometChat may take to answer, in milliseconds.
const DEADLINE: u32 = cometchat::DEADLINE.as_millis() as u32;

/// One object's share of the platform.
pub struct Platform {
    storage: Storage,
    sql: SqlStorage,
    kv: Kv,
    config: Rc<Result<Config, Misconfigured>>,
    /// Whether the table is there. An object that has emptied itself has none, and reading must not make one.
    has_table: Cell<Option<bool>>,
}

impl Platform {
    /// The platform as the object with this storage sees it.
    pub fn new(storage: Storage, kv: Kv, config: Rc<Result<Config, Misconfigured>>) -> Self {
        let sql = storage.sql();
        Self { storage, sql, kv, config, has_table: Cell::new(None) }
    }

    fn has_table(&self) -> Result<bool, StorageError> {
        if let Some(known) = self.has_table.get() {
            return Ok(known);
        }
        let table = self.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'rows'", &[])?;
        self.has_table.set(Some(!table.is_empty()));
        Ok(!table.is_empty())
    }

    /// The rows of an answer, as objects.
    fn query(&self, sql: &str, parameters: &[&str]) -> Result<Vec<JsValue>, StorageError> {
        let rows = self.sql.exec_raw(sql, texts(parameters)).map_err(storage_error)?;
        // Not the cursor's own `next`, which goes through serde-wasm-bindgen.
        Iterator::collect::<Result<_, _>>(rows).map_err(storage_error)
    }

    /// The rows of an answer, if there is a table at all.
    fn query_rows(&self, sql: &str, parameters: &[&str]) -> Result<Vec<JsValue>, StorageError> {
        if self.has_table()? { self.query(sql, parameters) } else { Ok(Vec::new()) }
    }

    /// Runs the statements without an await: all of them or none.
    fn transaction(&self, mut statements: Vec<(String, Vec<JsValue>)>) -> Result<(), StorageError> {
        let sql = self.sql.clone();
        if statements.len() == 1
            && let Some((statement, parameters)) = statements.pop()
        {
            return sql.exec_raw(&statement, parameters).map(drop).map_err(storage_error);
        }
        let work = Closure::once_into_js(move || -> Result<(), JsValue> {
            for (statement, parameters) in statements {
                sql.exec_raw(&statement, parameters).map_err(JsValue::from)?;
            }
            Ok(())
        });
        // The crate has no wrapper for `transactionSync`.
        let storage: &JsValue = self.storage.as_raw().as_ref();
        Reflect::get(storage, &JsValue::from_str("transactionSync"))
            .and_then(|function| function.dyn_into::<Function>())
            .and_then(|function| function.call1(storage, &work))
            .map(|_| ())
            .map_err(|error| storage_error(error.into()))
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

impl ports::Storage for Platform {
    fn read(&self, keys: &[String]) -> Result<Option<(String, String)>, StorageError> {
        let wanted = vec!["?"; keys.len()].join(", ");
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let rows = self.query_rows(&format!("SELECT key, value FROM rows WHERE key IN ({wanted}) LIMIT 1"), &keys)?;
        Ok(rows.first().map(row))
    }

    fn range(&self, after: &str, until: &str, limit: usize) -> Result<Vec<(String, String)>, StorageError> {
        let sql = format!("SELECT key, value FROM rows WHERE key > ? AND key < ? ORDER BY key LIMIT {limit}");
        Ok(self.query_rows(&sql, &[after, until])?.iter().map(row).collect())
    }

    fn last(&self, after: &str, until: &str) -> Result<Option<String>, StorageError> {
        let sql = "SELECT key FROM rows WHERE key > ? AND key < ? ORDER BY key DESC LIMIT 1";
        Ok(self.query_rows(sql, &[after, until])?.first().map(|row| text(row, "key")))
    }

    fn count(&self, after: &str, until: &str) -> Result<u64, StorageError> {
        // As text: every column is read alike.
        let sql = "SELECT CAST(COUNT(*) AS TEXT) AS n FROM rows WHERE key > ? AND key < ?";
        let counted = self.query_rows(sql, &[after, until])?;
        Ok(counted.first().and_then(|row| text(row, "n").parse().ok()).unwrap_or_default())
    }

    fn write(&self, changes: &[Change]) -> Result<(), StorageError> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut statements = Vec::new();
        if !self.has_table()? {
            let table = "CREATE TABLE rows (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID";
            statements.push((table.to_owned(), Vec::new()));
        }
        // A row that is deleted and written stays: what is written comes last.
        let (mut puts, mut deletes): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
        for change in changes {
            match change {
                Change::Put(key, value) => puts.extend([key.as_str(), value.as_str()]),
                Change::Delete(key) => deletes.push(key),
                Change::DeleteRange { after, until, limit } => {
                    let range = format!("SELECT key FROM rows WHERE key > ? AND key < ? ORDER BY key LIMIT {limit}");
                    statements.push((format!("DELETE FROM rows WHERE key IN ({range})"), texts(&[after, until])));
                }
            }
        }
        for deletes in deletes.chunks(MAX_PARAMETERS) {
            let keys = vec!["?"; deletes.len()].join(", ");
            statements.push((format!("DELETE FROM rows WHERE key IN ({keys})"), texts(deletes)));
        }
        for puts in puts.chunks(MAX_PARAMETERS) {
            let values = vec!["(?, ?)"; puts.len() / 2].join(", ");
            let update = "ON CONFLICT (key) DO UPDATE SET value = excluded.value";
            statements.push((format!("INSERT INTO rows (key, value) VALUES {values} {update}"), texts(puts)));
        }
        self.transaction(statements)?;
        self.has_table.set(Some(true));
        Ok(())
    }

    async fn sync(&self) -> Result<(), StorageError> {
        self.storage.sync().await.map_err(storage_error)
    }

    async fn set_alarm(&self, at: Millis) -> Result<(), StorageError> {
        // The crate takes an offset from now.
        let wait = at.saturating_sub(ports::Clock::now(self));
        self.storage.set_alarm(Duration::from_millis(wait)).await.map_err(storage_error)
    }

    async fn clear(&self) -> Result<(), StorageError> {
        self.has_table.set(Some(false));
        let cleared = self.storage.delete_all().await.map_err(storage_error);
        // Something may have been stored while this was under way.
        self.has_table.set(None);
        cleared
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
        let headers = Headers::new().map_err(js_error)?;
        let set = |name, value: &str| headers.set(name, value).map_err(js_error);
        set("Accept", "application/json")?;
        set("apikey", config.api_key.expose())?;
        if let Some(uid) = &request.on_behalf_of {
            set("onBehalfOf", uid)?;
        }
        let init = RequestInit::new();
        if let Some(body) = &request.body {
            set("Content-Type", "application/json")?;
            init.set_body(&JsValue::from_str(body));
        }
        init.set_method(request.method);
        init.set_headers(&headers);
        // A redirect would take the API key elsewhere.
        init.set_redirect(RequestRedirect::Manual);
        init.set_signal(Some(&AbortSignal::timeout_with_u32(DEADLINE)));
        let url = format!("{}{}", config.api_url, request.path);
        let global: WorkerGlobalScope = js_sys::global().unchecked_into();
        let answer = JsFuture::from(global.fetch_with_str_and_init(&url, &init)).await.map_err(js_error)?;
        let response: Response = answer.dyn_into().map_err(js_error)?;
        let text = JsFuture::from(response.text().map_err(js_error)?).await.map_err(js_error)?;
        let mut answer = cometchat::Response {
            status: response.status(),
            body: text.as_string().unwrap_or_default(),
            ..cometchat::Response::default()
        };
        if !response.ok() {
            let headers = response.headers();
            let header = |name| headers.get(name).ok().flatten();
            answer.retry_after = header("Retry-After");
            answer.rate_limit_reset = header("X-Rate-Limit-Reset").or_else(|| header("X-RateLimit-Reset"));
        }
        Ok(answer)
    }
}

impl ports::Journal for Platform {
    fn line(&self, line: String) {
        console_log!("{line}");
    }
}

fn texts(parameters: &[&str]) -> Vec<JsValue> {
    parameters.iter().map(|text| JsValue::from_str(text)).collect()
}

fn row(row: &JsValue) -> (String, String) {
    (text(row, "key"), text(row, "value"))
}

/// A column of a row; every one holds text.
fn text(row: &JsValue, name: &str) -> String {
    Reflect::get(row, &JsValue::from_str(name)).ok().and_then(|value| value.as_string()).unwrap_or_default()
}

fn storage_error(error: worker::Error) -> StorageError {
    StorageError(error.to_string())
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
