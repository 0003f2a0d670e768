//! Every payload in tests/fixtures, as typed values; and that no input brings anything down.

use proptest::prelude::*;

use super::envelope::{Callback, Envelope, Trigger};
use super::message::{Attachment, Content, Media, Message, ReceiverType};
use super::{CallbackError, Ignored, Roster};

fn fixture(name: &str) -> String {
    let file = format!("{}/tests/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn callback(json: &str) -> Box<Callback<'_>> {
    match Envelope::parse(json) {
        Ok(Envelope::Message(callback)) => callback,
        other => panic!("{other:?}"),
    }
}

fn message(name: &str) -> Message {
    let json = fixture(name);
    Message::parse(callback(&json).message.get()).unwrap()
}

#[test]
fn the_documented_sample() {
    let json = fixture("bot-callback-sample");
    let callback = callback(&json);
    assert_eq!(callback.trigger, Trigger::AfterMessage);
    assert_eq!(callback.app_id, "2248348660ad9bd4");
    assert_eq!(callback.region.as_deref(), Some("eu"));
    assert_eq!(callback.bot.as_deref(), Some("demo_bot"));
    assert_eq!(callback.id, "712");
    assert_eq!(callback.sender, "cometchat-uid-1");
    assert_eq!(callback.receiver_type, ReceiverType::User);
    // Not the bot: the reply goes to the sender all the same.
    assert_eq!(callback.receiver, "cometchat-uid-2");
    assert_eq!(callback.peer("demo_bot"), "cometchat-uid-1");
    assert_eq!((callback.category.as_str(), callback.kind.as_str()), ("message", "text"));

    let message = Message::parse(callback.message.get()).unwrap();
    assert_eq!(message.content, Content::Text("hi".into()));
    assert_eq!(message.sender.name, "Andrew Joseph");
    assert_eq!(message.receiver_name, "George Alan");
    assert_eq!(message.conversation_id.as_deref(), Some("cometchat-uid-1_user_cometchat-uid-2"));
    assert_eq!((message.muid, message.parent_id), (None, None));
    assert_eq!((message.sent_at, message.updated_at), (Some(1_680_125_130), Some(1_680_125_130)));
    assert!(message.mentions.is_empty() && message.tags.is_empty());
    assert_eq!(message.metadata.get(), "null");
}

#[test]
fn a_mention_in_a_group() {
    let message = message("composed/group-mention");
    assert_eq!((message.receiver_type, message.receiver.as_str()), (ReceiverType::Group, "team-1"));
    assert_eq!(message.receiver_name, "Team");
    assert_eq!(message.muid.as_deref(), Some("_x1"));
    assert_eq!(message.text(), "<@uid:bot-1> status?");
    assert!(message.mentions("bot-1") && !message.mentions("bot-2"));
    assert_eq!(message.mentions[0].name, "Bot");
}

#[test]
fn of_a_crowd_that_is_mentioned_the_first_hundred_are_kept() {
    let people: Vec<String> = (0..20_000).map(|n| format!(r#""u{n}":{{"name":"Name {n}"}}"#)).collect();
    let json = fixture("composed/group-mention")
        .replace(r#""mentions": {"#, &format!(r#""mentions": {{{},"#, people.join(",")));
    let callback = callback(&json);
    assert!(callback.mentions("u19999") && callback.mentions("bot-1") && !callback.mentions("u20000"));
    let message = Message::parse(callback.message.get()).unwrap();
    assert_eq!(message.mentions.len(), 100);
    for (n, person) in message.mentions.iter().enumerate() {
        assert_eq!((person.uid.as_str(), person.name.as_str()), (&*format!("u{n}"), &*format!("Name {n}")));
        assert_eq!(person.raw.get(), format!(r#"{{"name":"Name {n}"}}"#));
    }
}

#[test]
fn pictures_and_files() {
    let file = |name: &str, mime_type: &str, size| Attachment {
        url: format!("https://files.example/{name}"),
        name: name.to_owned(),
        mime_type: mime_type.to_owned(),
        extension: name.split('.').next_back().unwrap().to_owned(),
        size,
    };
    let media = |caption: &str, attachments| Media { caption: caption.to_owned(), attachments };
    for (name, content) in [
        ("image", Content::Image(media("look", vec![file("a.png", "image/png", Some(20_133))]))),
        ("video", Content::Video(media("", vec![file("b.mp4", "video/mp4", Some(904_112))]))),
        ("audio", Content::Audio(media("", vec![file("c.mp3", "audio/mpeg", Some(5_120))]))),
        (
            "file",
            Content::File(media(
                "two of them",
                vec![file("d.pdf", "application/pdf", Some(1)), file("e.txt", "text/plain", Some(2))],
            )),
        ),
        (
            "image-url-only",
            Content::Image(media(
                "",
                vec![Attachment { url: "https://files.example/old.png".into(), ..Attachment::default() }],
            )),
        ),
    ] {
        assert_eq!(message(&format!("composed/{name}")).content, content, "{name}");
    }
}

#[test]
fn what_is_custom_or_unknown_is_kept() {
    let Content::Custom { kind, data, text } = message("composed/custom").content else { panic!("not custom") };
    assert_eq!((kind.as_str(), text.as_str()), ("location", "here"));
    assert_eq!(data.read::<serde_json::Value>(), Some(serde_json::json!({ "lat": 1.2, "lon": 3.4 })));

    for (name, category, kind, text) in [
        ("interactive", "interactive", "form", ""),
        ("agentic", "agentic", "assistant", "from an agent"),
        ("card", "card", "text", "preview"),
    ] {
        let message = message(&format!("composed/{name}"));
        assert_eq!(message.text(), text);
        let Content::Unknown { category: c, kind: k, data, .. } = message.content else { panic!("{name} is known") };
        assert_eq!((c.as_str(), k.as_str()), (category, kind));
        let raw: serde_json::Value = serde_json::from_str(&fixture(&format!("composed/{name}"))).unwrap();
        assert_eq!(data.read::<serde_json::Value>().as_ref(), Some(&raw["data"]["data"]), "{name}");
    }
}

#[test]
fn a_reply_in_a_thread_with_everything_beside_it() {
    let message = message("composed/thread-reply");
    assert_eq!(message.parent_id.as_deref(), Some("700"));
    assert_eq!(message.tags, ["urgent", "de"]);
    assert_eq!(message.metadata.read::<serde_json::Value>().unwrap()["ticket"], 7);
    assert!(message.entities.get().contains("team-1"));
}

#[test]
fn both_envelopes_and_the_fixed_rules() {
    let bots = ["bot-1".to_owned(), "user-9".to_owned()];
    let roster = Roster { bot: "bot-1", bots: &bots };
    for (name, trigger, ignored, peer) in [
        ("group-mention", Trigger::AfterMessage, None, "team-1"),
        ("quoted", Trigger::AfterMessage, None, "user-7"),
        ("integer-id", Trigger::AfterMessage, None, "user-7"),
        ("system", Trigger::AfterMessage, Some(Ignored::System), "app_system"),
        ("action", Trigger::AfterMessage, Some(Ignored::Action), "team-1"),
        ("call", Trigger::AfterMessage, Some(Ignored::Call), "user-7"),
        ("own-message", Trigger::AfterMessage, Some(Ignored::OwnMessage), "user-7"),
        ("message-sent", Trigger::MessageSent, None, "user-7"),
        ("message-sent-slash", Trigger::MessageSent, None, "team-1"),
        ("message-sent-group", Trigger::MessageSent, Some(Ignored::NotAddressed), "team-1"),
        ("message-sent-between-people", Trigger::MessageSent, Some(Ignored::NotAddressed), "user-7"),
        ("user-mentioned", Trigger::UserMentioned, None, "team-1"),
    ] {
        let json = fixture(&format!("composed/{name}"));
        let callback = callback(&json);
        assert_eq!(callback.id, "712", "{name}");
        assert_eq!(callback.trigger, trigger, "{name}");
        assert_eq!(callback.ignored(roster), ignored, "{name}");
        assert_eq!(callback.peer("bot-1"), peer, "{name}");
    }
    let other = fixture("composed/group-mention").replace("\"user-7\"", "\"user-9\"");
    assert_eq!(callback(&other).ignored(roster), None, "a bot that mentions this one is heard");
    let other = fixture("composed/quoted").replace("\"user-7\"", "\"USER-9\"");
    assert_eq!(callback(&other).ignored(roster), Some(Ignored::OtherBot));
}

#[test]
fn what_another_halley_wrote_is_another_bots() {
    let bots = ["bot-1".to_owned()];
    for (metadata, sender, mentions, ignored) in [
        (r#"{"halley":"bot-9-7-answer-0"}"#, "bot-9", "", Some(Ignored::OtherBot)),
        (r#"{"halley":"bot-9-7-answer-0"}"#, "bot-9", "<@uid:bot-1>", None),
        (r#"{"halley":"bot-1-7-answer-0"}"#, "bot-1", "<@uid:bot-1>", Some(Ignored::OwnMessage)),
        (r#"{"halley":"x"}"#, "app_system", "", Some(Ignored::System)),
        (r#"{"halley":""}"#, "bot-9", "", None),
        (r#"{"halley":7}"#, "bot-9", "", None),
        (r#"{"Halley":"x"}"#, "bot-9", "", None),
        (r#""halley""#, "bot-9", "", None),
        ("null", "bot-9", "", None),
    ] {
        let json = format!(
            r#"{{"trigger":"after_message","appId":"app1","data":{{"id":"7","sender":"{sender}","receiver":"bot-1",
            "receiverType":"user","category":"message","data":{{"text":"{mentions}","metadata":{metadata}}}}}}}"#
        );
        assert_eq!(callback(&json).ignored(Roster { bot: "bot-1", bots: &bots }), ignored, "{metadata} {sender}");
    }
}

#[test]
fn what_was_deleted_is_not_answered() {
    let bots = ["bot-1".to_owned()];
    for (name, deleted_at, ignored) in [
        ("quoted", "1696934950", Some(Ignored::Deleted)),
        ("message-sent", "1696934950", Some(Ignored::Deleted)),
        ("own-message", "1696934950", Some(Ignored::OwnMessage)),
        ("quoted", "0", None),
        ("quoted", "null", None),
        ("quoted", r#""""#, None),
    ] {
        let json = fixture(&format!("composed/{name}"));
        let json = json.replacen(r#""id": "712""#, &format!(r#""id": "712", "deletedAt": {deleted_at}"#), 1);
        assert!(json.contains("deletedAt"));
        assert_eq!(callback(&json).ignored(Roster { bot: "bot-1", bots: &bots }), ignored, "{name} {deleted_at}");
    }
    assert_eq!(Ignored::parse("deleted"), Some(Ignored::Deleted));
}

#[test]
fn what_goes_into_a_row_has_an_end() {
    let long = |json: &str| json.replacen("\"text\"", &format!("\"{}\"", "é".repeat(300)), 1);
    let json = long(&fixture("composed/quoted").replacen(r#""message""#, &format!("\"{}\"", "m".repeat(65)), 1));
    let callback = callback(&json);
    assert_eq!((callback.category.as_str(), callback.kind.as_str()), (&*"m".repeat(64), &*"é".repeat(64)));
    match Envelope::parse(&format!(r#"{{"trigger":"{}","appId":"app1"}}"#, "t".repeat(65))) {
        Ok(Envelope::UnknownTrigger { trigger, .. }) => assert_eq!(trigger, "t".repeat(64)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_conversation_id_is_kept_where_it_can_be() {
    for (json, kept) in [
        (r#""ann_user_bot-1""#.to_owned(), Some("ann_user_bot-1".to_owned())),
        (format!("\"{}\"", "c".repeat(255)), Some("c".repeat(255))),
        (format!("\"{}\"", "é".repeat(128)), None),
        (r#""""#.to_owned(), None),
        (r#""a\u0001b""#.to_owned(), None),
        ("7".to_owned(), None),
        ("null".to_owned(), None),
    ] {
        let json = fixture("bot-callback-sample").replacen(r#""cometchat-uid-1_user_cometchat-uid-2""#, &json, 1);
        assert_eq!(callback(&json).conversation_id, kept);
    }
}

#[test]
fn a_field_called_message_is_no_envelope() {
    for field in [r#""hi""#, "7", "[{}]", "null", "true"] {
        let json = fixture("bot-callback-sample").replacen(r#""id":"#, &format!(r#""message": {field}, "id":"#), 1);
        assert!(json.contains(field));
        assert_eq!(callback(&json).id, "712", "{field}");
    }
}

#[test]
fn half_a_character_loses_nothing_else() {
    let json = concat!(
        r#"{"trigger":"after_message","appId":"app1","bot":"bot-1","x\ud83d":1,"data":{"id":"7","sender":"Ann\udc00","#,
        r#""receiver":"bot-1","receiverType":"user","category":"message","type":"text","y\ud83d":2,"#,
        r#""data":{"text":"cut \ud83d","mentions":{"\ud83d":{"name":"N\ud83d"}},"#,
        r#""entities":{"sender":{"entity":{"name":"A\ud83d"}}}}}}"#,
    );
    let callback = callback(json);
    assert_eq!(callback.sender, "ann\u{fffd}");
    assert!(callback.mentions("\u{fffd}"));
    let message = Message::parse(callback.message.get()).unwrap();
    assert_eq!((message.text(), message.sender.name.as_str()), ("cut \u{fffd}", "A\u{fffd}"));
    assert_eq!((message.mentions[0].uid.as_str(), message.mentions[0].name.as_str()), ("\u{fffd}", "N\u{fffd}"));
}

#[test]
fn events_without_a_new_message() {
    for (name, event) in [
        ("message-edited", "message_edited"),
        ("message-reaction-added", "message_reaction_added"),
        ("message-read-receipt", "message_read_receipt"),
    ] {
        let json = fixture(&format!("composed/{name}"));
        match Envelope::parse(&json) {
            Ok(Envelope::UnknownTrigger { trigger, app_id }) => {
                assert_eq!((trigger.as_str(), app_id.as_str()), (event, "app1"));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn every_fixture_is_tested() {
    let tests = include_str!("tests.rs");
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/composed")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let name = name.trim_end_matches(".json");
        assert!(tests.contains(&format!("\"{name}\"")) || tests.contains(&format!("composed/{name}\"")), "{name}");
    }
}

#[test]
fn a_peer_that_would_change_a_path_is_refused() {
    let parse = |sender: &str, receiver: &str, receiver_type: &str| {
        let json = format!(
            r#"{{"trigger":"after_message","appId":"app1","data":{{"id":"7","sender":"{sender}","receiver":"{receiver}",
            "receiverType":"{receiver_type}"}}}}"#
        );
        Envelope::parse(&json).map(|_| ()).map_err(|error| error.details.unwrap_or_default())
    };
    let refused = |field: &str| Err(format!(r#"{{"{field}":["The {field} field must not be . or ..."]}}"#));
    for dots in [".", "..", r"\u002e."] {
        assert_eq!(parse(dots, "bot-1", "user"), refused("sender"), "{dots}");
        assert_eq!(parse("ann", dots, "user"), refused("receiver"), "{dots}");
        assert_eq!(parse("ann", dots, "group"), refused("receiver"), "{dots}");
    }
    for harmless in ["...", ".a", "a..", ". .", "%2e"] {
        assert_eq!(parse(harmless, harmless, "group"), Ok(()), "{harmless}");
    }
}

#[test]
fn a_refusal_names_the_field() {
    let refusal = |body: &str| Envelope::parse(body).unwrap_err();
    assert_eq!(
        refusal(r#"{"trigger":"after_message","appId":"app1","data":{"id":"7:1"}}"#).to_json(),
        concat!(
            r#"{"error":{"code":"ERR_BAD_REQUEST","message":"Failed to validate the data sent with the request.","#,
            r#""details":{"receiverType":["The receiverType field is required."]}}}"#
        )
    );
    let malformed = refusal("{");
    assert_eq!((malformed.status, malformed.code, malformed.details), (400, "ERR_BAD_REQUEST", None));
    let error = CallbackError::new(404, "ERR_BOT_NOT_FOUND", "No \"bot\".");
    assert_eq!(error.to_json(), r#"{"error":{"code":"ERR_BOT_NOT_FOUND","message":"No \"bot\"."}}"#);
}

#[test]
fn a_refusal_quotes_nothing() {
    let message = |fields: &str| format!(r#"{{"trigger":"after_message","appId":"app1","data":{{{fields}}}}}"#);
    for body in [
        r#""SECRET""#.to_owned(),
        r#"["SECRET"]"#.to_owned(),
        r#"{"SECRET"}"#.to_owned(),
        r#"{"trigger":SECRET}"#.to_owned(),
        r#"{"trigger":"SECRET"#.to_owned(),
        r#"{"trigger":"\qSECRET"}"#.to_owned(),
        r#"{"trigger":["SECRET"]}"#.to_owned(),
        r#"{"trigger":"after_message","appId":"app1","data":"SECRET"}"#.to_owned(),
        r#"{"trigger":"after_message","appId":{"SECRET":1}}"#.to_owned(),
        message(r#""receiverType":"SECRET""#),
        message(r#""receiverType":"user","receiver":["SECRET"]"#),
        message(r#""receiverType":"user","receiver":"bot-1","id":"SECRET:""#),
        message(&format!(r#""receiverType":"user","receiver":"{}""#, "SECRET".repeat(50))),
        message(&format!(r#""receiverType":"user","receiver":"bot-1","id":7,"sender":"{}""#, "SECRET".repeat(50))),
    ] {
        let error = Envelope::parse(&body).unwrap_err();
        for said in [error.to_string(), error.to_json(), error.to_line("bot-1")] {
            assert!(!said.contains("SECRET"), "{body}: {said}");
        }
    }
}

#[test]
fn a_refusal_is_a_line_in_the_log() {
    assert_eq!(
        CallbackError::field("id", "is required").to_line(&"b".repeat(65)),
        format!(
            r#"{{"event":"refused","bot":"{}","status":400,"code":"ERR_BAD_REQUEST","details":{{"id":["The id field is required."]}}}}"#,
            "b".repeat(64)
        )
    );
    assert_eq!(
        CallbackError::new(403, "ERR_WRONG_APP", "This callback is from another app.").to_line("a\"b"),
        r#"{"event":"refused","bot":"a\"b","status":403,"code":"ERR_WRONG_APP","details":null}"#
    );
}

/// JSON of any shape, with the names that are looked for among the others.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let name = prop_oneof![
        "[a-z]{0,3}",
        proptest::sample::select(vec![
            "trigger",
            "data",
            "message",
            "appId",
            "id",
            "sender",
            "receiver",
            "receiverType",
            "category",
            "type",
            "text",
            "mentions",
            "entities",
            "entity",
            "attachments",
            "url",
            "tags",
            "parentId",
            "sentAt",
            "metadata",
        ])
        .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        proptest::sample::select(vec!["after_message", "message_sent", "user", "group", "<@uid:", "/x", "7"])
            .prop_map(serde_json::Value::from),
        ".{0,8}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(5, 60, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
            proptest::collection::btree_map(name.clone(), inner, 0..8)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_bring_it_down(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = Envelope::parse(&text);
        let _ = Message::parse(&text);
    }

    #[test]
    fn no_json_brings_it_down(json in any_json()) {
        let json = json.to_string();
        let bots = ["bot-1".to_owned()];
        if let Ok(Envelope::Message(callback)) = Envelope::parse(&json) {
            let _ = callback.ignored(Roster { bot: "bot-1", bots: &bots });
            let _ = callback.peer("bot-1");
            prop_assert!(Message::parse(callback.message.get()).is_some(), "a callback that is taken can be read: {json}");
        }
        if let Some(message) = Message::parse(&json) {
            let _ = message.mentions("bot-1");
        }
    }

    #[test]
    fn no_message_brings_it_down(data in any_json(), group in any::<bool>()) {
        let receiver_type = if group { "group" } else { "user" };
        let message = serde_json::json!({
            "id": 7, "sender": "ann", "receiver": "bot-1", "receiverType": receiver_type,
            "category": data["category"], "type": data["type"], "tags": data, "data": data,
        });
        let body = serde_json::json!({ "trigger": "message_sent", "appId": "app1", "data": { "message": message } });
        let body = body.to_string();
        let bots = ["bot-1".to_owned()];
        let callback = callback(&body);
        let _ = callback.ignored(Roster { bot: "bot-1", bots: &bots });
        prop_assert!(Message::parse(callback.message.get()).is_some());
    }
}
