use std::collections::BTreeSet;

use proptest::prelude::*;
use roaring::RoaringBitmap;
use truyvet_schemas::TimeMs;

use super::expression::*;
use super::plan::Plan;
use super::run::perform;
use crate::trace::question::Interval;

fn parse(text: &str) -> Result<SetExpression, String> {
    SetExpression::parse(text, UtcOffset::default()).map_err(|error| error.to_string())
}

fn instant(text: &str) -> TimeMs {
    TimeMs::parse(text).expect("an instant")
}

#[test]
fn the_example_means_what_it_says() {
    let text = "(site GATE-1 on 2021-08-02 and area P01-D03 from 2021-08-03T06:00+07:00 to \
                2021-08-03T09:00+07:00)\n not site MK-7 \"Bến xe 2\" on 2021-08-02..2021-08-04+07:00";
    let expression = parse(text).expect("an expression");
    let written = expression.to_string();
    assert_eq!(
        written,
        "site GATE-1 on 2021-08-02Z and area P01-D03 from 2021-08-02T23:00:00.000Z to \
         2021-08-03T02:00:00.000Z not site MK-7 \"Bến xe 2\" on 2021-08-02..2021-08-04+07:00"
    );
    let intervals: Vec<_> = expression.operands().iter().map(|operand| operand.time.interval()).collect();
    let between = |from, to| Interval::new(instant(from), instant(to)).expect("not backward");
    assert_eq!(
        intervals,
        [
            between("2021-08-02T00:00:00Z", "2021-08-03T00:00:00Z"),
            between("2021-08-02T23:00:00Z", "2021-08-03T02:00:00Z"),
            between("2021-08-01T17:00:00Z", "2021-08-04T17:00:00Z"),
        ]
    );
}

#[test]
fn days_are_counted_where_the_asker_is_unless_they_say_where() {
    let hanoi = UtcOffset::parse("+07:00").expect("an offset");
    let written = |text| SetExpression::parse(text, hanoi).map(|expression| expression.to_string());
    assert_eq!(written("site a on 2021-08-02"), Ok("site a on 2021-08-02+07:00".into()));
    assert_eq!(written("site a on 2021-08-02-03:30"), Ok("site a on 2021-08-02-03:30".into()));
    assert_eq!(written("site a on 2021-08-02Z"), Ok("site a on 2021-08-02Z".into()));
}

#[test]
fn words_may_be_capitals_and_not_may_be_and_not() {
    let day = "on 2021-08-02Z";
    let shouted = parse("SITE a ON 2021-08-02 AND NOT Site \"and\" on 2021-08-02");
    assert_eq!(shouted, parse(&format!("site a {day} not site \"and\" {day}")));
    assert!(shouted.is_ok());
}

/// The text with the place of the error, and what is said of it.
#[test]
fn errors_point_at_their_place_and_say_what_to_write() {
    let day = "on 2021-08-02";
    for (text, at, said) in [
        ("".into(), 0, "expected `site`, `area` or `(`"),
        ("a on 2021-08-02".into(), 0, "expected `site`, `area` or `(`"),
        (format!("not site a {day}"), 0, "`not` takes away from a set on its left"),
        (format!("site b {day} or not site a {day}"), 24, "`not` takes away from a set on its left"),
        (format!("site a {day} or site b {day} and site c {day}"), 45, "write parentheses to say which"),
        (format!("site {day}"), 5, "expected a code"),
        ("site a and site b".into(), 7, "expected another code, or the time"),
        ("site a".into(), 6, "expected another code, or the time"),
        (format!("site \"a {day}"), 5, "never closed"),
        (format!("site \"\" {day}"), 5, "never empty"),
        (format!("(site a {day}"), 21, "expected `and`, `or`, `not` or `)`"),
        (format!("site a {day})"), 20, "expected `and`, `or`, `not` or the end"),
        (format!("site a {day} site b {day}"), 21, "expected `and`, `or`, `not` or the end"),
        ("site a on 2021-02-30".into(), 10, "expected a day of the calendar"),
        ("site a on today".into(), 10, "expected a day of the calendar"),
        ("site a on 2021-08-02T06:00Z".into(), 20, "expected `..` and the last day, an offset"),
        ("site a on 2021-08-02+25:00".into(), 20, "expected `..` and the last day, an offset"),
        ("site a on 2021-08-02..2021-08-01".into(), 10, "exchange them"),
        ("site a from 2021-08-02 to 2021-08-03".into(), 12, "`on 2021-08-02` for the whole day"),
        ("site a from 2021-08-02T06:00 07:00".into(), 12, "an instant with its offset"),
        ("site a from 2021-08-02T06:00Z".into(), 29, "expected `to`"),
        ("site a from 5 to 4".into(), 12, "exchange them"),
        (format!("{}site a {day}", "(".repeat(17)), 16, "at most 16 deep"),
        (format!("site a {day} or ").repeat(257), 24 * 256, "at most 256 operands"),
        ("đ".repeat(40_000), 32_768, "at most 65536 bytes"),
    ] {
        let error = parse(&text).expect_err(&text);
        assert!(error.contains(said), "{text}\n{error}");
        assert!(error.starts_with(&format!("at character {}: ", at + 1)), "{text}\n{error}");
    }
}

