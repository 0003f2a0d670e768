//! CometChat bots at the edge.
//!
//! - [`address`]: which conversation.
//! - [`admin`]: what the operator may ask for.
//! - `bots`: the bots of this repository's own worker; the folder to edit.
//! - [`bot`]: what a bot is written against.
//! - [`callback`]: what CometChat tells us.
//! - [`conversation`]: the life of one conversation: inbox, turn, outbox, rest. It knows nothing of Cloudflare.
//! - [`cometchat`]: what we ask of CometChat.
//! - [`config`]: what a deployer sets.
//! - [`door`]: which callbacks go on to their conversation.
//! - [`json`]: small objects for answers and log lines.
//! - `testing`: conversations with a bot as tests, with the feature `testing`.
//! - `simulation`: the engine in a world where everything goes wrong, for tests.
//! - `edge`: the only code that knows Cloudflare. It is there in WebAssembly only.

/// Bots inside this crate name it as those outside do.
#[cfg(any(test, feature = "bundled"))]
extern crate self as halley;

pub mod address;
pub mod admin;
pub mod bot;
#[cfg(any(test, feature = "bundled"))]
pub mod bots;
pub mod callback;
pub mod cometchat;
pub mod config;
pub mod conversation;
pub mod door;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod edge;
pub mod json;
#[cfg(test)]
mod simulation;
#[cfg(all(not(target_arch = "wasm32"), any(test, feature = "testing")))]
#[expect(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "it is a test that it fails"
)]
pub mod testing;

/// In place of dlmalloc: it is smaller, and no slower.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::GlobalTlsf = rlsf::GlobalTlsf::new();

/// What the pages show is compiled.
#[cfg(all(doctest, feature = "testing"))]
mod pages {
    #[doc = include_str!("../README.md")]
    struct Readme;
    #[doc = include_str!("../docs/bots.md")]
    struct Bots;
    #[doc = include_str!("../docs/testing.md")]
    struct Testing;
}
