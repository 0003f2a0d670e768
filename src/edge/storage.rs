//! Rows and the alarm of a Durable Object.
//!
//! The platform is called directly: the crate's wrappers make an object of each moment, and a text of each statement
//! each time. One table, made by the first write: `rows (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use wasm_bindgen::prelude::wasm_bindgen;
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Array, JsString, Promise, Reflect};
use worker::wasm_bindgen::{JsCast, JsValue};

use crate::conversation::ports::{self, Change, Millis, StorageError};

/// How many parameters a statement may have in a Durable Object. Even, so that a key stays with its value.
const MAX_PARAMETERS: usize = 100;

#[wasm_bindgen]
extern "C" {
    /// `DurableObjectStorage`.
    type Platform;

    #[wasm_bindgen(method, getter)]
    fn sql(this: &Platform) -> Sql;

    #[wasm_bindgen(method, catch)]
    fn sync(this: &Platform) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = setAlarm)]
    fn set_alarm(this: &Platform, at: f64) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = deleteAll)]
    fn delete_all(this: &Platform) -> Result<Promise, JsValue>;

    /// `SqlStorage`.
    type Sql;

    #[wasm_bindgen(method, catch, variadic)]
    fn exec(this: &Sql, call: &Array) -> Result<Cursor, JsValue>;

    /// `SqlStorageCursor`.
    type Cursor;

    #[wasm_bindgen(method, catch, js_name = toArray)]
    fn to_array(this: &Cursor) -> Result<Array, JsValue>;
}

#[wasm_bindgen(module = "/src/edge/platform.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn run(storage: &Platform, statements: &Array) -> Result<(), JsValue>;
}

/// What is asked of the rows; of some, of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Statement {
    HasTable,
    MakeTable,
    Read(usize),
    Range(usize),
    Last,
    Count,
    Put(usize),
    Delete(usize),
    DeleteRange(usize),
}

impl Statement {
    fn text(self) -> String {
        let marks = |count: usize, mark: &str| vec![mark; count].join(", ");
        let between = "FROM rows WHERE key > ? AND key < ?";
        match self {
            Self::HasTable => "SELECT name AS key FROM sqlite_master WHERE type = 'table' AND name = 'rows'".to_owned(),
            Self::MakeTable => "CREATE TABLE rows (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID".to_owned(),
            Self::Read(count) => {
                format!("SELECT key, value FROM rows WHERE key IN ({}) LIMIT 1", marks(count, "?"))
            }
            Self::Range(limit) => format!("SELECT key, value {between} ORDER BY key LIMIT {limit}"),
            Self::Last => format!("SELECT key {between} ORDER BY key DESC LIMIT 1"),
            // As text: every column is read alike.
            Self::Count => format!("SELECT CAST(COUNT(*) AS TEXT) AS key {between}"),
            Self::Put(count) => format!(
                "INSERT INTO rows (key, value) VALUES {} ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                marks(count, "(?, ?)")
            ),
            Self::Delete(count) => format!("DELETE FROM rows WHERE key IN ({})", marks(count, "?")),
            Self::DeleteRange(limit) => {
                format!("DELETE FROM rows WHERE key IN (SELECT key {between} ORDER BY key LIMIT {limit})")
            }
        }
    }

    /// The platform's own text, made once: it also finds the compiled statement by it.
    fn platform_text(self) -> JsString {
        thread_local! {
            static TEXTS: RefCell<BTreeMap<Statement, JsString>> = const { RefCell::new(BTreeMap::new()) };
        }
        TEXTS.with_borrow_mut(|texts| texts.entry(self).or_insert_with(|| self.text().into()).clone())
    }
}

/// One object's storage.
pub struct Storage {
    platform: Platform,
    sql: Sql,
    /// Whether the table is there. An object that has emptied itself has none, and reading must not make one.
    has_table: Cell<Option<bool>>,
}

impl Storage {
    /// The storage that the platform hands to an object.
    pub fn new(storage: impl Into<JsValue>) -> Self {
        let platform: Platform = storage.into().unchecked_into();
        let sql = platform.sql();
        Self { platform, sql, has_table: Cell::new(None) }
    }

    fn has_table(&self) -> Result<bool, StorageError> {
        if let Some(known) = self.has_table.get() {
            return Ok(known);
        }
        let has_table = self.query(Statement::HasTable, &[])?.length() > 0;
        self.has_table.set(Some(has_table));
        Ok(has_table)
    }

