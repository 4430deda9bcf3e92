//! Decisions: deterministic, explained, validated, logged.

mod common;

use common::*;
use serde_json::{json, Map, Value as Json};
use symphony_pit::arbitration::{Decision, Question};
use symphony_pit::{Kind, PitError, Rooms};

fn ask(rooms: &Rooms, options: Json, policy: Option<&str>) -> Result<Decision, PitError> {
    rooms.arbitration.submit_decision(Question {
        context_type: "model-choice".into(),
        data: json!({ "task": "rank" }),
        options: options.as_array().expect("list").clone(),
        policy: policy.map(str::to_owned),
    })
}

fn rules(value: Json) -> Map<String, Json> {
    value.as_object().expect("object").clone()
}

#[test]
fn the_best_option_wins_and_the_reason_can_be_read() {
    let runtime = runtime();
    let rooms = pit(&runtime).rooms().expect("open");
    let options = json!([
        { "name": "small", "score": 0.6, "cost": 1 },
        { "name": "large", "score": 0.9, "cost": 5 },
        { "name": "odd", "score": 0.5, "cost": 9 },
    ]);
    let first = ask(&rooms, options.clone(), None).expect("decision");
    let second = ask(&rooms, options, None).expect("decision");
    assert_eq!(
        (first.choice, first.confidence, &first.reasoning),
        (second.choice, second.confidence, &second.reasoning)
    );
    assert_eq!(first.choice, 1);
    assert!(
        first.confidence > 0.4 && first.confidence < 1.0,
        "{}",
        first.confidence
    );
    assert!(
        first.reasoning.contains("'large'") && first.reasoning.contains("score 0.9"),
        "{}",
        first.reasoning
    );
    let kept = rooms.arbitration.decision(first.id).expect("logged");
    assert_eq!(
        (kept.choice, kept.reasoning, kept.data),
        (1, first.reasoning, json!({ "task": "rank" }))
    );
    assert_eq!(rooms.arbitration.audit(10).expect("audit").len(), 2);
}

#[test]
fn texts_ties_and_single_options() {
    let runtime = runtime();
    let rooms = pit(&runtime).rooms().expect("open");
    let tie = ask(&rooms, json!(["a", "b", "c", "d"]), None).expect("decision");
    assert_eq!((tie.choice, tie.confidence), (0, 0.25));
    let single = ask(&rooms, json!([{ "name": "only" }]), None).expect("decision");
    assert_eq!((single.choice, single.confidence), (0, 1.0));
}

#[test]
fn policies_weigh_and_rule_out() {
    let runtime = runtime();
    let rooms = pit(&runtime).rooms().expect("open");
    let cheap = rooms
        .arbitration
        .create_policy(
            "cheap",
            &rules(json!({ "weights": { "cost": 1 }, "min_score": 0.3 })),
        )
        .expect("valid")
        .wait()
        .expect("saved");
    let options = json!([{ "name": "good", "score": 1, "cost": 3 }, { "name": "bad", "score": 0.1, "cost": 1 }, { "name": "fair", "score": 0.5, "cost": 2 }]);
    assert_eq!(
        ask(&rooms, options.clone(), None).expect("decision").choice,
        0
    );
    let decision = ask(&rooms, options, Some("cheap")).expect("decision");
    assert_eq!(decision.choice, 2);
    assert!(
        decision.reasoning.contains("'bad' (score below 0.3)"),
        "{}",
        decision.reasoning
    );
    assert_eq!(
        rooms
            .arbitration
            .get_policy(&cheap.id.to_string())
            .expect("by id")
            .name,
        "cheap"
    );
    let again = rooms
        .arbitration
        .create_policy("cheap", &Map::new())
        .expect("valid")
        .wait();
    assert_eq!(again.unwrap_err().kind(), Kind::Conflict);
    let wrong = rooms
        .arbitration
        .create_policy("x", &rules(json!({ "weights": { "cost": -1 } })));
    assert_eq!(wrong.err().expect("refused").kind(), Kind::Invalid);
}

#[test]
fn bad_questions_are_refused() {
    let runtime = runtime();
    let rooms = pit(&runtime).rooms().expect("open");
    assert_eq!(
        ask(&rooms, json!([]), None).unwrap_err().kind(),
        Kind::Invalid
    );
    let error = ask(&rooms, json!([{ "score": "high" }]), None).unwrap_err();
    assert!(error.message().contains("options[0].score"), "{error}");
    assert_eq!(
        ask(&rooms, json!(["a"]), Some("none")).unwrap_err().kind(),
        Kind::NotFound
    );
}

#[test]
fn decisions_are_on_disk_within_the_group_commit() {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("folder");
    let rooms = pit_in(&runtime, folder.path()).rooms().expect("open");
    let id = ask(&rooms, json!(["a"]), None).expect("decision").id;
    std::thread::sleep(std::time::Duration::from_millis(150));
    let other = pit_in(&runtime, folder.path()).rooms().expect("open");
    assert_eq!(other.arbitration.decision(id).expect("on disk").id, id);
}
