//! What Truyvet promises, each in a file named for it. One binary, so that RocksDB is linked once.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

mod support;

mod a_directory_opened_twice;
mod a_full_disk_is_told_and_survived;
mod a_killed_server_keeps_every_acknowledged_scan_once;
mod an_agent_on_a_bad_day_loses_nothing;
mod answers_agree_with_the_naive_twin;
mod bad_peers_harm_nobody;
mod damage_is_found_and_what_is_intact_answers;
mod damaged_and_foreign_directories_are_refused;
mod every_acknowledged_scan_is_there_once;
mod real_data_is_answered_as_known;
mod sets_agree_with_the_naive_twin;
mod sets_are_asked_and_streamed;
mod sparse_history_stays_small;
