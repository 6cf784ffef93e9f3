//! The keys of a server, one line each.

use apmt_core::Timestamp;

use super::table::{Align, Cell, Table};
use super::{DIM, GOOD, NOTHING};
use crate::keys::KeyEntry;

/// The keys, as they are at that instant.
pub(crate) fn page(keys: &[KeyEntry], now: Timestamp) -> String {
    if keys.is_empty() {
        return "no keys\n".to_owned();
    }
    let columns = ["Id", "Name", "Scope", "State", "Made", "Expires", "Revoked"];
    let mut table = Table::new(columns.map(|heading| (heading, Align::Left)));
    for key in keys {
        let style = if key.usable_at(now).is_ok() { GOOD } else { DIM };
        let time = |at: Option<Timestamp>| at.map_or_else(|| NOTHING.to_owned(), |at| at.to_string());
        table.row(vec![
            Cell::new(key.id()),
            Cell::new(key.name()),
            Cell::new(key.scope().name()),
            Cell::styled(key.state_at(now), style),
            Cell::new(&time(Some(key.created_at()))),
            Cell::new(&time(key.expires_at())),
            Cell::new(&time(key.revoked_at())),
        ]);
    }
    let mut out = String::new();
    table.write(&mut out);
    out
}
