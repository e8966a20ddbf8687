use clap::{CommandFactory as _, Parser as _};
use proptest::prelude::*;

use super::*;
use crate::question::{Params, Question, Terms};

fn parse(args: &[&str]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(["truyvet"].iter().chain(args))
}

fn asked(args: &[&str]) -> String {
    let Ok(Cli { command: Command::Trace(trace) }) = parse(args) else {
        panic!("a trace question: {args:?}");
    };
    let (kind, mut params) = trace.params().expect("no file is read");
    assert_eq!(Terms::take(&mut params), Ok(Terms::default()));
    format!("{:?}", Question::parse(kind, params))
}

#[test]
fn the_definition_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn several_codes_may_follow_one_flag_or_each_its_own() {
    let rest = ["--from", "0", "--to", "9", "--data", "d"];
    let one = asked(&[&["trace", "passed", "--site", "a", "b"], &rest[..]].concat());
    let each = asked(&[&["trace", "passed", "--site", "a", "--site", "b"], &rest[..]].concat());
    assert!(one.starts_with("Ok"));
    assert_eq!(one, each);
}

#[test]
fn wrong_usage_is_known_before_anything_is_opened() {
    for args in [
        &["trace", "trail", "--from", "0", "--to", "1", "--data", "d"][..],
        &["trace", "trail", "--subject", "a", "--from", "0", "--to", "1"],
        &["trace", "trail", "--subject", "a", "--from", "0", "--to", "1", "--data", "d", "--url", "http://x"],
        &["trace", "guess"],
        &["import", "--data", "d", "--on-error", "ask"],
        &["serve"],
        &["serve", "--data", "d", "--tls-cert", "c"],
        &["drop", "yesterday", "--data", "d"],
        &["backup", "b", "--data", "d", "--url", "http://x"],
        &["backup", "b", "--list", "--keep", "1"],
        &["backup", "b", "--data", "d", "--keep", "0"],
        &["backup", "b", "--backup", "1"],
        &["restore", "--from", "b"],
    ] {
        assert_eq!(parse(args).expect_err("wrong usage").exit_code(), 2, "{args:?}");
    }
}

proptest! {
    /// The command line and a query string ask the same question.
    #[test]
    fn flags_ask_what_parameters_ask(
        subjects in prop::collection::vec("[a-zđ@,= ]{1,5}", 1..4),
        from in -1_000_000i64..1_000_000, length in 0i64..1_000_000, minutes in 0u32..100, pairs in any::<bool>(),
    ) {
        let (from, to) = (from.to_string(), (from + length).to_string());
        let window = format!("{minutes}m");
        let mut args = vec!["trace", "contacts", "--data", "d", "--window", &window, "--from", &from, "--to", &to];
        for subject in &subjects {
            args.extend(["--subject", subject]);
        }
        if pairs {
            args.push("--pairs");
        }
        let mut params: Params = [("from", &from), ("to", &to), ("window", &window)]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .collect();
        params.extend("subject", subjects.clone());
        params.push("pairs", if pairs { "1" } else { "0" });
        prop_assert_eq!(asked(&args), format!("{:?}", Question::parse(crate::question::Kind::Contacts, params)));
    }
}
