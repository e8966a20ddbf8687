use std::time::Duration;

use ed25519_dalek::SigningKey;
use proptest::prelude::*;

use super::*;

const SKEW: Duration = Duration::from_secs(60);

#[test]
fn what_is_issued_is_read_and_verified() {
    let token = issue(&secret(), &pass());
    assert_eq!(token.len(), TOKEN_CHARS);
    assert!(token.starts_with("TVP1:"));
    let unverified = read(&token).expect("it was just issued");
    assert_eq!((unverified.key_id(), unverified.id()), (pass().key_id, pass().id));
    assert_eq!(unverified.verify(&keys(), noon(), SKEW), Ok(pass()));
}

#[test]
fn a_scanner_may_add_what_scanners_add() {
    let token = issue(&secret(), &pass());
    let (front, back) = token.split_at(90);
    let typed = [
        token.to_lowercase(),
        format!("  {token}\r\n"),
        format!("\u{2}{token}\u{3}\t"),
        format!("{front}\r\n {back}"),
    ];
    for text in typed {
        assert_eq!(verify(&text, noon()), Ok(pass()), "{text:?}");
    }
}

#[test]
fn it_is_valid_from_its_issue_and_not_at_its_end() {
    let token = issue(&secret(), &pass());
    let (issued, end) = (pass().issued.time(), pass().valid_until.time());
    let at = |at: TimeMs, ms: i64| verify(&token, TimeMs::new(at.get() + ms)).map(|_| ());
    assert_eq!(at(issued, -60_000), Ok(()));
    assert_eq!(at(issued, -60_001), Err(PassError::NotYetValid { from: issued }));
    assert_eq!(at(end, -1), Ok(()));
    assert_eq!(at(end, 0), Err(PassError::Expired { at: end }));
    assert_eq!(verify(&token, TimeMs::new(i64::MIN)), Err(PassError::NotYetValid { from: issued }));
    assert_eq!(verify(&token, TimeMs::new(i64::MAX)), Err(PassError::Expired { at: end }));
}

#[test]
fn other_texts_are_no_pass() {
    let token = issue(&secret(), &pass());
    let certificate = format!("HC1:{}", &token[5..]);
    for text in ["", "001099012345|123456789|NGUYEN VAN A|02031990|Nam", "https://example.org/", "TVP2:AEAA"]
    {
        assert_eq!(read_error(text), PassError::NotAPass, "{text}");
    }
    assert_eq!(read_error(&certificate), PassError::NotAPass);
    assert_eq!(read_error(&"9".repeat(100_000)), PassError::NotAPass);
}

#[test]
fn a_part_of_a_pass_is_truncated() {
    let token = issue(&secret(), &pass());
    for length in 1..TOKEN_CHARS {
        assert_eq!(read_error(&token[..length]), PassError::Truncated, "{length}");
    }
}

#[test]
fn what_is_no_base32_or_too_long_is_damaged() {
    let token = issue(&secret(), &pass());
    let with = |at: usize, character: &str| {
        let mut text = token.clone();
        text.replace_range(at..=at, character);
        text
    };
    assert_eq!(read_error(&with(6, "0")), PassError::Damaged);
    assert_eq!(read_error(&with(100, "Đ")), PassError::Damaged);
    // The last character carries one bit of the token and four of padding.
    assert_eq!(read_error(&with(TOKEN_CHARS - 1, "7")), PassError::Damaged);
    assert_eq!(read_error(&format!("{token}A")), PassError::Damaged);
    assert_eq!(read_error(&format!("{token}{}", "A".repeat(100_000))), PassError::Damaged);
}

#[test]
fn the_version_is_looked_at_before_anything_that_it_decides() {
    let mut token = issue(&secret(), &pass());
    token.replace_range(5..7, "AI");
    assert_eq!(read_error(&token), PassError::UnknownVersion(2));
    assert_eq!(read_error(&token[..100]), PassError::UnknownVersion(2));
    assert_eq!(read_error(&format!("{token}AAAAAAAA")), PassError::UnknownVersion(2));
}

