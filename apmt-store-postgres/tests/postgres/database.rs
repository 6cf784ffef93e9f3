//! Databases for tests, in one cluster.

#![allow(dead_code, reason = "the tests of other crates take this file too, and not all of it")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use apmt_store_postgres::{PostgresBuilder, PostgresStore};

use crate::cluster::{Cluster, Session};

/// A database of its own, in the cluster that all tests share. It ends with the cluster.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    name: String,
}

impl Database {
    /// An empty database.
    pub(crate) fn empty() -> Self {
        Self::like("template1")
    }

    /// A database that has APMT's tables: a copy costs less than making them.
    pub(crate) fn with_tables() -> Self {
        static TEMPLATE: OnceLock<Database> = OnceLock::new();
        let template = TEMPLATE.get_or_init(|| {
            let database = Self::empty();
            futures_lite::future::block_on(apmt_core::Store::close(&database.open())).unwrap();
            // The copies are opened with calendars of their own.
            database.sql("UPDATE apmt.head SET calendar = NULL, fold_version = NULL");
            database
        });
        Self::like(&template.name)
    }

    /// A database that has APMT's tables and the documented roles.
    pub(crate) fn with_roles() -> Self {
        let database = Self::empty();
        futures_lite::future::block_on(apmt_core::Store::close(&database.open())).unwrap();
        // Roles are the cluster's: whichever test comes first makes them.
        let roles = include_str!("../../src/roles.sql").lines().map(|line| {
            line.strip_prefix("CREATE ROLE").map_or_else(
                || line.to_owned(),
                |role| format!("DO $$ BEGIN CREATE ROLE{role} EXCEPTION WHEN OTHERS THEN END $$;"),
            )
        });
        database.sql(&roles.collect::<Vec<_>>().join("\n"));
        database
    }

    fn like(template: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        // One copy of a template at a time: a second would find it in use.
        static COPYING: Mutex<()> = Mutex::new(());
        let name = format!("apmt_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let _copying = COPYING.lock().unwrap_or_else(PoisonError::into_inner);
        shared().sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {template}"));
        Self { name }
    }

    pub(crate) fn url(&self) -> String {
        shared().url(&self.name)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn builder(&self) -> PostgresBuilder {
        // However slow the machine and its disk are, a test that waits for its turn gets it.
        let patience = Duration::from_secs(600);
        PostgresStore::builder(&self.url())
            .statement_timeout(patience)
            .lock_timeout(patience)
            .retry_budget(patience)
    }

    pub(crate) fn open(&self) -> PostgresStore {
        self.builder().open().unwrap()
    }

    /// A session of the superuser's that stays open.
    pub(crate) fn psql(&self) -> Session {
        shared().session(&self.name)
    }

    /// Runs a statement as the superuser, and returns what it prints.
    pub(crate) fn sql(&self, sql: &str) -> String {
        shared().sql(&self.name, sql)
    }
}

/// The cluster that the tests of this binary share.
pub(crate) fn shared() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(|| Cluster::start(&["fsync=off"]))
}
