//! A bot as a list of what it answers to.

mod argument;
mod filter;
mod handler;
mod heard;
mod pattern;
#[cfg(test)]
mod tests;
mod text;
mod usage;
mod words;
mod wrong;

pub use argument::{Mention, Rest};
pub use filter::{
    Filter, IntoFilter, audio, custom, file, from, from_role, has_metadata, image, in_direct, in_group, in_thread,
    mentioned, tagged, text, video,
};
pub use handler::{Ended, Flow};
pub use text::Texts;

use std::collections::BTreeMap;

use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::handler::{Boxed, Rescue, plain, rescue, with};
use self::heard::Heard;
use self::pattern::Pattern;
use self::text::folded;
use self::words::Said;
use self::wrong::explain;
use super::{Bot, BotError, Done, Result, States, Turn};

/// The command that a router answers by itself.
const HELP: &str = "help";

/// What is said where every attempt at a message has failed.
const APOLOGY: &str = "Sorry, something went wrong on my side. I have made a note of it.";

/// A bot as a list of what it answers to. The first route that is for a message gets it.
///
/// ```
/// use halley::bot::Router;
///
/// fn hello() -> Router<()> {
///     Router::new()
///         .command("start", async |turn| turn.reply("Hi!")).about("says hello")
///         .text(["hello", "hi"], async |turn| turn.reply("Hello yourself"))
///         .otherwise(async |turn| turn.reply("I did not get that. Say /help."))
/// }
/// ```
///
/// A handler is an async closure or function. It takes the turn, and ends with a [`Done`], which a turn makes of
/// whatever it says or does, or with a [`Result`]. Where a closure uses the state, the router has
/// to know its type before: `Router::<Memory>::new()`.
///
/// **Arguments.** A command and a pattern may ask for one more value, of any type that [`serde`] can read: its fields
/// are the words of the call, in the order of their declaration. Whoever calls it wrongly is told how it is done.
///
/// ```
/// use halley::bot::router::{Flow, Mention, Rest, from_role, in_group, mentioned};
/// use halley::bot::{BotError, Done, Result, Router, Turn};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Default, Serialize, Deserialize)]
/// struct Memory {
///     turns: u32,
///     asked: bool,
/// }
///
/// /// `/order 2 "green tea" to go`
/// #[derive(Deserialize)]
/// struct Order {
///     count: u32,
///     what: String,
///     note: Option<Rest>,
/// }
///
/// /// `/list add @ann`, `/list show`
/// #[derive(Deserialize)]
/// #[serde(rename_all = "lowercase")]
/// enum List {
///     Add { who: Mention },
///     Show,
/// }
///
/// #[derive(Deserialize)]
/// struct Shipping {
///     what: String,
///     city: String,
/// }
///
/// async fn order(turn: &mut Turn<Memory>, order: Order) -> Result {
///     let until = order.count.checked_mul(2).ok_or(BotError::new("so many"))?;
///     Ok(turn.reply(format!("{} {} in {until} minutes", order.count, order.what)))
/// }
///
/// async fn vote(turn: &mut Turn<Memory>) -> Done {
///     turn.reply("Counted")
/// }
///
/// fn assistant() -> Router<Memory> {
///     Router::<Memory>::new()
///         .intro("I take orders.")
///         .command_with("order", order).about("orders a drink")
///         .command_with("list", async |turn, list: List| match list {
///             List::Add { who } => turn.reply(format!("{} is on the list", who.0)),
///             List::Show => turn.reply("Nobody"),
///         })
///         .contains("price", async |turn| turn.reply("All for free"))
///         .pattern("ship {what} to {city}", async |turn, shipping: Shipping| {
///             turn.reply(format!("{} is on its way to {}", shipping.what, shipping.city))
///         })
///         .image(async |turn| turn.reply("Nice picture"))
///         .on(mentioned() & from_role("admin"), async |turn| turn.reply("At your service"))
///         .on(|turn: &Turn<Memory>| turn.state.asked, async |turn| turn.reply("So that is your answer"))
///         .nest(in_group(), Router::new().command("vote", vote).about("counts your vote"))
///         .before(async |turn| {
///             turn.state.turns = turn.state.turns.saturating_add(1);
///             Flow::Go
///         })
///         .on_error(async |turn, _error| turn.reply("That went wrong. Try again later."))
///         .otherwise(async |turn| turn.ignore("nothing_to_say"))
/// }
/// ```
///
/// **Words.** `"in quotes"`, `'in others'` or `“in those”` several words are one, and so is a space behind a backslash.
/// A `bool` is yes or no, true or false, on or off. An enum is the name of a variant in any case; what the variant
/// holds comes behind it, and so such a command has commands of its own. What is missing at the end may be an
/// [`Option`], a [`Vec`] (which takes all words that are left) or have a `#[serde(default)]`. [`Rest`] is the rest of
/// the line, and [`Mention`] the UID of somebody who is mentioned. Maps and `#[serde(alias)]` of fields are not for
/// arguments.
///
/// **In groups** a router answers what is [meant for the bot](Turn::is_addressed), and nothing else; see
/// [`hears_everything`](Self::hears_everything).
///
/// **Cost.** Commands and texts are found by one look-up, however many there are; other routes are tried in turn.
#[must_use = "a router does nothing by itself: it is a bot"]
pub struct Router<S> {
    routes: Vec<Route<S>>,
    /// Where the commands are among the routes, by their names.
    commands: BTreeMap<String, usize>,
    /// Where the texts are.
    texts: BTreeMap<String, usize>,
    /// Where the others are, which have to be tried.
    tried: Vec<usize>,
    before: Vec<Boxed<S, Flow>>,
    after: Vec<Boxed<S, ()>>,
    on_error: Vec<Box<dyn Rescue<S>>>,
    otherwise: Option<Boxed<S>>,
    intro: String,
    hears_everything: bool,
    states: Option<Box<dyn Fn() -> States<S>>>,
    apology: String,
}

