//! Artifacts and stale: equal content once, integrity, deletion, protection, dry runs, two openers of one home.

mod common;

use std::time::Duration;

use common::*;
use symphony_pit::artifacts::NewArtifact;
use symphony_pit::{Kind, Rooms};

fn new() -> NewArtifact {
    NewArtifact {
        content_type: "text/plain".into(),
        ..NewArtifact::default()
    }
}

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.join("blobs")];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("folder").flatten() {
            if entry.path().is_dir() {
                open.push(entry.path())
            } else {
                found.push(entry.path())
            }
        }
    }
    found
}

/// Content that does not compress, so that its size on disk is known.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed * 2 + 1;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    })
    .take(length)
    .collect()
}

fn at_once(rooms: &Rooms) {
    rooms
        .stale
        .set_min_retention(Duration::ZERO)
        .wait()
        .expect("retention");
}

#[test]
fn equal_content_is_kept_once_and_goes_with_its_last_reference() {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("folder");
    let rooms = pit_in(&runtime, folder.path()).rooms().expect("open");
    let content = noise(100_000, 1);
    let first = rooms.artifacts.store(&content, new()).expect("store");
    let named = NewArtifact {
        name: Some("report".into()),
        tags: vec!["b".into(), "a".into()],
        parents: vec![first],
        ..new()
    };
    let second = rooms.artifacts.store(&content, named).expect("store");
    assert_eq!(files(folder.path()).len(), 1);
    assert_eq!(rooms.artifacts.retrieve(second).expect("retrieve"), content);
    let about = rooms.artifacts.metadata(second).expect("metadata");
    assert_eq!(
        (about.size, about.stored, about.tags, about.parents),
        (100_000, 100_000, vec!["a".into(), "b".into()], vec![first])
    );
    assert_eq!(rooms.artifacts.delete(first).wait().expect("delete"), 0);
    assert_eq!(
        rooms.artifacts.delete(second).wait().expect("delete"),
        100_000
    );
    rooms.home.flush().expect("flush");
    assert_eq!(files(folder.path()).len(), 0);
    assert_eq!(
        rooms.artifacts.retrieve(second).unwrap_err().kind(),
        Kind::NotFound
    );
    assert_eq!(
        rooms.artifacts.delete(second).wait().unwrap_err().kind(),
        Kind::NotFound
    );
}

#[test]
fn small_large_empty_and_file_content_come_back_as_they_were() {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("folder");
    let rooms = pit_in(&runtime, folder.path()).rooms().expect("open");
    let text = "the same line again and again\n"
        .repeat(200_000)
        .into_bytes();
    for content in [Vec::new(), b"x".to_vec(), noise(17_000, 2), text.clone()] {
        let id = rooms.artifacts.store(&content, new()).expect("store");
        assert_eq!(rooms.artifacts.retrieve(id).expect("retrieve"), content);
    }
    let path = folder.path().join("source");
    for content in [noise(3_000_000, 3), text] {
        std::fs::write(&path, &content).expect("write");
        let staged = rooms.artifacts.stage_file(&path).expect("stage");
        let id = rooms
            .artifacts
            .put(staged, new())
            .expect("put")
            .wait()
            .expect("stored");
        assert_eq!(rooms.artifacts.retrieve(id).expect("retrieve"), content);
    }
    drop(
        rooms
            .artifacts
            .stage(&noise(50_000, 4))
            .expect("staged and given up"),
    );
    assert!(std::fs::read_dir(folder.path().join("blobs/tmp"))
        .expect("tmp")
        .next()
        .is_none());
    assert_eq!(
        rooms
            .artifacts
            .stage_file(&folder.path().join("none"))
            .err()
            .expect("no file")
            .kind(),
        Kind::NotFound
    );
}

#[test]
fn a_damaged_blob_is_an_error_that_names_the_artifact() {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("folder");
    let rooms = pit_in(&runtime, folder.path()).rooms().expect("open");
    let id = rooms
        .artifacts
        .store(&noise(50_000, 5), new())
        .expect("store");
    let blob = files(folder.path()).remove(0);
    let mut bytes = std::fs::read(&blob).expect("read");
    bytes[40_000] ^= 1;
    std::fs::write(&blob, bytes).expect("write");
    let error = rooms.artifacts.retrieve(id).unwrap_err();
    assert_eq!(error.kind(), Kind::Damaged);
    assert!(error
        .details()
        .iter()
        .any(|(key, value)| key == "artifact" && value == &id.to_string()));
    std::fs::remove_file(&blob).expect("remove");
    assert_eq!(
        rooms.artifacts.retrieve(id).unwrap_err().kind(),
        Kind::Damaged
    );
}

