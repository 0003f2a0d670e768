//! Whole routers: which handler a message gets, and what it is given.

use std::fmt::Debug;

use futures_util::future::FutureExt;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::bot::reply::{Content, Effect};
use crate::bot::{Reply, Verdict};
use crate::callback::Message;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    asked: bool,
    log: Vec<String>,
}

impl Memory {
    fn note(&mut self, what: &str) {
        self.log.push(what.to_owned());
    }
}

fn direct(text: &str) -> Turn<Memory> {
    turn("user", text, json!({}))
}

fn group(text: &str) -> Turn<Memory> {
    turn("group", text, json!({}))
}

fn turn(receiver_type: &str, text: &str, changes: Value) -> Turn<Memory> {
    let mut message = json!({
        "id": "7", "sender": "ann", "receiver": "peer", "receiverType": receiver_type,
        "category": "message", "type": "text", "data": { "text": text },
    });
    for (key, value) in changes.as_object().unwrap() {
        message[key] = value.clone();
    }
    Turn::new("demo_bot", Message::parse(&message.to_string()).unwrap(), Memory::default(), [].iter())
}

/// What comes of a turn: what is said, or why nothing is, or why it fails; and what the bot has noted.
fn outcome(router: &Router<Memory>, mut turn: Turn<Memory>) -> (String, Vec<String>) {
    let ended = router.on_message(&mut turn).now_or_never().expect("nothing to wait for");
    let (state, effects, verdict) = turn.into_parts().unwrap();
    let say = |effect: &Effect| match effect {
        Effect::Say(Reply { content: Content::Text(text), .. }) => text.clone(),
        other => format!("{other:?}"),
    };
    let mut said: Vec<String> = effects.iter().map(say).collect();
    match (ended, verdict) {
        (Err(error), _) => said.push(error.reason()),
        (Ok(_), Verdict::Ignored(reason)) => said.push(format!("ignored: {reason}")),
        (Ok(_), _) => {}
    }
    (said.join(" | "), state.log)
}

fn answer(router: &Router<Memory>, text: &str) -> String {
    outcome(router, direct(text)).0
}