struct Route<S> {
    when: When<S>,
    then: Then<S>,
    /// How it is called, where it is listed by `/help`.
    call: Option<String>,
    about: String,
}

/// Which messages a route is for.
enum When<S> {
    /// Those that a look-up finds.
    Found,
    Contains(Vec<String>),
    Pattern(Pattern),
    Filter(Filter<S>),
}

/// What becomes of them.
enum Then<S> {
    Call(Boxed<S>),
    Route(Box<Router<S>>),
}

/// What came of a message.
enum Outcome {
    /// A handler has dealt with it.
    Handled(Done),
    /// It has come to an end without one: stopped before, wrongly called, or saved from an error.
    Ended(Done),
    /// No route is for it.
    Unmatched,
}

impl<S> Default for Router<S> {
    fn default() -> Self {
        Self {
            routes: Vec::new(),
            commands: BTreeMap::new(),
            texts: BTreeMap::new(),
            tried: Vec::new(),
            before: Vec::new(),
            after: Vec::new(),
            on_error: Vec::new(),
            otherwise: None,
            intro: String::new(),
            hears_everything: false,
            states: None,
            apology: APOLOGY.to_owned(),
        }
    }
}

/// What is declared.
impl<S: 'static> Router<S> {
    /// A router without routes.
    pub fn new() -> Self {
        Self::default()
    }

    /// A command, in any case and with or without its slash here. Several names are the same command; the first one is
    /// shown.
    pub fn command<R: Ended>(self, names: impl Texts, handler: impl AsyncFn(&mut Turn<S>) -> R + 'static) -> Self {
        self.add_command(names.texts(), plain(handler))
    }

    /// A command with an argument: what follows its name.
    pub fn command_with<A: DeserializeOwned + 'static, R: Ended>(
        self,
        names: impl Texts,
        handler: impl AsyncFn(&mut Turn<S>, A) -> R + 'static,
    ) -> Self {
        self.add_command(names.texts(), with(handler))
    }

    /// Texts that are this one, or one of these, whatever their case and their spaces.
    pub fn text<R: Ended>(self, texts: impl Texts, handler: impl AsyncFn(&mut Turn<S>) -> R + 'static) -> Self {
        self.add_text(texts.texts(), plain(handler))
    }

    /// Texts with this somewhere in them, or one of these, whatever their case.
    pub fn contains<R: Ended>(self, texts: impl Texts, handler: impl AsyncFn(&mut Turn<S>) -> R + 'static) -> Self {
        let texts = texts.texts().iter().map(|text| folded(text)).collect();
        self.add(When::Contains(texts), Then::Call(plain(handler)), None)
    }

    /// Texts that look like this: `ship {what} to {city}`. What stands in the gaps becomes the fields of the handler's
    /// argument; where it does not fit them, the text does not fit the pattern.
    pub fn pattern<A: DeserializeOwned + 'static, R: Ended>(
        self,
        pattern: &str,
        handler: impl AsyncFn(&mut Turn<S>, A) -> R + 'static,
    ) -> Self {
        let shown = pattern.replace('{', "<").replace('}', ">");
        self.add(When::Pattern(Pattern::new(pattern)), Then::Call(with(handler)), Some(shown))
    }

    /// Messages of which this is true: a [`Filter`], or a closure such as `|turn: &Turn<Memory>| turn.state.asked`.
    pub fn on<R: Ended>(self, filter: impl IntoFilter<S>, handler: impl AsyncFn(&mut Turn<S>) -> R + 'static) -> Self {
        self.add(When::Filter(filter.into_filter()), Then::Call(plain(handler)), None)
    }

    /// Pictures.
    pub fn image<R: Ended>(self, handler: impl AsyncFn(&mut Turn<S>) -> R + 'static) -> Self {
        self.on(image(), handler)
    }

    /// Videos.
    pub fn video<R: Ended>(self, handler: impl AsyncFn(&mut Turn<S>) -> R + 'static) -> Self {
        self.on(video(), handler)
    }

    /// Recordings.
    pub fn audio<R: Ended>(self, handler: impl AsyncFn(&mut Turn<S>) -> R + 'static) -> Self {
        self.on(audio(), handler)
    }

    /// Files of other kinds.
    pub fn file<R: Ended>(self, handler: impl AsyncFn(&mut Turn<S>) -> R + 'static) -> Self {
        self.on(file(), handler)
    }

    /// Messages of this type of the app's own.
    pub fn custom<R: Ended>(self, kind: impl Into<String>, handler: impl AsyncFn(&mut Turn<S>) -> R + 'static) -> Self {
        self.on(custom(kind), handler)
    }

    /// The routes of another router, for the messages of which this is true. Where none of them is for a message, and
    /// the other router has no [`otherwise`](Self::otherwise), the routes behind it are tried.
    ///
    /// What the other router does before, after and on errors, it does inside of what this one does. Its guard is asked
    /// once, before that.
    pub fn nest(self, guard: impl IntoFilter<S>, router: Router<S>) -> Self {
        self.add(When::Filter(guard.into_filter()), Then::Route(Box::new(router)), None)
    }

    /// What the route that was declared last does, for the list of `/help`. Commands, texts and patterns without it are
    /// not listed; other routes have no name to be listed by.
    pub fn about(mut self, about: impl Into<String>) -> Self {
        if let Some(route) = self.routes.last_mut() {
            route.about = about.into();
        }
        self
    }

    /// What `/help` says before its list.
    ///
    /// A router with an intro or anything to list answers `/help` by itself, before it tries a route, unless the
    /// command is declared.
    pub fn intro(mut self, intro: impl Into<String>) -> Self {
        self.intro = intro.into();
        self
    }

    /// What becomes of messages that no route is for. Without it they are ignored, with the reason `no_route`.
    pub fn otherwise<R: Ended>(mut self, handler: impl AsyncFn(&mut Turn<S>) -> R + 'static) -> Self {
        self.otherwise = Some(plain(handler));
        self
    }

    /// What is done before the routes are tried. It may end the turn.
    pub fn before<R: Ended<Flow>>(mut self, handler: impl AsyncFn(&mut Turn<S>) -> R + 'static) -> Self {
        self.before.push(plain(handler));
        self
    }

    /// What is done after a handler has dealt with a message.
    pub fn after<R: Ended<()>>(mut self, handler: impl AsyncFn(&mut Turn<S>) -> R + 'static) -> Self {
        self.after.push(plain(handler));
        self
    }

    /// What becomes of errors: an answer, or an error again, which goes to what is declared behind this, and at last
    /// fails the turn. The state is what the handler made of it before it failed, and what it said is said.
    pub fn on_error<R: Ended>(mut self, handler: impl AsyncFn(&mut Turn<S>, BotError) -> R + 'static) -> Self {
        self.on_error.push(rescue(handler));
        self
    }

    /// The versions that the state has had ([`Bot::states`]): `.states(|| States::version(2).from(1, …))`.
    pub fn states(mut self, states: impl Fn() -> States<S> + 'static) -> Self {
        self.states = Some(Box::new(states));
        self
    }

    /// What is said to whoever wrote where every attempt at a message has failed, in place of an English sentence; an
    /// empty text is nothing.
    pub fn apology(mut self, text: impl Into<String>) -> Self {
        self.apology = text.into();
        self
    }

    /// In groups, also deals with what is not [meant for the bot](Turn::is_addressed). Without it that is ignored, with
    /// the reason `not_for_me`, before anything else is done. In a nested router this says nothing.
    pub fn hears_everything(mut self) -> Self {
        self.hears_everything = true;
        self
    }
}

