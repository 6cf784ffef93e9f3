//! Files that cannot be opened, and disks that refuse: the same errors as a store's.

use std::path::Path;

use apmt_core::{Error, ErrorKind, Event};
use apmt_store_http::Outbox;
use apmt_store_sqlite::SqliteStore;
use futures_lite::future::block_on;

use crate::child::{child_on_small_disk, output};
use crate::delivery::{decision, place};

fn refused(path: &Path) -> Error {
    let error = Outbox::builder(path).open().unwrap_err();
    assert!(error.to_string().contains(path.file_name().unwrap().to_str().unwrap()), "{error}");
    error
}

#[test]
fn what_is_no_outbox() {
    let (folder, path) = place();
    assert_eq!(refused(&folder.path().join("no/outbox.db")).kind(), ErrorKind::Io);
    std::fs::write(&path, "Dear Sir or Madam, ".repeat(1000)).unwrap();
    assert_eq!(refused(&path).kind(), ErrorKind::Corrupt);
    let store = folder.path().join("apmt.db");
    drop(SqliteStore::open(&store).unwrap());
    let error = refused(&store);
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("no outbox of APMT's"), "{error}");
    let outbox = folder.path().join("other.db");
    drop(Outbox::builder(&outbox).open().unwrap());
    assert_eq!(SqliteStore::open(&outbox).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_file_of_a_newer_version() {
    let (_folder, path) = place();
    drop(Outbox::builder(&path).open().unwrap());
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 1000).unwrap();
    let error = refused(&path);
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.to_string().contains("update APMT"), "{error}");
}

/// The child: fills a small disk, and says what it was told and what it has.
pub(crate) fn fill_the_disk(path: &Path) {
    let outbox = Outbox::builder(path).open().unwrap();
    let large = || Event::decision("anne").field("pad", "x".repeat(4000));
    let mut put = 0;
    let error = loop {
        match block_on(outbox.record_event(large())) {
            Ok(_) => put += 1,
            Err(error) => break error,
        }
    };
    // What can be read still is.
    assert_eq!(outbox.status_blocking().unwrap().waiting, put);
    std::fs::remove_file(path.with_file_name("ballast")).unwrap();
    block_on(outbox.record_event(decision(1))).unwrap();
    println!("\nkind {}, {} then one more", error.kind(), put > 0);
    assert_eq!(outbox.status_blocking().unwrap().waiting, put + 1);
}

#[test]
fn a_full_disk_is_an_error_of_its_kind_and_loses_nothing() {
    let (folder, path) = place();
    let ballast =
        format!("dd if=/dev/zero of={}/ballast bs=1024 count=512 2>/dev/null &&", folder.path().display());
    let said = output(child_on_small_disk("fill the disk", folder.path(), &path, 2048, &ballast));
    assert!(said.contains("kind disk_full, true then one more"), "{said}");
}

/// The child: opens an outbox on a disk that was mounted anew to be read only.
pub(crate) fn open_on_a_read_only_disk(path: &Path) {
    drop(Outbox::builder(path).open().unwrap());
    let folder = path.parent().unwrap();
    let mounted = std::process::Command::new("mount").args(["-o", "remount,ro"]).arg(folder).status();
    assert!(mounted.unwrap().success());
    println!("\nkind {}", Outbox::builder(path).open().unwrap_err().kind());
}

#[test]
fn a_read_only_disk_is_an_error_of_its_kind() {
    let (folder, path) = place();
    let said = output(child_on_small_disk("open on a read-only disk", folder.path(), &path, 2048, ""));
    assert!(said.contains("kind read_only"), "{said}");
}
