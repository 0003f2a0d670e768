//! What an author writes for a route, in a box: async closures and functions of any kind, as one type.

use std::marker::PhantomData;

use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;

use super::argument::{Reader, read};
use super::words::Said;
use super::wrong::Wrong;
use crate::bot::{BotError, Done, Result, Turn};

/// How a message goes on after what [`before`](super::Router::before) runs.
#[derive(Debug)]
pub enum Flow {
    /// On to the routes.
    Go,
    /// Nowhere: the turn ends here.
    Stop(Done),
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for super::Done {}
    impl Sealed for super::Flow {}
    impl Sealed for () {}
    impl<T: Sealed> Sealed for super::Result<T> {}
}

/// What a handler may end with: a `T`, or a `Result` of one, so that one that cannot fail has no `Ok` to write.
#[diagnostic::on_unimplemented(
    message = "a handler cannot end with `{Self}`",
    label = "this has to end with `{T}` or `Result<{T}, BotError>`",
    note = "a turn makes a `Done` of what it says or does, as in `turn.reply(\"Hello\")`, and of silence: `turn.ignore(\"why\")`"
)]
pub trait Ended<T = Done>: sealed::Sealed + 'static {
    /// As a `Result`.
    #[doc(hidden)]
    fn ended(self) -> Result<T>;
}

impl<T: sealed::Sealed + 'static> Ended<T> for T {
    fn ended(self) -> Result<T> {
        Ok(self)
    }
}

impl<T: sealed::Sealed + 'static> Ended<T> for Result<T> {
    fn ended(self) -> Self {
        self
    }
}

/// Any handler, whatever its argument.
pub(super) trait Handler<S, T> {
    /// Begins, with an argument read from what was said. Fails where that is not what the handler asks for.
    fn call<'a>(
        &'a self,
        turn: &'a mut Turn<S>,
        said: &Said<'_>,
    ) -> std::result::Result<LocalBoxFuture<'a, Result<T>>, Wrong>;

    /// Reads an argument and drops it, to learn what is asked for.
    fn probe(&self, _reader: &mut Reader<'_>) -> std::result::Result<(), Wrong> {
        Ok(())
    }
}

/// A handler in its box.
pub(super) type Boxed<S, T = Done> = Box<dyn Handler<S, T>>;

/// What makes an answer of an error.
pub(super) trait Rescue<S> {
    /// Begins.
    fn rescue<'a>(&'a self, turn: &'a mut Turn<S>, error: BotError) -> LocalBoxFuture<'a, Result>;
}

/// A handler and the types of its argument and its end.
struct Own<F, A, R>(F, PhantomData<fn(A) -> R>);

/// The same for a handler that takes the turn alone.
struct Plain<F, R>(F, PhantomData<fn() -> R>);

/// A handler that takes the turn alone.
pub(super) fn plain<S: 'static, T: 'static, R: Ended<T>>(
    handler: impl AsyncFn(&mut Turn<S>) -> R + 'static,
) -> Boxed<S, T> {
    Box::new(Plain(handler, PhantomData))
}

/// A handler that takes an argument too.
pub(super) fn with<S: 'static, A: DeserializeOwned + 'static, R: Ended>(
    handler: impl AsyncFn(&mut Turn<S>, A) -> R + 'static,
) -> Boxed<S> {
    Box::new(Own(handler, PhantomData))
}

/// A handler of errors.
pub(super) fn rescue<S: 'static, R: Ended>(
    handler: impl AsyncFn(&mut Turn<S>, BotError) -> R + 'static,
) -> Box<dyn Rescue<S>> {
    Box::new(Plain(handler, PhantomData))
}

impl<S: 'static, T: 'static, R: Ended<T>, F: AsyncFn(&mut Turn<S>) -> R + 'static> Handler<S, T> for Plain<F, R> {
    fn call<'a>(
        &'a self,
        turn: &'a mut Turn<S>,
        _said: &Said<'_>,
    ) -> std::result::Result<LocalBoxFuture<'a, Result<T>>, Wrong> {
        Ok(Box::pin(async move { (self.0)(turn).await.ended() }))
    }
}

impl<S, A, R, F> Handler<S, Done> for Own<F, A, R>
where
    S: 'static,
    A: DeserializeOwned + 'static,
    R: Ended,
    F: AsyncFn(&mut Turn<S>, A) -> R + 'static,
{
    fn call<'a>(
        &'a self,
        turn: &'a mut Turn<S>,
        said: &Said<'_>,
    ) -> std::result::Result<LocalBoxFuture<'a, Result>, Wrong> {
        let argument = read::<A>(said)?;
        Ok(Box::pin(async move { (self.0)(turn, argument).await.ended() }))
    }

    fn probe(&self, reader: &mut Reader<'_>) -> std::result::Result<(), Wrong> {
        A::deserialize(reader).map(drop)
    }
}

impl<S: 'static, R: Ended, F: AsyncFn(&mut Turn<S>, BotError) -> R + 'static> Rescue<S> for Plain<F, R> {
    fn rescue<'a>(&'a self, turn: &'a mut Turn<S>, error: BotError) -> LocalBoxFuture<'a, Result> {
        Box::pin(async move { (self.0)(turn, error).await.ended() })
    }
}