#[test]
fn the_mark_stands_below_the_fault() {
    let error =
        parse("site a on 2021-08-02 or\n\tsite ă\u{7} on 2021-08-02T06:00 and site b").expect_err("none");
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines[1], "     site ă  on 2021-08-02T06:00 and site b", "{error}");
    let mark = lines[2].chars().count() - 1;
    assert_eq!((lines[1].chars().nth(mark), lines[2].trim()), (Some('T'), "^"), "{error}");
}

fn code() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Z]{1,2}-[0-9]{1,2}",
        "\\PC{1,5}",
        prop::sample::select(vec!["and", "OR", "not", "\"", "a\"\"b", "( x", "on 2021-08-02", "\n", "ă"])
            .prop_map(str::to_owned),
    ]
}

fn operand() -> impl Strategy<Value = SetOperand> {
    let days = (0u32..4_000_000, 0i64..100, -1_439i32..1_440).prop_map(|(first, more, minutes)| {
        let day = |number: i64| {
            let text = TimeMs::new(number * 86_400_000 - 62_167_219_200_000).rfc3339();
            Day::parse(&text[..10]).expect("a day of the calendar")
        };
        let first = i64::from(first) % 3_600_000;
        let sign = if minutes < 0 { '-' } else { '+' };
        let minutes = minutes.abs();
        let offset = UtcOffset::parse(&format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60));
        SetTime::Days { first: day(first), last: day(first + more), offset: offset.expect("an offset") }
    });
    let instant = prop_oneof![any::<i64>(), 0i64..4_000_000_000_000].prop_map(TimeMs::new);
    let between = (instant.clone(), instant)
        .prop_map(|(a, b)| SetTime::Between(Interval::new(a.min(b), a.max(b)).expect("in order")));
    let time = prop_oneof![days, between];
    let codes = prop::collection::vec(code(), 1..4);
    (any::<bool>(), codes, time).prop_map(|(is_site, codes, time)| SetOperand {
        place: if is_site { SetPlace::Sites(codes) } else { SetPlace::Areas(codes) },
        time,
    })
}

fn combined<S: Strategy<Value = SetOperand> + 'static>(operand: S) -> impl Strategy<Value = SetExpression> {
    operand.prop_map(SetExpression::Passed).prop_recursive(6, 24, 2, |inner| {
        (0..3, inner.clone(), inner).prop_map(|(operator, left, right)| {
            let (left, right) = (Box::new(left), Box::new(right));
            match operator {
                0 => SetExpression::And(left, right),
                1 => SetExpression::Or(left, right),
                _ => SetExpression::Not(left, right),
            }
        })
    })
}

/// One of six operands.
fn lettered() -> impl Strategy<Value = SetOperand> {
    (0usize..SETS).prop_map(|set| SetOperand {
        place: SetPlace::Sites(vec![set.to_string()]),
        time: SetTime::Between(Interval::new(TimeMs::new(0), TimeMs::new(1)).expect("in order")),
    })
}

fn letter(operand: &SetOperand) -> usize {
    let SetPlace::Sites(codes) = &operand.place else { panic!("a site") };
    codes[0].parse().expect("a number")
}