/// A handler that says this.
fn say(text: &'static str) -> impl AsyncFn(&mut Turn<Memory>) -> Done + 'static {
    async move |turn: &mut Turn<Memory>| turn.reply(text)
}

async fn plain_function(turn: &mut Turn<Memory>) -> Done {
    turn.state.asked = true;
    turn.reply("plain function")
}

async fn fallible_function(turn: &mut Turn<Memory>) -> Result {
    let number: u32 = turn.text().trim_start_matches("/parse ").parse()?;
    Ok(turn.reply(format!("parsed {number}")))
}

async fn function_with(turn: &mut Turn<Memory>, number: u32) -> Result {
    Ok(turn.reply(format!("with {number}")))
}

async fn failing(_turn: &mut Turn<Memory>) -> Result {
    Err(BotError::new("broken"))
}

#[test]
fn handlers_are_closures_and_functions_of_any_kind() {
    let greeting = "captured".to_owned();
    let router = Router::<Memory>::new()
        .command("closure", async |turn| turn.reply("closure"))
        .command("captured", async move |turn| turn.reply(greeting.clone()))
        .command("state", async |turn| {
            turn.state.asked = true;
            turn.reply("state")
        })
        .command("fails", async |turn| {
            let number: u32 = "x".parse()?;
            Ok(turn.reply(number.to_string()))
        })
        .command("waits", async |turn| {
            std::future::ready(()).await;
            turn.reply("waited")
        })
        .command("plain", plain_function)
        .command("parse", fallible_function)
        .command_with("with", function_with)
        .command_with("calls", async |turn, number: u32| function_with(turn, number).await)
        .command_with("closure_with", async |turn, (a, b): (u32, String)| turn.reply(format!("{a} {b}")));
    for (text, expected) in [
        ("/closure", "closure"),
        ("/captured", "captured"),
        ("/captured", "captured"),
        ("/state", "state"),
        ("/fails", "bot:ParseIntError"),
        ("/waits", "waited"),
        ("/plain", "plain function"),
        ("/parse 4", "parsed 4"),
        ("/parse x", "bot:ParseIntError"),
        ("/with 4", "with 4"),
        ("/calls 4", "with 4"),
        ("/closure_with 4 x", "4 x"),
    ] {
        assert_eq!(answer(&router, text), expected, "{text}");
    }
}

#[test]
fn the_state_is_known_from_any_handler_that_names_it() {
    fn router() -> Router<Memory> {
        Router::new()
            .command("start", async |turn| turn.reply("Hi!"))
            .on(
                |turn: &Turn<Memory>| turn.state.asked,
                async |turn| {
                    turn.state.asked = false;
                    turn.reply("answered")
                },
            )
            .on(is_shout, async |turn| turn.reply("shout"))
            .otherwise(plain_function)
    }
    fn is_shout(turn: &Turn<Memory>) -> bool {
        turn.text().ends_with('!')
    }
    let router = router();
    assert_eq!(answer(&router, "hey!"), "shout");
    assert_eq!(answer(&router, "hey"), "plain function");
    let mut asked = direct("hey!");
    asked.state.asked = true;
    assert_eq!(outcome(&router, asked).0, "answered");
}

#[test]
fn the_first_route_that_is_for_a_message_gets_it() {
    let router = Router::<Memory>::new()
        .contains("zero", say("0"))
        .command("one", say("1"))
        .text(["/one", "/two"], say("2"))
        .command(["two", "three"], say("3"))
        .contains("three", say("4"))
        .command("three", say("5"))
        .contains("four", say("6"))
        .text("four", say("7"))
        .text("four", say("8"))
        .contains("five", say("9"))
        .contains("five", say("10"))
        .command("five", say("11"))
        .on(text(), say("12"))
        .command("six", say("13"))
        .otherwise(say("14"));
    for (text, expected) in [
        ("/one", "1"),
        ("/one zero", "0"),
        ("/two", "2"),
        ("/two more", "3"),
        ("/three", "3"),
        ("say three", "4"),
        ("four", "6"),
        ("/five", "9"),
        ("anything", "12"),
        ("/six", "12"),
    ] {
        assert_eq!(answer(&router, text), expected, "{text}");
    }
    let picture = turn("user", "", json!({ "type": "image", "data": { "url": "https://a.example/1.png" } }));
    assert_eq!(outcome(&router, picture).0, "14");
}

#[test]
fn commands_and_texts_are_looked_up_and_not_tried() {
    let mut router = Router::<Memory>::new().contains("never", say("tried"));
    for n in 0..1_000 {
        router = router
            .command(format!("command{n}"), async move |turn| turn.reply(n.to_string()))
            .text(format!("text {n}"), async move |turn| turn.reply(n.to_string()));
    }
    assert_eq!((router.routes.len(), router.tried.as_slice()), (2_001, &[0][..]));
    assert_eq!(answer(&router, "/command999"), "999");
    assert_eq!(answer(&router, "Text  0"), "0");
    assert_eq!(answer(&router, "text 1000"), "ignored: no_route");
}

#[test]
fn names_and_texts_are_found_in_any_case_and_script() {
    let router = Router::<Memory>::new()
        .command(["Start", "/BEGIN", "начать", "開始"], say("started"))
        .text(["Hello  there", "Привет", "ΓΕΙΑ ΣΑΣ"], say("hello"))
        .contains(["Price", "цена", "価格"], say("free"));
    for (text, expected) in [
        ("/start", "started"),
        ("/START now", "started"),
        ("/begin", "started"),
        ("/НАЧАТЬ", "started"),
        ("/開始", "started"),
        ("start", "ignored: no_route"),
        ("/starter", "ignored: no_route"),
        (" HELLO there ", "hello"),
        ("hello there friend", "ignored: no_route"),
        ("ПРИВЕТ", "hello"),
        ("γεια σας", "hello"),
        ("what PRICES", "free"),
        ("какая Цена?", "free"),
        ("この価格は", "free"),
    ] {
        assert_eq!(answer(&router, text), expected, "{text}");
    }
}

#[test]
fn a_mention_of_the_bot_is_not_part_of_what_is_said() {
    let router = Router::<Memory>::new().command("start", say("started")).text("hello", say("hello"));
    assert_eq!(outcome(&router, group("<@uid:demo_bot> /start")).0, "started");
    assert_eq!(outcome(&router, group("Hello <@uid:demo_bot>")).0, "hello");
}

#[test]
fn what_no_route_is_for_is_ignored() {
    assert_eq!(answer(&Router::new(), "hi"), "ignored: no_route");
    assert_eq!(answer(&Router::default(), "/help"), "ignored: no_route");
}

#[test]
fn in_a_group_a_router_hears_only_what_is_meant_for_it() {
    let router = |router: Router<Memory>| router.before(noting("before")).otherwise(say("heard"));
    let shy = router(Router::new());
    assert_eq!(outcome(&shy, group("hi")), ("ignored: not_for_me".to_owned(), vec![]));
    assert_eq!(outcome(&shy, group("hi <@uid:demo_bot>")).0, "heard");
    assert_eq!(outcome(&shy, direct("hi")).0, "heard");
    assert_eq!(outcome(&router(Router::new().hears_everything()), group("hi")).0, "heard");
    let nested = Router::new().nest(in_group(), router(Router::new().hears_everything()));
    assert_eq!(outcome(&nested, group("hi")).0, "ignored: not_for_me");
}

#[test]
fn messages_of_other_kinds_have_routes_too() {
    let router = Router::<Memory>::new()
        .image(say("image"))
        .video(say("video"))
        .audio(say("audio"))
        .file(say("file"))
        .custom("location", say("location"))
        .on(has_metadata("order") & !from("bob"), say("order"));
    for kind in ["image", "video", "audio", "file"] {
        let message = json!({ "type": kind, "data": { "url": "https://a.example/1" } });
        assert_eq!(outcome(&router, turn("user", "", message)).0, kind);
    }
    let custom = |kind: &str| json!({ "category": "custom", "type": kind, "data": { "customData": {} } });
    assert_eq!(outcome(&router, turn("user", "", custom("location"))).0, "location");
    assert_eq!(outcome(&router, turn("user", "", custom("seat"))).0, "ignored: no_route");
    let order = json!({ "data": { "text": "hi", "metadata": { "order": 4 } } });
    assert_eq!(outcome(&router, turn("user", "", order)).0, "order");
}

#[test]
fn routes_behind_a_nest_are_tried_unless_it_takes_everything() {
    let router = |nested: Router<Memory>| {
        Router::<Memory>::new()
            .command("first", say("first"))
            .nest(in_group(), nested.command("vote", say("vote")).command("first", say("nested")))
            .command("vote", say("outside"))
            .command("last", say("last"))
            .nest(in_group(), Router::new().nest(mentioned(), Router::new().command("deep", say("deep"))))
            .otherwise(say("otherwise"))
    };
    let open = router(Router::new());
    for (text, expected) in [
        ("/first", "first"),
        ("/vote", "vote"),
        ("/last", "last"),
        ("/deep", "otherwise"),
        ("<@uid:demo_bot> /deep", "deep"),
    ] {
        assert_eq!(outcome(&open, group(text)).0, expected, "{text}");
    }
    assert_eq!(answer(&open, "/vote"), "outside");
    let closed = router(Router::new().otherwise(async |turn| turn.ignore("nothing")));
    for (text, expected) in [("/first", "first"), ("/vote", "vote"), ("/last", "ignored: nothing")] {
        assert_eq!(outcome(&closed, group(text)).0, expected, "{text}");
    }
    assert_eq!(answer(&closed, "/last"), "last");
}

/// A handler for [`Router::before`] that notes this and goes on.
fn noting(what: &'static str) -> impl AsyncFn(&mut Turn<Memory>) -> Flow + 'static {
    async move |turn: &mut Turn<Memory>| {
        turn.state.note(what);
        Flow::Go
    }
}

/// The same for [`Router::after`].
fn noted(what: &'static str) -> impl AsyncFn(&mut Turn<Memory>) + 'static {
    async move |turn: &mut Turn<Memory>| turn.state.note(what)
}

#[test]
fn what_is_done_before_and_after_goes_around_the_routes() {
    let nested = Router::new().before(noting("before inside")).after(noted("after inside")).command(
        "inside",
        async |turn: &mut Turn<Memory>| {
            turn.state.note("handler");
            turn.reply("inside")
        },
    );
    let router = Router::<Memory>::new()
        .before(noting("before 1"))
        .before(async |turn| -> Result<Flow> {
            turn.state.note("before 2");
            Ok(Flow::Go)
        })
        .after(noted("after 1"))
        .after(async |turn| -> Result<()> {
            turn.state.note("after 2");
            Ok(())
        })
        .nest(in_direct(), nested)
        .command_with("count", function_with)
        .command("fail", failing);
    let log = |text| outcome(&router, direct(text)).1.join(", ");
    let inside = "before 1, before 2, before inside, handler, after inside, after 1, after 2";
    assert_eq!(log("/inside"), inside);
    assert_eq!(log("/count 4"), "before 1, before 2, before inside, after 1, after 2");
    for unhandled in ["/count x", "/fail", "/nothing"] {
        assert_eq!(log(unhandled), "before 1, before 2, before inside", "{unhandled}");
    }
    assert_eq!(outcome(&router, group("/count 4")).1, ["before 1", "before 2", "after 1", "after 2"]);
}

#[test]
fn what_is_done_before_may_end_the_turn() {
    async fn stop(turn: &mut Turn<Memory>) -> Flow {
        Flow::Stop(turn.reply("closed"))
    }
    let router = |router: Router<Memory>| {
        router.after(noted("after")).command("start", say("started")).otherwise(say("otherwise"))
    };
    let stopped = router(Router::new().before(stop).before(noting("never")).intro("Help"));
    assert_eq!(outcome(&stopped, direct("/start")), ("closed".to_owned(), vec![]));
    assert_eq!(outcome(&stopped, direct("/help")), ("closed".to_owned(), vec![]));
    let inside = router(Router::new().nest(in_group(), Router::new().before(stop)));
    assert_eq!(outcome(&inside, group("/start")), ("closed".to_owned(), vec![]));
    assert_eq!(outcome(&inside, direct("/start")), ("started".to_owned(), vec!["after".to_owned()]));
}

#[test]
fn an_error_becomes_an_answer_or_an_error_again() {
    async fn sorry(turn: &mut Turn<Memory>, error: BotError) -> Done {
        turn.reply(format!("sorry: {error}"))
    }
    async fn pass_on(_: &mut Turn<Memory>, error: BotError) -> Result {
        Err(BotError::new(format!("{error} again")))
    }
    let base = || Router::<Memory>::new().after(noted("after")).command("fail", failing).command("ok", say("ok"));
    assert_eq!(outcome(&base(), direct("/fail")), ("bot:broken".to_owned(), vec![]));
    assert_eq!(outcome(&base().on_error(sorry), direct("/fail")), ("sorry: broken".to_owned(), vec![]));
    assert_eq!(answer(&base().on_error(sorry), "/ok"), "ok");
    assert_eq!(answer(&base().on_error(pass_on), "/fail"), "bot:broken again");
    assert_eq!(answer(&base().on_error(pass_on).on_error(sorry), "/fail"), "sorry: broken again");
    assert_eq!(answer(&base().on_error(sorry).on_error(pass_on), "/fail"), "sorry: broken");

    let early = base().before(async |_| -> Result<Flow> { Err(BotError::new("early")) }).on_error(sorry);
    assert_eq!(answer(&early, "/ok"), "sorry: early");
    let late = base().after(async |_| -> Result<()> { Err(BotError::new("late")) }).on_error(sorry);
    assert_eq!(answer(&late, "/ok"), "ok | sorry: late");

    let nested = |inside: Router<Memory>| Router::new().nest(in_direct(), inside).on_error(sorry);
    assert_eq!(answer(&nested(base()), "/fail"), "sorry: broken");
    assert_eq!(answer(&nested(base().on_error(pass_on)), "/fail"), "sorry: broken again");
    let saved = base().on_error(async |turn, _| turn.reply("saved inside"));
    assert_eq!(outcome(&nested(saved), direct("/fail")), ("saved inside".to_owned(), vec![]));
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "read by Debug")]
struct Order {
    count: u32,
    what: String,
    note: Option<String>,
}

/// What a command with this argument gets of this line, or what it answers to it without the fence around.
fn called<A: DeserializeOwned + Debug + 'static>(line: &str) -> String {
    let router =
        Router::<Memory>::new().command_with("do", async |turn, argument: A| turn.reply(format!("{argument:?}")));
    let answer = answer(&router, &format!("/do {line}"));
    match answer.strip_prefix("```\n").and_then(|answer| answer.strip_suffix("\n```")) {
        Some(answer) => answer.to_owned(),
        None => answer,
    }
}

/// What is wrong, without the call above and the usage below.
fn wrong<A: DeserializeOwned + Debug + 'static>(line: &str) -> String {
    called::<A>(line).lines().nth(1).unwrap_or("nothing is wrong").to_owned()
}