#[test]
fn a_key_speaks_for_the_passes_of_its_time() {
    let token = issue(&secret(), &pass());
    let verify_with = |keys: &[PassKey]| read(&token).expect("it was just issued").verify(keys, noon(), SKEW);
    let (key, issued) = (keys()[0], pass().issued.time());
    let unknown = Err(PassError::UnknownKey(pass().key_id));
    assert_eq!(verify_with(&[]), unknown);
    assert_eq!(verify_with(&[PassKey { id: 8, ..key }]), unknown);
    assert_eq!(verify_with(&[PassKey { until: Some(issued), ..key }]), unknown);
    assert_eq!(verify_with(&[PassKey { from: TimeMs::new(issued.get() + 1), ..key }]), unknown);
    let reused =
        PassKey { key: SigningKey::from_bytes(&[9; 32]).verifying_key(), until: Some(issued), ..key };
    assert_eq!(verify_with(&[reused, PassKey { from: issued, ..key }]), Ok(pass()));
}

#[test]
fn another_key_with_the_same_number_does_not_verify() {
    let token = issue(&SigningKey::from_bytes(&[9; 32]), &pass());
    assert_eq!(verify(&token, noon()), Err(PassError::BadSignature));
}

#[test]
fn instants_outside_a_token_s_range_have_no_seconds() {
    assert_eq!(UnixSeconds::of(TimeMs::new(-1)), None);
    assert_eq!(UnixSeconds::of(TimeMs::new(1_999)), Some(UnixSeconds::new(1)));
    assert_eq!(UnixSeconds::of(TimeMs::new(4_294_967_296_000)), None);
    assert_eq!(UnixSeconds::new(u32::MAX).time(), TimeMs::new(4_294_967_295_000));
}

#[test]
fn a_number_is_read_as_people_type_it() {
    let id = PassId::new(1);
    let text = id.to_string();
    assert_eq!(text.len(), "XXXXX-XXXXX-XXXX".len());
    let typed = [
        text.to_lowercase(),
        text.replace('-', ""),
        text.replace('-', " – "),
        text.replace('0', "o"),
        format!(" {text}\n"),
    ];
    for typed in typed {
        assert_eq!(typed.parse(), Ok(id), "{typed}");
    }
    for wrong in ["", "00000-00000-000", "00000-00000-00000", "00000-00000-000U", "điểm"] {
        assert_eq!(wrong.parse::<PassId>(), Err(PassIdError::NotANumber), "{wrong}");
    }
}

#[test]
fn a_number_with_padding_that_is_not_zero_is_refused() {
    // 0000000000001 has its padding bit set; its check character is x.
    assert_eq!("00000-00000-0012".parse::<PassId>(), Err(PassIdError::Mistyped));
    assert_eq!("00000-00000-0000".parse(), Ok(PassId::new(0)));
}

