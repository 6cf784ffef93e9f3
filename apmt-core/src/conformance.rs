//! What every store must do, as tests that any store can run: one test a behaviour, a fresh store each.
//!
//! A store's crate turns on the feature `conformance` for its tests, and runs the whole suite with one line:
//!
//! ```
//! use std::sync::Arc;
//! use apmt_core::conformance::Setup;
//! use apmt_core::MemoryStore;
//!
//! apmt_core::conformance!(futures_lite::future::block_on, |setup: Setup| async {
//!     MemoryStore::with(setup.clock, setup.calendar)
//! });
//! # fn main() {}
//! ```
//!
//! The first argument is whatever waits for a future on the calling thread: the suite brings no executor, so a store
//! that needs one gets its own, and some tests call it from many threads at once. The second makes a fresh, empty
//! store with the clock and the calendar of [`Setup`]; a store that needs something kept for as long as it lives, such
//! as a temporary folder, returns a [`Fresh`] that [keeps](Fresh::keeping) it.
//!
//! Each behaviour is also a plain function here, so that one can be run alone, and each panics with a message where a
//! store fails it. [`naive`] works dossiers out by brute force, and [`random_events`] makes logs from a seed: a
//! store's own tests may use both.

#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by a panic, and these are tests that live in a library so that every store can run them"
)]

mod activity;
mod append;
mod bench;
mod bundles;
mod case_clocks;
mod concurrent;
mod dossiers;
mod evidence;
mod fidelity;
mod hostile;
pub mod naive;
mod random;
mod reading;
mod refold;
mod sealed;

pub use activity::*;
pub use append::*;
pub use bench::{Bench, BlockOn, Fresh, Setup, Trial, now, time};
pub use bundles::*;
pub use case_clocks::*;
pub use concurrent::*;
pub use dossiers::*;
pub use evidence::*;
pub use fidelity::*;
pub use hostile::*;
pub use random::{policy_with_targets, random_events, record};
pub use reading::*;
pub use refold::*;
pub use sealed::*;

/// Runs the whole suite on a store, as one `#[test]` a behaviour in a module `conformance`: see the
/// [module](mod@crate::conformance).
///
/// Where a file has several stores, put each line into a module of its own.
#[macro_export]
macro_rules! conformance {
    ($block_on:path, $fresh:expr $(,)?) => {
        $crate::conformance_tests! {
            $block_on, $fresh;
            // append
            an_empty_batch_is_fine
            positions_are_one_two_three_without_gaps
            receipts_come_in_the_order_given
            the_same_event_twice_in_a_batch_is_stored_once
            the_same_event_in_two_batches_is_stored_once
            a_duplicate_with_other_content_changes_nothing
            the_same_batch_again_is_all_duplicates
            duplicates_leave_no_gaps
            one_bad_event_refuses_the_whole_batch
            a_refused_batch_can_be_sent_again
            over_24_hours_ahead_of_the_stores_clock_is_refused
            the_stores_clock_decides_what_is_ahead
            a_batch_of_over_10_000_events_is_refused
            a_batch_of_over_16_mib_is_refused
            an_event_without_id_is_given_one
            an_event_without_instant_occurred_when_it_was_recorded
            // what comes back
            every_type_comes_back_as_it_was_sent
            unknown_fields_come_back
            names_come_back_as_they_were_sent
            custom_types_are_stored_and_never_scored
            // reading
            an_empty_store_answers
            the_log_is_read_in_pages
            an_event_is_found_by_its_id
            a_case_is_read_by_instant_then_in_log_order
            a_case_id_is_trimmed_and_keeps_its_case
            the_status_says_where_the_store_stands
            a_closed_store_refuses_everything
            what_was_appended_before_closing_was_stored
            // folding again
            a_late_event_changes_what_counts
            late_stars_go_to_the_verdict_before_them
            a_later_verdict_takes_the_stars
            a_retraction_after_its_event
            a_retraction_before_its_event
            a_retraction_in_the_batch_of_its_event
            a_retraction_of_an_event_without_a_case
            a_retraction_of_what_is_not_known_changes_nothing
            a_retraction_of_a_retraction_changes_nothing
            a_retraction_twice_counts_once
            a_retraction_and_a_late_event_in_one_batch
            a_retraction_of_the_middle_of_a_case
            // the evidence
            actors_are_one_whatever_their_letters
            contributions_come_by_instant_then_in_log_order
            contributions_are_paged_by_cursor
            one_event_may_cause_three_contributions
            a_window_starts_after_its_start_and_includes_its_end
            what_nobody_can_be_named_for_is_nobodys
            contributions_of_an_unknown_actor_are_none
            // activity
            an_unknown_actor_has_an_empty_activity
            the_kind_of_an_actor_is_what_was_said_last
            the_first_and_last_day_count_to_the_millisecond
            a_day_on_which_nothing_counts_is_left_out
            long_processing_times_are_kept_whole
            activities_come_in_the_order_of_names_bytes
            activities_are_paged
            activities_hold_who_has_only_an_open_clock
            activities_leave_out_nobody_and_the_idle
            a_window_that_ends_before_it_starts_holds_nothing
            a_day_has_a_tally_a_track
            // clocks
            a_case_stands_open_on_its_holders_clock
            a_case_is_open_from_the_instant_it_was_assigned_until_it_ends
            open_clocks_leave_pauses_out
            a_clock_that_has_ended_since_was_open_then
            open_cases_come_by_case_id
            a_retracted_assignment_opens_nothing
            processing_is_measured_through_the_calendar
            working_days_are_counted_as_foia_counts
            tracks_tell_cases_apart
            // dossiers
            a_dossier_is_made_of_the_activity
            as_of_is_now_the_latest_event_or_an_instant
            an_unknown_actor_has_a_dossier_of_zeros
            dossiers_are_paged
            verdicts_among_peers_are_made_of_the_activities
            random_logs_come_to_what_a_naive_recomputation_says
            order_and_batching_change_no_dossier
            a_bundle_comes_to_the_very_dossier
            // the seal, and erasing
            a_log_is_not_sealed_before_it_is
            what_is_sealed_is_kept
            sealing_gives_way_to_who_was_first
            checkpoints_are_kept_by_size
            an_erased_event_leaves_its_place
            erasing_again_changes_nothing
            only_what_is_sealed_is_erased
            an_erased_retraction_still_holds
            what_is_erased_counts_no_more
            // hostile
            hostile_names_are_kept_apart
            names_of_256_bytes_are_kept_whole
            the_largest_event_is_kept
            instants_of_every_year_are_kept
            a_case_of_2_000_events_in_any_order
            a_batch_of_10_000_events_is_stored
            // many at once
            concurrent_appends_leave_a_log_without_gaps
            a_tailing_reader_misses_no_event
            concurrent_appends_of_the_same_events_store_them_once
        }
    };
}

/// What [`conformance!`](crate::conformance!) expands to.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    ($block_on:path, $fresh:expr; $($behaviour:ident)*) => {
        mod conformance {
            #[allow(unused_imports)]
            use super::*;

            fn bench() -> $crate::conformance::Bench {
                $crate::conformance::Bench::new(|future| $block_on(future), $fresh)
            }

            $(#[test]
            fn $behaviour() {
                $block_on($crate::conformance::$behaviour(&bench()));
            })*
        }
    };
}