fn usage_of<A: DeserializeOwned + Debug + 'static>() -> Vec<String> {
    let router = Router::<Memory>::new().command_with("do", async |turn, _: A| turn.reply(""));
    router.routes[0].ways().iter().map(|way| way.trim_start_matches("/do").trim_start().to_owned()).collect()
}

#[test]
fn the_fields_of_a_struct_are_the_words_of_a_call() {
    for (line, expected) in [
        ("2 tea", r#"Order { count: 2, what: "tea", note: None }"#),
        (r#"2 "green tea" 'to go'"#, r#"Order { count: 2, what: "green tea", note: Some("to go") }"#),
        ("2 “зелёный чай”", r#"Order { count: 2, what: "зелёный чай", note: None }"#),
        (r"+2 green\ tea", r#"Order { count: 2, what: "green tea", note: None }"#),
        ("\n2\u{3000}茶", r#"Order { count: 2, what: "茶", note: None }"#),
    ] {
        assert_eq!(called::<Order>(line), expected, "{line}");
    }
}

#[test]
fn a_wrong_call_is_told_how_it_is_done() {
    for (line, expected) in [
        ("two tea", "/do two tea\n    ^^^ count: a whole number is expected here."),
        ("2", "/do 2\n      ^ what: a text is missing here."),
        ("", "/do\n    ^ count: a whole number is missing here."),
        ("-2 tea", "/do -2 tea\n    ^^ count: a whole number from 0 to 4294967295 is expected here."),
        (
            "99999999999999999999999 tea",
            "/do 99999999999999999999999 tea\n    ^^^^^^^^^^^^^^^^^^^^^^^ count: a whole number from 0 to 4294967295 is expected here.",
        ),
        ("2 tea now please", "/do 2 tea now please\n              ^^^^^^ nothing more is expected here."),
        ("二 tea", "/do 二 tea\n    ^^ count: a whole number is expected here."),
    ] {
        assert_eq!(called::<Order>(line), format!("{expected}\nUsage: /do <count> <what> [note]"), "{line}");
    }
}

#[test]
fn a_wrong_call_goes_by_the_name_it_was_called_by() {
    let router = Router::<Memory>::new().command_with(["order", "buy"], async |turn, _: Order| turn.reply("ordered"));
    let expected =
        "```\n/buy two tea\n     ^^^ count: a whole number is expected here.\nUsage: /order <count> <what> [note]\n```";
    assert_eq!(answer(&router, "/BUY two tea"), expected);
}

#[test]
fn an_argument_is_a_value_of_any_kind() {
    #[derive(Debug, Deserialize)]
    enum Size {
        Small,
        #[serde(rename = "XL")]
        Large,
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "read by Debug")]
    struct Celsius(f64);

    for (got, expected) in [
        (called::<u32>("7"), "7"),
        (called::<i8>("-7"), "-7"),
        (called::<i64>("-9223372036854775808"), "-9223372036854775808"),
        (called::<u64>("18446744073709551615"), "18446744073709551615"),
        (called::<u128>("7"), "7"),
        (called::<f64>("-2.5"), "-2.5"),
        (called::<f32>("2"), "2.0"),
        (called::<Celsius>("2.5"), "Celsius(2.5)"),
        (called::<String>("tea"), "\"tea\""),
        (called::<char>("茶"), "'茶'"),
        (called::<()>(""), "()"),
        (called::<Size>("SMALL"), "Small"),
        (called::<Size>("xl"), "Large"),
        (called::<(u32, String)>("2 tea"), "(2, \"tea\")"),
        (called::<(u32, Option<String>)>("2"), "(2, None)"),
        (called::<[u32; 2]>("1 2"), "[1, 2]"),
        (called::<Option<u32>>(""), "None"),
        (called::<Option<u32>>("2"), "Some(2)"),
        (called::<Vec<u32>>(""), "[]"),
        (called::<Vec<u32>>("1 2 3"), "[1, 2, 3]"),
        (called::<Vec<(u32, String)>>("1 a 2 b"), "[(1, \"a\"), (2, \"b\")]"),
        (called::<Mention>("<@uid:Ann>"), "Mention(\"ann\")"),
        (called::<Rest>("a  \"b\" \\ c"), "Rest(\"a  \\\"b\\\" \\\\ c\")"),
    ] {
        assert_eq!(got, expected);
    }
    for (yes, no) in [("yes", "no"), ("TRUE", "false"), ("On", "oFF")] {
        assert_eq!((called::<bool>(yes), called::<bool>(no)), ("true".to_owned(), "false".to_owned()));
    }
    for (got, expected) in [
        (wrong::<u8>("256"), "    ^^^ a whole number from 0 to 255 is expected here."),
        (wrong::<i8>("-129"), "    ^^^^ a whole number from -128 to 127 is expected here."),
        (wrong::<u8>("2.5"), "    ^^^ a whole number is expected here."),
        (wrong::<f64>("NaN"), "    ^^^ a number is expected here."),
        (wrong::<bool>("perhaps"), "    ^^^^^^^ yes or no is expected here."),
        (wrong::<char>("ab"), "    ^^ one character is expected here."),
        (wrong::<char>("\"\""), "    ^^ one character is expected here."),
        (wrong::<Size>("medium"), "    ^^^^^^ one of Small, XL is expected here."),
        (wrong::<Size>(""), "    ^ one of Small, XL is missing here."),
        (wrong::<(u32, u32)>("1"), "      ^ a whole number is missing here."),
        (wrong::<(u32, u32)>("1 2 3"), "        ^ nothing more is expected here."),
        (wrong::<Vec<u32>>("1 x 3"), "      ^ a whole number is expected here."),
        (wrong::<Mention>("ann"), "    ^^^ a mention of somebody is expected here."),
        (wrong::<Mention>("<@uid:>"), "    ^^^^^^ a mention of somebody is expected here."),
        (wrong::<Rest>(""), "    ^ a text is missing here."),
        (wrong::<()>("x"), "    ^ nothing more is expected here."),
        (wrong::<std::num::NonZeroU32>("0"), "    ^ this does not fit here."),
        (wrong::<std::collections::HashMap<String, u32>>("a=1"), "    ^^^ this does not fit here."),
    ] {
        assert_eq!(got, expected);
    }
}

#[test]
fn what_is_missing_at_the_end_may_have_a_default() {
    fn lots() -> u32 {
        100
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "read by Debug")]
    struct Find {
        what: String,
        #[serde(default = "lots")]
        limit: u32,
        #[serde(default)]
        exact: bool,
        of: Option<Mention>,
        tags: Vec<String>,
    }
    for (line, expected) in [
        ("tea", r#"Find { what: "tea", limit: 100, exact: false, of: None, tags: [] }"#),
        ("tea 2", r#"Find { what: "tea", limit: 2, exact: false, of: None, tags: [] }"#),
        (
            "tea 2 yes <@uid:ann> a b",
            r#"Find { what: "tea", limit: 2, exact: true, of: Some(Mention("ann")), tags: ["a", "b"] }"#,
        ),
    ] {
        assert_eq!(called::<Find>(line), expected, "{line}");
    }
    assert_eq!(wrong::<Find>(""), "    ^ what: a text is missing here.");
    assert_eq!(wrong::<Find>("tea 2 yes ann"), "              ^^^ of: a mention of somebody is expected here.");
    assert_eq!(usage_of::<Find>(), ["<what> [limit] [exact] [of] [tags...]"]);

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Page {
        number: u32,
        size: u32,
    }
    assert_eq!(called::<Page>("4"), "Page { number: 4, size: 0 }");
    assert_eq!(usage_of::<Page>(), ["[number] [size]"]);

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "read by Debug")]
    struct Pair(u32, #[serde(default)] u32);
    assert_eq!(called::<Pair>("4"), "Pair(4, 0)");
    assert_eq!(called::<Pair>("4 5"), "Pair(4, 5)");
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "read by Debug")]
enum Cart {
    Add {
        count: u32,
        what: String,
        #[serde(default)]
        gift: bool,
    },
    Remove(String),
    Move(u32, u32),
    Clear,
}

#[test]
fn an_enum_that_holds_something_is_commands_of_a_command() {
    for (line, expected) in [
        ("add 2 tea", r#"Add { count: 2, what: "tea", gift: false }"#),
        ("ADD 2 tea yes", r#"Add { count: 2, what: "tea", gift: true }"#),
        ("remove tea", r#"Remove("tea")"#),
        ("move 1 2", "Move(1, 2)"),
        ("clear", "Clear"),
    ] {
        assert_eq!(called::<Cart>(line), expected, "{line}");
    }
    for (line, expected) in [
        ("", "    ^ one of add, remove, move, clear is missing here."),
        ("sell", "    ^^^^ one of add, remove, move, clear is expected here."),
        ("add two tea", "        ^^^ count: a whole number is expected here."),
        ("add 2", "          ^ what: a text is missing here."),
        ("remove", "           ^ a text is missing here."),
        ("move 1", "           ^ a whole number is missing here."),
        ("clear all", "          ^^^ nothing more is expected here."),
    ] {
        assert_eq!(wrong::<Cart>(line), expected, "{line}");
    }
    let usage = ["add <count> <what> [gift]", "remove <text>", "move <number> <number>", "clear"];
    assert_eq!(usage_of::<Cart>(), usage);
    assert!(called::<Cart>("").ends_with(
        "\nUsage: /do add <count> <what> [gift]\n       /do remove <text>\n       /do move <number> <number>\n       /do clear"
    ));
}

#[test]
fn the_usage_comes_from_the_type() {
    #[derive(Debug, Deserialize)]
    enum Size {
        Small,
        Large,
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "read by Debug")]
    struct Address {
        street: String,
        city: Option<String>,
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "read by Debug")]
    struct Parcel {
        size: Size,
        cart: Cart,
        to: Address,
        note: Rest,
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "read by Debug")]
    struct Even {
        first: u32,
        port: std::net::Ipv4Addr,
        last: u32,
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "read by Debug")]
    struct Chain {
        value: u32,
        next: Option<Box<Chain>>,
    }
    for (usage, expected) in [
        (usage_of::<()>(), ""),
        (usage_of::<u32>(), "<number>"),
        (usage_of::<String>(), "<text>"),
        (usage_of::<bool>(), "<yes|no>"),
        (usage_of::<char>(), "<character>"),
        (usage_of::<Mention>(), "<@somebody>"),
        (usage_of::<Rest>(), "<text...>"),
        (usage_of::<Option<Rest>>(), "[text...]"),
        (usage_of::<Vec<u32>>(), "[number...]"),
        (usage_of::<Size>(), "<Small|Large>"),
        (usage_of::<(Size, Option<u32>)>(), "<Small|Large> [number]"),
        (usage_of::<Order>(), "<count> <what> [note]"),
        (usage_of::<Parcel>(), "<size> <cart...> <street> [city] <note...>"),
        (usage_of::<std::num::NonZeroU32>(), "<number>"),
        // A type that does not take the sample hides what is optional behind it, and nothing else.
        (usage_of::<Even>(), "<first> <port> <last>"),
    ] {
        assert_eq!(usage, [expected]);
    }
    assert!(usage_of::<Chain>()[0].starts_with("<value> [value] [value]"));
    let deep = called::<Chain>(&"1 ".repeat(10_000));
    assert!(deep.contains("this does not fit here"), "{deep}");
    assert_eq!(called::<Chain>("1 2"), "Chain { value: 1, next: Some(Chain { value: 2, next: None }) }");
}

#[test]
fn the_rest_of_a_line_is_left_as_it_is() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "read by Debug")]
    struct Remind {
        minutes: u32,
        of: Rest,
    }
    assert_eq!(
        called::<Remind>("5  buy \"tea\",\n  don't ask"),
        r#"Remind { minutes: 5, of: Rest("buy \"tea\",\n  don't ask") }"#
    );
    assert_eq!(wrong::<Remind>("5"), "      ^ of: a text is missing here.");
}