impl<S> Router<S> {
    fn add(mut self, when: When<S>, then: Then<S>, call: Option<String>) -> Self {
        if !matches!(when, When::Found) {
            self.tried.push(self.routes.len());
        }
        self.routes.push(Route { when, then, call, about: String::new() });
        self
    }

    fn add_command(mut self, names: Vec<String>, handler: Boxed<S>) -> Self {
        let names = names.into_iter().map(|name| folded(name.trim().trim_start_matches('/')));
        let shown = found_at(&mut self.commands, names, self.routes.len()).map(|name| format!("/{name}"));
        self.add(When::Found, Then::Call(handler), shown)
    }

    fn add_text(mut self, texts: Vec<String>, handler: Boxed<S>) -> Self {
        let shown = texts.first().cloned();
        found_at(&mut self.texts, texts.into_iter().map(|text| folded(text.trim())), self.routes.len());
        self.add(When::Found, Then::Call(handler), shown)
    }

    /// Where the look-ups find a message, and what its handler is told.
    fn find<'a>(&self, heard: &'a Heard) -> Option<(usize, Said<'a>)> {
        let command = heard.command.as_ref().and_then(|command| {
            let route = self.commands.get(&command.name)?;
            Some((*route, Said::Line(&command.rest)))
        });
        let text = if self.texts.is_empty() { None } else { self.texts.get(heard.folded()) };
        match (command, text) {
            (Some((route, _)), Some(text)) if *text < route => Some((*text, Said::Nothing)),
            (None, Some(text)) => Some((*text, Said::Nothing)),
            (command, _) => command,
        }
    }

    fn handle<'a>(
        &'a self,
        turn: &'a mut Turn<S>,
        heard: &'a Heard,
        is_nested: bool,
    ) -> LocalBoxFuture<'a, Result<Outcome>> {
        Box::pin(async move {
            let mut result = self.attempt(turn, heard, is_nested).await;
            for handler in &self.on_error {
                match result {
                    // What the person has to be told is no fault.
                    Err(error) if error.told().is_none() => {
                        result = handler.rescue(turn, error).await.map(Outcome::Ended);
                    }
                    other => return other,
                }
            }
            result
        })
    }

    async fn attempt(&self, turn: &mut Turn<S>, heard: &Heard, is_nested: bool) -> Result<Outcome> {
        for handler in &self.before {
            if let Flow::Stop(done) = begin(handler, turn)?.await? {
                return Ok(Outcome::Ended(done));
            }
        }
        let help = if is_nested { None } else { self.help(turn, heard) };
        let outcome = match help {
            Some(help) => Outcome::Handled(turn.reply(help)),
            None => self.route(turn, heard).await?,
        };
        if let Outcome::Handled(_) = outcome {
            for handler in &self.after {
                begin(handler, turn)?.await?;
            }
        }
        Ok(outcome)
    }

    async fn route(&self, turn: &mut Turn<S>, heard: &Heard) -> Result<Outcome> {
        let found = self.find(heard);
        let end = found.as_ref().map_or(self.routes.len(), |(index, _)| *index);
        let routes = self.tried.iter().take_while(|index| **index < end).filter_map(|index| self.routes.get(*index));
        for route in routes {
            let Some(said) = route.when.hears(turn, heard) else { continue };
            match &route.then {
                Then::Route(router) => match router.handle(turn, heard, true).await? {
                    Outcome::Unmatched => {}
                    outcome => return Ok(outcome),
                },
                Then::Call(handler) => {
                    if let Ok(ended) = handler.call(turn, &said) {
                        return ended.await.map(Outcome::Handled);
                    }
                }
            }
        }
        if let Some((index, said)) = found
            && let Some(route) = self.routes.get(index)
            && let Then::Call(handler) = &route.then
        {
            let wrong = match handler.call(turn, &said) {
                Ok(ended) => return ended.await.map(Outcome::Handled),
                Err(wrong) => wrong,
            };
            let command = heard.command.as_ref().map_or("", |command| &command.name);
            return Ok(Outcome::Ended(turn.reply(explain(command, &said, wrong, &route.ways()))));
        }
        match &self.otherwise {
            Some(handler) => begin(handler, turn)?.await.map(Outcome::Handled),
            None => Ok(Outcome::Unmatched),
        }
    }

    /// The answer to `/help`, unless that is the author's.
    fn help(&self, turn: &Turn<S>, heard: &Heard) -> Option<String> {
        heard.command.as_ref().filter(|command| command.name == HELP && !self.has_help(turn))?;
        let mut help = String::new();
        self.list(turn, &mut help);
        (!help.is_empty()).then_some(help)
    }

    fn has_help(&self, turn: &Turn<S>) -> bool {
        let is_declared = self.commands.contains_key(HELP) || self.texts.contains_key("/help");
        is_declared || self.nested(turn).any(|(_, router)| router.has_help(turn))
    }

    /// The routers in it that are for this message, and their places among the routes.
    fn nested<'a>(&'a self, turn: &'a Turn<S>) -> impl Iterator<Item = (usize, &'a Router<S>)> {
        self.tried.iter().filter_map(move |index| match self.routes.get(*index)? {
            Route { when: When::Filter(guard), then: Then::Route(router), .. } if guard.holds(turn) => {
                Some((*index, &**router))
            }
            _ => None,
        })
    }

    fn list(&self, turn: &Turn<S>, help: &mut String) {
        if !self.intro.is_empty() {
            add_line(help, &self.intro, "");
        }
        let mut nested = self.nested(turn).peekable();
        for (index, route) in self.routes.iter().enumerate() {
            if let Some((_, router)) = nested.next_if(|(place, _)| *place == index) {
                router.list(turn, help);
            }
            if !route.about.is_empty() {
                let mut about = route.about.as_str();
                for way in route.ways() {
                    add_line(help, &way, about);
                    about = "";
                }
            }
        }
    }
}

