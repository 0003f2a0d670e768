//! The operator's routes: conversations and dead letters. Without `ADMIN_TOKEN` they are not there.

use worker::{Env, Request, Response, Result};

use super::respond;

/// Answers a request below `/admin/`.
pub async fn answer(_request: Request, _env: &Env, _path: &str) -> Result<Response> {
    respond::not_found()
}
