//! What Truyvet promises, each in a file named for it. One binary, so that RocksDB is linked once.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

mod support;

mod a_backup_is_the_whole_server;
mod a_checkpoint_on_a_full_disk_loses_nothing;
mod a_clock_that_jumps_harms_its_own_scans_alone;
mod a_crash_between_a_run_and_its_manifest;
mod a_declaration_is_kept_once_whatever_crashes;
mod a_directory_opened_twice;
mod a_full_disk_is_told_and_survived;
mod a_killed_server_keeps_every_acknowledged_scan_once;
mod a_load_run_tells_a_kept_promise_from_a_broken_one;
mod a_power_loss_keeps_what_was_promised;
mod a_restored_server_meets_its_devices;
mod a_server_with_certificates_of_its_own;
mod a_stopped_server_answers_what_is_in_flight;
mod an_agent_on_a_bad_day_loses_nothing;
mod an_import_by_days_is_as_good_as_sealed;
mod an_operator_is_told_what_a_command_did;
mod answers_agree_with_the_naive_twin;
mod area_counts_come_from_rollups;
mod bad_peers_harm_nobody;
mod damage_is_found_and_what_is_intact_answers;
mod damaged_and_foreign_directories_are_refused;
mod every_acknowledged_scan_is_there_once;
mod every_day_takes_late_scans;
mod memory_is_one_setting;
mod one_may_have_it_all;
mod people_walk_through_it_in_a_browser;
mod questions_end_when_they_must;
mod real_data_is_answered_as_known;
mod sealing_survives_every_kill;
mod sets_agree_with_the_naive_twin;
mod sets_are_asked_and_streamed;
mod sparse_history_stays_small;
mod the_demo_shows_what_it_says;
mod visitors_are_counted_once_whatever_crashes;