fn by_definition(expression: &SetExpression, sets: &[BTreeSet<u32>]) -> BTreeSet<u32> {
    match expression {
        SetExpression::Passed(operand) => sets[letter(operand)].clone(),
        SetExpression::And(a, b) => &by_definition(a, sets) & &by_definition(b, sets),
        SetExpression::Or(a, b) => &by_definition(a, sets) | &by_definition(b, sets),
        SetExpression::Not(a, b) => &by_definition(a, sets) - &by_definition(b, sets),
    }
}

const SETS: usize = 6;

const TOKENS: [&str; 22] = [
    "site",
    "area",
    "on",
    "from",
    "to",
    "and",
    "or",
    "not",
    "(",
    ")",
    "\"",
    "a",
    "AND",
    "2021-08-02",
    "2021-08-02..2021-08-03",
    "+07:00",
    "2021-08-02T06:00Z",
    "5",
    "9",
    "\"x y\"",
    "đ",
    "..",
];

proptest! {
    #[test]
    fn what_is_written_is_read_back(expression in combined(operand()), minutes in 0u32..1_440) {
        let text = expression.to_string();
        let elsewhere = UtcOffset::parse(&format!("-{:02}:{:02}", minutes / 60, minutes % 60)).expect("an offset");
        prop_assert_eq!(SetExpression::parse(&text, elsewhere).map_err(|e| e.to_string()), Ok(expression), "{}", text);
    }

    #[test]
    fn no_text_brings_the_parser_down(text in any::<String>()) {
        if let Err(error) = SetExpression::parse(&text, UtcOffset::default()) {
            prop_assert!(error.character <= text.chars().count() + 1);
            prop_assert_eq!(error.to_string().lines().count(), 3);
        }
    }

    #[test]
    fn words_in_any_order_are_read_or_pointed_at(
        tokens in prop::collection::vec((prop::sample::select(&TOKENS[..]), "[ \n]?"), 0..20),
    ) {
        let text: String = tokens.iter().flat_map(|(token, space)| [*token, space]).collect();
        match SetExpression::parse(&text, UtcOffset::default()) {
            Ok(expression) => {
                let again = SetExpression::parse(&expression.to_string(), UtcOffset::default());
                prop_assert_eq!(again, Ok(expression));
            }
            Err(error) => prop_assert!(error.character <= text.chars().count() + 1),
        }
    }

    #[test]
    fn a_plan_finds_what_the_expression_means(
        expression in combined(lettered()),
        sets in prop::collection::vec(prop::collection::btree_set(0u32..20, 0..12), SETS),
        costs in prop::collection::vec(0u64..5, SETS),
    ) {
        let operands = expression.operands();
        let costs: Vec<u64> = operands.iter().map(|operand| costs[letter(operand)]).collect();
        let plan = Plan::new(&expression, &operands, &costs);
        let mut reads = vec![0; operands.len()];
        let (found, sizes) = perform(&plan, operands.len(), |i| {
            reads[i] += 1;
            Ok::<_, ()>(RoaringBitmap::from_iter(&sets[letter(operands[i])]))
        }).expect("reading succeeds");
        prop_assert!(found.iter().eq(by_definition(&expression, &sets)));
        for ((operand, size), reads) in operands.iter().zip(sizes).zip(reads) {
            let size_if_read = (reads > 0).then(|| sets[letter(operand)].len() as u64);
            prop_assert_eq!(size, size_if_read);
            prop_assert!(reads <= 1, "an operand is read once");
        }
    }
}

#[test]
fn the_cheapest_sets_come_first_and_an_empty_one_ends_the_work() {
    let text = "site a on 2021-08-02 and site b on 2021-08-02 not site c on 2021-08-02";
    let expression = parse(text).expect("an expression");
    let mut read = Vec::new();
    let plan = Plan::new(&expression, &expression.operands(), &[9, 5, 1]);
    let (found, sizes) = perform(&plan, 3, |operand| {
        read.push(operand);
        Ok::<_, ()>(RoaringBitmap::from_iter([1, 2]))
    })
    .expect("reading succeeds");
    assert_eq!((found.len(), read, sizes), (0, vec![1, 2], vec![None, Some(2), Some(2)]));
}