#[test]
fn bad_artifacts_are_refused_at_the_door() {
    let runtime = runtime();
    let rooms = pit(&runtime).rooms().expect("open");
    let store = |change: &dyn Fn(&mut NewArtifact)| {
        let mut artifact = new();
        change(&mut artifact);
        rooms.artifacts.store(b"x", artifact).unwrap_err().kind()
    };
    assert_eq!(
        store(&|artifact| artifact.content_type = "text".into()),
        Kind::Invalid
    );
    assert_eq!(
        store(&|artifact| artifact.name = Some(String::new())),
        Kind::Invalid
    );
    assert_eq!(
        store(&|artifact| artifact.tags = vec!["a\nb".into()]),
        Kind::Invalid
    );
    assert_eq!(
        store(&|artifact| artifact.parents = vec![symphony_pit::ids::fresh()]),
        Kind::NotFound
    );
}

#[test]
fn two_openers_of_one_home_see_each_other() {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("folder");
    let one = pit_in(&runtime, folder.path()).rooms().expect("open");
    let two = pit_in(&runtime, folder.path()).rooms().expect("open");
    let id = one.artifacts.store(b"shared", new()).expect("store");
    assert_eq!(two.artifacts.retrieve(id).expect("retrieve"), b"shared");
    two.artifacts.delete(id).wait().expect("delete");
    assert!(!one.artifacts.exists(id).expect("exists"));
}

#[test]
fn a_home_that_cannot_be_written_is_refused_and_asked_again() {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("folder");
    let place = folder.path().join("home");
    std::fs::write(&place, "a file in the way").expect("write");
    let pit = pit_in(&runtime, &place);
    let error = pit.rooms().err().expect("refused");
    assert!(
        matches!(error.kind(), Kind::Storage | Kind::Denied),
        "{error:?}"
    );
    assert!(error
        .get_hint()
        .expect("hint")
        .contains("SYMPHONY_PIT_HOME"));
    std::fs::remove_file(&place).expect("remove");
    assert_eq!(
        pit.rooms().expect("now").home.integrity().expect("check"),
        "ok"
    );
}

#[test]
fn cleanup_takes_what_is_stale_and_keeps_what_is_protected() {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("folder");
    let rooms = pit_in(&runtime, folder.path()).rooms().expect("open");
    let store = |seed, artifact| {
        rooms
            .artifacts
            .store(&noise(20_000, seed), artifact)
            .expect("store")
    };
    let gone = store(10, new());
    let tagged = store(
        11,
        NewArtifact {
            tags: vec!["keep".into()],
            ..new()
        },
    );
    let parent = store(12, new());
    let child = store(
        13,
        NewArtifact {
            parents: vec![parent],
            ..new()
        },
    );
    for id in [gone, tagged, parent] {
        rooms
            .stale
            .mark_stale(id, "old")
            .expect("mark")
            .wait()
            .expect("marked");
    }
    let young = rooms
        .stale
        .cleanup_stale(Duration::ZERO, false)
        .expect("cleanup");
    assert_eq!(
        (young.items.len(), young.kept.len()),
        (0, 3),
        "all are younger than 30 days"
    );
    at_once(&rooms);
    assert_eq!(
        rooms
            .stale
            .cleanup_stale(Duration::from_secs(60), false)
            .expect("cleanup")
            .kept
            .len(),
        0,
        "marked just now"
    );
    let dry = rooms
        .stale
        .cleanup_stale(Duration::ZERO, true)
        .expect("dry");
    assert!(rooms.artifacts.exists(gone).expect("exists"));
    let report = rooms
        .stale
        .cleanup_stale(Duration::ZERO, false)
        .expect("cleanup");
    assert_eq!(
        (dry.bytes_freed, dry.items.len()),
        (report.bytes_freed, report.items.len())
    );
    assert_eq!(
        report.items.iter().map(|item| item.id).collect::<Vec<_>>(),
        [gone]
    );
    assert_eq!(report.bytes_freed, 20_000);
    assert_eq!(
        files(folder.path()).len(),
        3,
        "the report equals what is on disk"
    );
    rooms
        .stale
        .mark_stale(child, "old too")
        .expect("mark")
        .wait()
        .expect("marked");
    let report = rooms
        .stale
        .cleanup_stale(Duration::ZERO, false)
        .expect("cleanup");
    assert_eq!(report.items.len(), 2, "with the child the parent goes too");
    assert_eq!(
        rooms
            .stale
            .mark_stale(gone, "again")
            .expect("mark")
            .wait()
            .unwrap_err()
            .kind(),
        Kind::NotFound
    );
}
