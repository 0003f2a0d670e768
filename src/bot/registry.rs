//! The bots of a worker, by the names that the setting `BOTS` gives them.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::{Behaviour, Bot};

/// Which bot goes by a name. [`worker!`](crate::worker) makes one.
pub type Registry = fn(&str) -> Option<&'static dyn Behaviour>;

thread_local! {
    static MADE: RefCell<BTreeMap<&'static str, &'static dyn Behaviour>> = const { RefCell::new(BTreeMap::new()) };
}

/// The bot that goes by this name, made when it is first asked for. It lives as long as the worker's instance.
pub fn once<B: Bot>(name: &'static str, make: impl FnOnce() -> B) -> &'static dyn Behaviour {
    if let Some(made) = MADE.with_borrow(|made| made.get(name).copied()) {
        return made;
    }
    let bot: &'static dyn Behaviour = Box::leak(Box::new(make()));
    MADE.with_borrow_mut(|made| made.insert(name, bot));
    bot
}

/// Makes a worker of bots: each by the name that it has in the setting `BOTS`.
///
/// ```
/// use halley::bot::{Bot, Result, Turn};
///
/// struct Hello;
///
/// impl Bot for Hello {
///     type State = ();
///
///     async fn on_message(&self, turn: &mut Turn<()>) -> Result {
///         Ok(turn.reply("Hello!"))
///     }
/// }
///
/// halley::worker! { "hello" => Hello }
/// # assert!(behaviour("hello").is_some() && behaviour("bye").is_none());
/// ```
#[macro_export]
macro_rules! worker {
    ($($(#[$attribute:meta])* $name:literal => $bot:expr),+ $(,)?) => {
        /// The bot that goes by this name in the setting `BOTS`.
        pub fn behaviour(name: &str) -> ::core::option::Option<&'static dyn $crate::bot::Behaviour> {
            match name {
                $($(#[$attribute])* $name => ::core::option::Option::Some($crate::bot::registry::once($name, || $bot)),)+
                _ => ::core::option::Option::None,
            }
        }

        $crate::export_worker!(behaviour);
    };
}

/// What the platform calls: in WebAssembly only.
#[doc(hidden)]
#[cfg(not(target_arch = "wasm32"))]
#[macro_export]
macro_rules! export_worker {
    ($registry:path) => {};
}