#[test]
fn a_subject_s_code_is_read_as_people_type_it() {
    let code = SubjectCode::new([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    let text = code.to_string();
    assert_eq!(text.len(), SubjectCode::CHARS);
    assert_eq!(text.to_lowercase().replace('0', "o").replace('1', "l").parse(), Ok(code));
    assert_eq!(text[..15].parse::<SubjectCode>(), Err(SubjectCodeError));
    assert_eq!(format!("{text}0").parse::<SubjectCode>(), Err(SubjectCodeError));
    assert!(!format!("{code:?}").contains(&text));
}

proptest! {
    #[test]
    fn every_pass_comes_back(pass in any_pass()) {
        let unverified = read(&issue(&secret(), &pass)).expect("it was just issued");
        let now = pass.issued.time();
        let back = unverified.verify(&[PassKey { id: pass.key_id, ..keys()[0] }], now, Duration::ZERO);
        if pass.issued < pass.valid_until {
            prop_assert_eq!(back, Ok(pass));
        } else {
            prop_assert_eq!(back, Err(PassError::Expired { at: pass.valid_until.time() }));
        }
    }

    #[test]
    fn no_changed_bit_is_taken(byte in 0..102_usize, bit in 0..8_u8) {
        let token = issue(&secret(), &pass());
        let mut bytes = data_encoding::BASE32_NOPAD.decode(&token.as_bytes()[5..]).expect("it is base32");
        bytes[byte] ^= 1 << bit;
        let forged = format!("{PREFIX}{}", data_encoding::BASE32_NOPAD.encode(&bytes));
        let error = verify(&forged, noon()).expect_err("a bit is wrong");
        let expected = match byte {
            0 => PassError::UnknownVersion(bytes[0]),
            1..3 => PassError::UnknownKey(u16::from_be_bytes([bytes[1], bytes[2]])),
            _ => PassError::BadSignature,
        };
        prop_assert_eq!(error, expected);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,300}", at in 0..200_usize, tail in "[A-Z2-7 \\PC]{0,200}") {
        let _ = (text.parse::<PassId>(), text.parse::<SubjectCode>());
        prop_assert!(verify(&text, noon()).is_err());
        let mut spliced: String = issue(&secret(), &pass()).chars().take(at).collect();
        spliced.push_str(&tail);
        let spliced_is_whole = at >= TOKEN_CHARS && tail.trim().is_empty();
        prop_assert!(verify(&spliced, noon()).is_err() || spliced_is_whole);
    }

    #[test]
    fn numbers_and_codes_come_back(number: u64, bytes: [u8; 10]) {
        prop_assert_eq!(PassId::new(number).to_string().parse(), Ok(PassId::new(number)));
        let code = SubjectCode::new(bytes);
        prop_assert_eq!(code.to_string().parse(), Ok(code));
    }

    #[test]
    fn numbers_are_ordered_as_their_texts(a: u64, b: u64) {
        let (one, other) = (PassId::new(a), PassId::new(b));
        let front = |id: PassId| id.to_string()[..15].to_owned();
        prop_assert_eq!(one.cmp(&other), front(one).cmp(&front(other)));
    }

    #[test]
    fn a_wrong_character_and_a_swap_are_found(number: u64, at in 0..14_usize, with in 0..14_usize, by in 0..32_usize) {
        let text = PassId::new(number).to_string().replace('-', "").into_bytes();
        let mut changed = text.clone();
        changed[at] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"[by];
        let mut swapped = text.clone();
        swapped.swap(at, with);
        for typed in [changed, swapped].into_iter().filter(|typed| *typed != text) {
            let typed = String::from_utf8(typed).expect("ASCII");
            prop_assert_eq!(typed.parse::<PassId>(), Err(PassIdError::Mistyped));
        }
    }
}

fn any_pass() -> impl Strategy<Value = Pass> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let facts = (any::<u16>(), any::<u64>(), any::<[u8; 10]>(), any::<u32>(), any::<u32>());
    (facts, flags, any::<u32>(), any::<u32>()).prop_map(
        |((key_id, id, subject, issued, until), (registered, vehicle, companions), home, destination)| Pass {
            key_id,
            id: PassId::new(id),
            subject: SubjectCode::new(subject),
            issued: UnixSeconds::new(issued),
            valid_until: UnixSeconds::new(until),
            flags: PassFlags { registered, vehicle, companions },
            home: AreaNumber::new(home),
            destination: AreaNumber::new(destination),
        },
    )
}

fn pass() -> Pass {
    Pass {
        key_id: 7,
        id: PassId::new(0x0123_4567_89AB_CDEF),
        subject: SubjectCode::new(*b"0123456789"),
        issued: UnixSeconds::new(1_628_121_600),
        valid_until: UnixSeconds::new(1_628_121_600 + 72 * 3_600),
        flags: PassFlags { registered: true, vehicle: false, companions: true },
        home: AreaNumber::new(26_740),
        destination: None,
    }
}

fn noon() -> TimeMs {
    TimeMs::new(1_628_164_800_000)
}

fn verify(token: &str, now: TimeMs) -> Result<Pass, PassError> {
    read(token)?.verify(&keys(), now, SKEW)
}

fn read_error(text: &str) -> PassError {
    read(text).map(|_| ()).expect_err("no pass")
}

fn keys() -> [PassKey; 1] {
    [PassKey { id: 7, key: secret().verifying_key(), from: TimeMs::new(0), until: None }]
}

fn secret() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}