    fn query(&self, statement: Statement, values: &[&str]) -> Result<Array, StorageError> {
        self.sql.exec(&call(statement, values)).and_then(|cursor| cursor.to_array()).map_err(storage_error)
    }

    /// The rows of an answer, if there is a table at all.
    fn rows(&self, statement: Statement, values: &[&str]) -> Result<Vec<(String, String)>, StorageError> {
        if !self.has_table()? {
            return Ok(Vec::new());
        }
        let rows = self.query(statement, values)?;
        Ok(rows.iter().map(|row| (column(&row, "key"), column(&row, "value"))).collect())
    }
}

impl ports::Storage for super::platform::Platform {
    fn read(&self, keys: &[String]) -> Result<Option<(String, String)>, StorageError> {
        let values: Vec<&str> = keys.iter().map(String::as_str).collect();
        Ok(self.storage.rows(Statement::Read(keys.len()), &values)?.pop())
    }

    fn range(&self, after: &str, until: &str, limit: usize) -> Result<Vec<(String, String)>, StorageError> {
        self.storage.rows(Statement::Range(limit), &[after, until])
    }

    fn last(&self, after: &str, until: &str) -> Result<Option<String>, StorageError> {
        Ok(self.storage.rows(Statement::Last, &[after, until])?.pop().map(|(key, _)| key))
    }

    fn count(&self, after: &str, until: &str) -> Result<u64, StorageError> {
        let counted = self.storage.rows(Statement::Count, &[after, until])?;
        Ok(counted.first().and_then(|(count, _)| count.parse().ok()).unwrap_or_default())
    }

    fn write(&self, changes: &[Change]) -> Result<(), StorageError> {
        if changes.is_empty() {
            return Ok(());
        }
        let statements = Array::new();
        if !self.storage.has_table()? {
            statements.push(&joined(Statement::MakeTable, &[]));
        }
        // A row that is deleted and written stays: what is written comes last.
        let (mut puts, mut deletes): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
        for change in changes {
            match change {
                Change::Put(key, value) => puts.extend([key.as_str(), value.as_str()]),
                Change::Delete(key) => deletes.push(key),
                Change::DeleteRange { after, until, limit } => {
                    statements.push(&joined(Statement::DeleteRange(*limit), &[after, until]));
                }
            }
        }
        for keys in deletes.chunks(MAX_PARAMETERS) {
            statements.push(&joined(Statement::Delete(keys.len()), keys));
        }
        for rows in puts.chunks(MAX_PARAMETERS) {
            statements.push(&joined(Statement::Put(rows.len() / 2), rows));
        }
        run(&self.storage.platform, &statements).map_err(storage_error)?;
        self.storage.has_table.set(Some(true));
        Ok(())
    }

    async fn sync(&self) -> Result<(), StorageError> {
        settled(self.storage.platform.sync()).await
    }

    async fn set_alarm(&self, at: Millis) -> Result<(), StorageError> {
        settled(self.storage.platform.set_alarm(at as f64)).await
    }

    async fn clear(&self) -> Result<(), StorageError> {
        self.storage.has_table.set(Some(false));
        let cleared = settled(self.storage.platform.delete_all()).await;
        // Something may have been stored while this was under way.
        self.storage.has_table.set(None);
        cleared
    }
}

async fn settled(promised: Result<Promise, JsValue>) -> Result<(), StorageError> {
    JsFuture::from(promised.map_err(storage_error)?).await.map(drop).map_err(storage_error)
}

/// A statement and its values.
fn call(statement: Statement, values: &[&str]) -> Array {
    let call = Array::of1(&statement.platform_text());
    for value in values {
        call.push(&JsValue::from_str(value));
    }
    call
}

/// The same with its values in one text, with a NUL between them, which no key and no JSON has: one text crosses the border
/// faster than many.
fn joined(statement: Statement, values: &[&str]) -> Array {
    Array::of2(&statement.platform_text(), &JsValue::from_str(&values.join("\0")))
}

/// A column of a row; every one holds text.
fn column(row: &JsValue, name: &str) -> String {
    Reflect::get(row, &JsValue::from_str(name)).ok().and_then(|value| value.as_string()).unwrap_or_default()
}

fn storage_error(error: JsValue) -> StorageError {
    StorageError(worker::Error::from(error).to_string())
}