impl<S> Route<S> {
    /// The ways in which it is called.
    fn ways(&self) -> Vec<String> {
        match (&self.call, &self.when, &self.then) {
            (Some(call), When::Found, Then::Call(handler)) => {
                let usage = usage::usage(&|reader| handler.probe(reader));
                usage.iter().map(|usage| format!("{call} {usage}").trim_end().to_owned()).collect()
            }
            (Some(call), ..) => vec![call.clone()],
            (None, ..) => Vec::new(),
        }
    }
}

impl<S> When<S> {
    /// What its handler is told, if the route is for this message.
    fn hears<'a>(&'a self, turn: &Turn<S>, heard: &'a Heard) -> Option<Said<'a>> {
        let is_for = match self {
            Self::Found => false,
            Self::Contains(texts) => texts.iter().any(|text| heard.folded().contains(text)),
            Self::Pattern(pattern) => return pattern.captures(&heard.text).map(Said::Captures),
            Self::Filter(filter) => filter.holds(turn),
        };
        is_for.then_some(Said::Nothing)
    }
}

/// Notes where these are found, unless they are found somewhere before. The first one is the name of it all.
fn found_at(places: &mut BTreeMap<String, usize>, texts: impl Iterator<Item = String>, place: usize) -> Option<String> {
    let mut first = None;
    for text in texts {
        first.get_or_insert_with(|| text.clone());
        places.entry(text).or_insert(place);
    }
    first
}

