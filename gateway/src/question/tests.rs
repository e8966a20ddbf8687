use proptest::prelude::*;
use serde_json::json;

use super::*;

fn params(pairs: &[(&str, &str)]) -> Params {
    pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
}

fn wrong(kind: Kind, pairs: &[(&str, &str)]) -> Usage {
    Question::parse(kind, params(pairs)).expect_err("wrong usage")
}

#[test]
fn each_wrong_usage_is_told_by_name() {
    let day = [("from", "0"), ("to", "9")];
    let with = |more: &[(&'static str, &'static str)]| [&day[..], more].concat();
    assert_eq!(wrong(Kind::Passed, &day), Usage::NeitherSiteNorArea);
    assert_eq!(wrong(Kind::Trail, &day), Usage::Missing("subject"));
    assert_eq!(wrong(Kind::Trail, &with(&[("subject", "a"), ("subject", "b")])), Usage::Several("subject"));
    assert_eq!(wrong(Kind::Trail, &[("subject", "a"), ("to", "1")]), Usage::Missing("from"));
    assert_eq!(wrong(Kind::Contacts, &with(&[("subject", "")])), Usage::EmptyCode("subject"));
    assert_eq!(wrong(Kind::Common, &with(&[("subjects", "a"), ("cell", "0s")])), Usage::EmptyCell);
    assert_eq!(wrong(Kind::Passed, &[("site", "a"), ("from", "2"), ("to", "1")]), Usage::Backward);
    let said = wrong(Kind::Passed, &with(&[("site", "a"), ("sites", "b")])).to_string();
    assert!(said.starts_with("`sites` is no parameter"), "{said}");
    assert!(matches!(
        wrong(Kind::Chain, &with(&[("seed", "a"), ("generations", "11")])),
        Usage::Number { .. }
    ));
    assert!(matches!(
        wrong(Kind::Contacts, &with(&[("subject", "a"), ("window", "soon")])),
        Usage::Time { .. }
    ));
    assert!(matches!(
        wrong(Kind::Contacts, &with(&[("subject", "a"), ("window", "900000")])),
        Usage::Time { .. }
    ));
}

#[test]
fn a_set_is_read_with_the_days_of_the_offset() {
    let asked = |offset| {
        let pairs = [("expr", "site a on 2021-08-02"), ("offset", offset), ("count", "")];
        Question::parse(Kind::Set, params(&pairs))
    };
    let Ok(Question::Set(set)) = asked("+07:00") else { panic!("a set was asked") };
    assert_eq!((set.list, set.expression.to_string()), (false, "site a on 2021-08-02+07:00".to_owned()));
    assert_eq!(asked("7").expect_err("no offset"), Usage::Offset);
    assert_eq!(wrong(Kind::Set, &[]), Usage::Missing("expr"));
    let said = wrong(Kind::Set, &[("expr", "site a")]).to_string();
    assert!(said.starts_with("`expr`, at character 7: expected another code"), "{said}");
}

#[test]
fn a_seed_is_split_at_its_last_at_sign() {
    assert_eq!(seed("a".into()), Ok(("a".into(), None)));
    assert_eq!(seed("a@b@7".into()), Ok(("a@b".into(), Some(TimeMs::new(7)))));
    assert_eq!(seed("@7".into()), Err(Usage::EmptyCode("seed")));
    assert!(matches!(seed("@".into()), Err(Usage::Time { .. })));
    assert!(matches!(seed("a@example.org".into()), Err(Usage::Time { .. })));
}

#[test]
fn a_body_takes_single_values_lists_numbers_and_truths() {
    let body =
        json!({"subject": "a", "from": 5, "to": "1970-01-01T00:00:01Z", "window": 60000, "pairs": true});
    let params = Params::from_json(&body).expect("an object");
    let Ok(Question::Contacts(q)) = Question::parse(Kind::Contacts, params) else {
        panic!("contacts were asked");
    };
    assert_eq!((q.subjects, q.window, q.pairs), (vec!["a".to_owned()], Duration::from_secs(60), true));
    assert_eq!((q.interval.from().get(), q.interval.to().get()), (5, 1000));
    assert_eq!(Params::from_json(&json!([1])), Err(Usage::NoObject));
    assert!(matches!(Params::from_json(&json!({"a": {"b": 1}})), Err(Usage::Nested(_))));
    assert_eq!(Params::from_json(&json!({"site": ["a", true]})), Err(Usage::NoCode("site".to_owned())));
}

proptest! {
    /// The three ways of asking mean the same question.
    #[test]
    fn query_string_and_both_bodies_ask_the_same(
        seeds in prop::collection::vec("[a-zđ&=+ %]{1,6}", 1..5),
        from in 0i64..1_000_000, length in 0i64..1_000_000,
        window_ms in 0u64..10_000_000, generations in 0u32..=10,
    ) {
        let mut texts = Params::default();
        texts.extend("seed", seeds.clone());
        texts.push("from", from.to_string());
        texts.push("to", TimeMs::new(from + length).rfc3339());
        texts.push("window", format!("{window_ms}ms"));
        texts.push("generations", generations.to_string());
        let numbers = json!({"seed": seeds, "from": from, "to": from + length, "window": window_ms,
            "generations": generations});
        let numbers = Params::from_json(&numbers).expect("an object");
        let again = Params::from_json(&texts.to_json()).expect("an object");
        let ask = |p| format!("{:?}", Question::parse(Kind::Chain, p));
        let asked = ask(texts);
        prop_assert!(asked.starts_with("Ok"));
        prop_assert_eq!(&asked, &ask(numbers));
        prop_assert_eq!(&asked, &ask(again));
    }
}
