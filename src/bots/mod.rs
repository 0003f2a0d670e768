//! The bots this worker runs. This is the folder to edit.
//!
//! Write a bot in a file of its own, give it a name below, and map a CometChat UID to that name in the setting `BOTS`.

mod assistant;
#[cfg(feature = "rehearsal")]
mod rehearsal;

use crate::bot::Behaviour;

/// The behaviour that goes by this name in the setting `BOTS`.
pub fn behaviour(name: &str) -> Option<&'static dyn Behaviour> {
    match name {
        "assistant" => Some(&assistant::Assistant),
        #[cfg(feature = "rehearsal")]
        "rehearsal" => Some(&rehearsal::Rehearsal),
        _ => None,
    }
}