/// Begins a handler that takes no argument, which no words can be wrong for.
fn begin<'a, S, T>(handler: &'a Boxed<S, T>, turn: &'a mut Turn<S>) -> Result<LocalBoxFuture<'a, Result<T>>> {
    Ok(handler.call(turn, &Said::Nothing)?)
}

fn add_line(help: &mut String, line: &str, about: &str) {
    let parts = [if help.is_empty() { "" } else { "\n" }, line, if about.is_empty() { "" } else { ": " }, about];
    help.extend(parts);
}

impl<S: Default + Serialize + DeserializeOwned + 'static> Bot for Router<S> {
    type State = S;

    fn states(&self) -> States<S> {
        self.states.as_ref().map(|states| states()).unwrap_or_default()
    }

    fn apology(&self) -> Option<&str> {
        Some(self.apology.as_str()).filter(|text| !text.is_empty())
    }

    async fn on_message(&self, turn: &mut Turn<S>) -> Result {
        if !self.hears_everything && !turn.is_addressed() {
            return Ok(turn.ignore("not_for_me"));
        }
        let heard = Heard::new(turn);
        Ok(match self.handle(turn, &heard, false).await? {
            Outcome::Handled(done) | Outcome::Ended(done) => done,
            Outcome::Unmatched => turn.ignore("no_route"),
        })
    }
}