#[test]
fn arguments_of_ours_are_read_from_json_too() {
    let pair: (Rest, Mention) = serde_json::from_str(r#"["a b", "ann"]"#).unwrap();
    assert_eq!(pair, (Rest("a b".to_owned()), Mention("ann".to_owned())));
    assert_eq!(serde_json::to_string(&pair).unwrap(), r#"["a b","ann"]"#);
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "read by Debug")]
struct Shipping {
    city: String,
    count: u32,
    express: Option<bool>,
    tags: Vec<String>,
}

#[test]
fn a_pattern_fills_what_its_handler_asks_for() {
    let router = Router::<Memory>::new()
        .pattern("ship {count} boxes to {city} {express}", async |turn, shipping: Shipping| {
            turn.reply(format!("{shipping:?}"))
        })
        .pattern("ship {count} to {city}", async |turn, shipping: Shipping| turn.reply(format!("{shipping:?}")))
        .pattern("tag {count} in {city}: {tags}.", async |turn, shipping: Shipping| turn.reply(format!("{shipping:?}")))
        .pattern("add {a} and {b}", async |turn, (a, b): (u32, u32)| turn.reply(a.saturating_add(b).to_string()))
        .pattern("call {who}", async |turn, Mention(who)| turn.reply(who))
        .pattern("call {who}", async |turn, who: String| turn.reply(format!("who is {who}?")))
        .pattern("note {what}", async |turn, Rest(what)| turn.reply(what))
        .pattern("送る {city}", async |turn, city: String| turn.reply(city))
        .otherwise(say("otherwise"));
    for (text, expected) in [
        ("Ship 2  to\nSankt \"Gallen\"", r#"Shipping { city: "Sankt \"Gallen\"", count: 2, express: None, tags: [] }"#),
        ("ship 2 boxes to Bern yes", r#"Shipping { city: "Bern", count: 2, express: Some(true), tags: [] }"#),
        ("ship two to Bern", "otherwise"),
        ("tag 1 in Bern: a \"b c\".", r#"Shipping { city: "Bern", count: 1, express: None, tags: ["a", "b c"] }"#),
        ("add 1 and 2", "3"),
        ("add 1 and two", "otherwise"),
        ("call <@uid:ANN>", "ann"),
        ("call Ann and Bob", "who is Ann and Bob?"),
        ("note it's “this”", "it's “this”"),
        ("送る 東京", "東京"),
        ("please add 1 and 2", "otherwise"),
    ] {
        assert_eq!(answer(&router, text), expected, "{text}");
    }
}

#[test]
fn help_lists_what_is_declared_in_its_order() {
    let nested = Router::new()
        .intro("In groups:")
        .command("vote", say("voted"))
        .about("counts your vote")
        .otherwise(say("nested"));
    let router = Router::<Memory>::new()
        .intro("I take orders.")
        .command(["start", "begin"], say("started"))
        .about("says hello")
        .command("secret", say("secret"))
        .nest(in_group(), nested)
        .command_with("order", async |turn, _: Order| turn.reply("ordered"))
        .about("orders a drink")
        .command_with("cart", async |turn, _: Cart| turn.reply("done"))
        .about("changes your cart")
        .text(["Opening hours", "open"], say("never"))
        .about("when we are there")
        .pattern("ship {what} to {city}", async |turn, _: (String, String)| turn.reply("shipped"))
        .about("ships something")
        .contains("price", say("free"))
        .about("is not listed")
        .otherwise(say("otherwise"));
    let first = "I take orders.\n/start: says hello\n";
    let rest = "/order <count> <what> [note]: orders a drink\n\
        /cart add <count> <what> [gift]: changes your cart\n/cart remove <text>\n/cart move <number> <number>\n/cart clear\n\
        Opening hours: when we are there\nship <what> to <city>: ships something";
    assert_eq!(answer(&router, "/help"), format!("{first}{rest}"));
    assert_eq!(answer(&router, "/HELP me"), format!("{first}{rest}"));
    let in_group = format!("{first}In groups:\n/vote: counts your vote\n{rest}");
    assert_eq!(outcome(&router, group("/help")).0, in_group);
    assert_eq!(answer(&router, "help"), "otherwise");
}

#[test]
fn help_is_the_authors_where_it_is_declared() {
    let listed = || Router::<Memory>::new().command("start", say("started")).about("says hello");
    assert_eq!(answer(&listed(), "/help"), "/start: says hello");
    assert_eq!(answer(&listed().command("help", say("mine")), "/help"), "mine");
    assert_eq!(answer(&listed().text("/help", say("mine")), "/help"), "mine");
    let nested = listed().nest(in_group(), Router::new().command("help", say("mine")));
    assert_eq!(outcome(&nested, group("/help")).0, "mine");
    assert_eq!(outcome(&nested, direct("/help")).0, "/start: says hello");
    let silent = Router::<Memory>::new().command("start", say("started")).otherwise(say("otherwise"));
    assert_eq!(answer(&silent, "/help"), "otherwise");
    assert_eq!(answer(&silent.intro("Ask me."), "/help"), "Ask me.");
}

#[test]
fn a_router_is_a_bot() {
    use crate::bot::{Behaviour, Input};

    let router = Router::<Memory>::new().otherwise(async |turn| {
        turn.state.note("turn");
        turn.reply("Hi")
    });
    let message = json!({
        "id": "7", "sender": "ann", "receiver": "demo_bot", "receiverType": "user",
        "category": "message", "type": "text", "data": { "text": "hi" },
    });
    let message = serde_json::value::to_raw_value(&message).unwrap();
    let input = Input { bot: "demo_bot", message: &message, state: None, sent: &[] };
    let output = router.run(input).now_or_never().unwrap().unwrap();
    assert_eq!(output.state.get(), r#"{"asked":false,"log":["turn"]}"#);
    assert_eq!(output.effects.len(), 1);
}
