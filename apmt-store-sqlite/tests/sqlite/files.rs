//! Files that cannot be opened, and disks that refuse: each an error of its kind that says what to do.

use std::path::Path;
use std::time::Duration;

use apmt_core::{ErrorKind, Event, Store};
use apmt_store_sqlite::SqliteStore;
use futures_lite::future::block_on;

use crate::child::{child_on_small_disk, output};

fn refused(path: &Path) -> apmt_core::Error {
    let error = SqliteStore::open(path).unwrap_err();
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(error.to_string().contains(name), "{error} does not name {name}");
    error
}

#[test]
fn a_folder_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let error = refused(&folder.path().join("no/such/folder/apmt.db"));
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("check that its folder exists"), "{error}");
}

#[test]
fn a_folder_in_place_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(refused(folder.path()).kind(), ErrorKind::Io);
}

#[test]
fn a_file_that_is_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letter.txt");
    let text = "Dear Sir or Madam, ".repeat(1000);
    std::fs::write(&path, &text).unwrap();
    let error = refused(&path);
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "the file was changed");
}

#[test]
fn a_database_of_another_program() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("addresses.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE addresses (name TEXT)").unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = refused(&path);
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("another program"), "{error}");
    assert!(std::fs::read(&path).unwrap() == before, "the file was changed");
}

#[test]
fn a_file_of_a_newer_version() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("apmt.db");
    drop(SqliteStore::open(&path).unwrap());
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 1000).unwrap();
    let error = refused(&path);
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.to_string().contains("update APMT"), "{error}");
    let error = SqliteStore::builder(&path).read_only(true).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
}

#[test]
fn a_damaged_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("apmt.db");
    let store = SqliteStore::open(&path).unwrap();
    let events =
        (0..2000).map(|n| Event::decision("anne").case(&format!("C-{n}")).build().unwrap()).collect();
    block_on(store.append(events)).unwrap();
    drop(store);
    // Every page but the first is overwritten.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4096..].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    let result = SqliteStore::open(&path).and_then(|store| block_on(store.events(0, usize::MAX)));
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert!(error.to_string().contains("restore a backup"), "{error}");
}

#[test]
fn derived_rows_that_are_damaged_are_told_apart_from_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("apmt.db");
    let store = SqliteStore::open(&path).unwrap();
    block_on(store.append(vec![Event::decision("anne").build().unwrap()])).unwrap();
    rusqlite::Connection::open(&path).unwrap().execute_batch("UPDATE days SET tally = x'ff'").unwrap();
    let window = apmt_core::Window::all_until("2100-01-01T00:00:00Z".parse().unwrap());
    let error = block_on(store.activity(&"anne".try_into().unwrap(), window)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
}

#[test]
fn a_file_to_be_read_only_must_be_there_and_takes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("apmt.db");
    let read_only = || SqliteStore::builder(&path).read_only(true).open();
    assert_eq!(read_only().unwrap_err().kind(), ErrorKind::Io);
    drop(SqliteStore::open(&path).unwrap());
    let store = read_only().unwrap();
    let error = block_on(store.append(vec![Event::decision("anne").build().unwrap()])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    assert_eq!(block_on(store.status()).unwrap().position, 0);
}

/// The child, on a disk of 3 MiB: appends until the disk is full, and checks what it was told.
pub(crate) fn fill_the_disk(path: &Path) {
    let store = SqliteStore::builder(path).busy_timeout(Duration::ZERO).open().unwrap();
    let mut acknowledged = 0;
    let error = loop {
        let batch = (0..100)
            .map(|n| Event::decision("anne").case(&format!("C-{acknowledged}-{n}")).build().unwrap())
            .collect();
        match block_on(store.append(batch)) {
            Ok(receipts) => acknowledged += receipts.len() as u64,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::DiskFull, "{error}");
    assert!(error.is_temporary());
    assert!(error.to_string().contains("free some space"), "{error}");
    assert!(acknowledged > 0, "the disk was full before anything was written");
    // Everything acknowledged is still there, and counted.
    let whole = |store: &SqliteStore| {
        assert_eq!(block_on(store.status()).unwrap().position, acknowledged);
        let dossier = block_on(store.dossier(
            &"anne".try_into().unwrap(),
            apmt_core::AsOf::Now,
            &apmt_core::Policy::default(),
        ));
        assert_eq!(dossier.unwrap().metrics.decisions, acknowledged);
    };
    whole(&store);
    // Room is made, and the same store goes on.
    std::fs::remove_file(path.with_file_name("ballast")).unwrap();
    let receipts = block_on(store.append(vec![Event::viewed("C-1", "anne").build().unwrap()])).unwrap();
    assert_eq!(receipts[0].position, acknowledged + 1);
    println!("\nthe disk was full after {acknowledged} events");
}

#[test]
fn a_full_disk_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("apmt.db");
    let ballast = format!("head -c 1000000 /dev/zero > {}/ballast &&", folder.path().display());
    let said = output(child_on_small_disk("fill the disk", folder.path(), &path, 3000, &ballast));
    assert!(said.contains("the disk was full after"), "{said}");
}

/// The child, on a disk that may only be read.
pub(crate) fn open_on_a_read_only_disk(path: &Path) {
    let error = SqliteStore::open(path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error}");
    assert!(error.to_string().contains("permissions"), "{error}");
    println!("\nrefused");
}

#[test]
fn a_read_only_folder() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    drop(SqliteStore::open(folder.path().join("apmt.db")).unwrap());
    let prepare =
        format!("cp {0}/apmt.db {1}/ && mount -o remount,ro {1} &&", folder.path().display(), disk.display());
    let said =
        output(child_on_small_disk("open on a read-only disk", &disk, &disk.join("apmt.db"), 1000, &prepare));
    assert!(said.contains("refused"), "{said}");
}
