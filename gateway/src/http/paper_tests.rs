//! Paper at a real server on loopback: who may enter what, tables good and bad, nothing twice.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};
use serde_json::{Value, json};
use truyvet_schemas::TimeMs;

use super::people_tests::{AN, Browser, MAI, declaration, mai, served};
use crate::people::Heard;

const COLUMNS: &str = "name:A,birth_date:B,sex:C,document:D,permanent:E,to:F,departs_at:G";
const HEADER: &str = "Họ tên,Ngày sinh,Giới tính,CCCD,Thường trú,Nơi đến,Ngày đi\n";

/// Tomorrow, as people write it.
fn tomorrow() -> String {
    let text = TimeMs::new(TimeMs::now().get() + 31 * 3_600_000).rfc3339();
    let date: Vec<&str> = text.split('T').next().expect("a date").rsplit('-').collect();
    date.join("/")
}

/// A row of somebody born in 1990.
fn row(name: &str, number: u32) -> String {
    format!("{name},2/3/1990,Nam,0010900{number:05},\"Phường Bến Nghé, Tỉnh Một\",W2,{}\n", tomorrow())
}

impl Browser<'_> {
    fn send_table(&self, table: &[u8], wishes: &str) -> (u16, Value) {
        let (status, body) =
            self.ask("POST", &format!("/api/v1/paper/uploads?columns={COLUMNS}{wishes}"), &[], table);
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// Sends a table, and tells what became of it.
    fn upload(&self, table: &[u8]) -> Value {
        let (status, begun) = self.send_table(table, "&accept_mismatches=true");
        assert_eq!(status, 202, "{begun}");
        self.ended(&begun)
    }

    fn ended(&self, begun: &Value) -> Value {
        let path = format!("/api/v1/paper/uploads/{}", begun["upload"].as_str().expect("its id"));
        loop {
            let (status, told) = self.get(&path);
            assert_eq!(status, 200, "{told}");
            if told["state"] != "running" {
                return told;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn preview(&self, table: &[u8], wishes: &str) -> (u16, Value) {
        let (status, body) = self.ask("POST", &format!("/api/v1/paper/preview?{wishes}"), &[], table);
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    fn text(&self, path: &str) -> String {
        let (status, body) = self.ask("GET", path, &[], b"");
        let text = String::from_utf8(body).expect("text");
        assert_eq!(status, 200, "{text}");
        text
    }
}

pub(super) fn counts(told: &Value) -> (u64, u64, u64) {
    let count = |name: &str| told[name].as_u64().expect("a count");
    (count("accepted"), count("was_there"), count("refused"))
}

/// Row, column and code of each flaw.
fn flaws(told: &Value) -> Vec<(u64, String, String)> {
    flaws_by(told, "column")
}

/// Row, what it is told by, and code of each flaw.
pub(super) fn flaws_by(told: &Value, by: &str) -> Vec<(u64, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let flaws = told["flaws"].as_array().expect("flaws").iter();
    flaws.map(|flaw| (flaw["row"].as_u64().expect("a row"), text(&flaw[by]), text(&flaw["code"]))).collect()
}

pub(super) fn flaw(row: u64, by: &str, code: &str) -> (u64, String, String) {
    (row, by.to_owned(), code.to_owned())
}

fn on_paper(declaration: &Value) -> Value {
    json!({"declaration": declaration, "document_seen": true, "accept_mismatches": true})
}

#[test]
fn an_official_enters_somebody_without_a_telephone_who_is_let_through() {
    let (server, _folder) = served();
    let ward = Browser::new(&server).sign_in("xa1");
    let (status, made) = ward.post("/api/v1/paper/declarations", &on_paper(&mai()));
    assert_eq!((status, &made["state"]), (201, &json!("verified")), "the document was seen: {made}");
    let officer = Browser::new(&server).sign_in("chot1");
    let (_, checked) = officer.post("/api/v1/checkpoint/check", &json!({"token": made["pass"]["token"]}));
    assert_eq!((&checked["verdict"], &checked["facts"]["name"]), (&json!("valid"), &json!("Trần Thị Mai")));
    let citizen = Browser::new(&server).redeem(MAI, "0901234567");
    let (_, own) = citizen.get("/api/v1/declarations");
    assert_eq!(own["declarations"], json!([]), "no telephone reaches what was declared without one");
    let (_, log) = Browser::new(&server).sign_in("quantri").get("/api/v1/audit?limit=100");
    let acts = log["entries"].as_array().expect("entries").iter();
    let made: Vec<_> =
        acts.filter(|act| act["action"] == "declaration.make").map(|act| &act["actor"]).collect();
    assert_eq!(made, ["xa1"], "{log}");
}

#[test]
fn with_the_citizens_telephone_the_citizen_reaches_it_too() {
    let (server, _folder) = served();
    let ward = Browser::new(&server).sign_in("xa1");
    let mut sent = on_paper(&mai());
    sent["phone"] = json!("0901 234 567");
    assert_eq!(ward.post("/api/v1/paper/declarations", &sent).0, 201);
    let (_, own) = Browser::new(&server).redeem(MAI, "0901234567").get("/api/v1/declarations");
    assert_eq!(own["declarations"].as_array().map(Vec::len), Some(1), "{own}");
    sent["phone"] = json!("12");
    let (status, told) = ward.post("/api/v1/paper/declarations", &sent);
    assert_eq!((status, &told["errors"]), (422, &json!([{"field": "phone", "code": "form"}])));
}

#[test]
fn officials_enter_the_people_of_their_area_officers_whoever_stands_before_them() {
    let (server, _folder) = served();
    let enter = |account: &str, declaration: &Value| {
        let browser = Browser::new(&server).sign_in(account);
        browser.post("/api/v1/paper/declarations", &on_paper(declaration)).0
    };
    assert_eq!(enter("xa1", &mai()), 201, "lives there");
    assert_eq!(enter("yte3", &mai()), 403, "neither lives there nor travels there");
    let mut to_w3 = mai();
    to_w3["journey"]["to"] = json!("W3");
    assert_eq!(enter("yte3", &to_w3), 201, "travels there");
    assert_eq!(enter("chot1", &mai()), 201, "stands before the officer");
    for account in ["dichte", "maychu", "quantri"] {
        assert_eq!(enter(account, &mai()), 403, "{account}");
    }
    let nobody = Browser::new(&server);
    assert_eq!(
        nobody.post("/api/v1/paper/declarations", &on_paper(&mai())).0,
        401,
        "this machine alone may not"
    );
    assert_eq!(nobody.preview(b"a,b", "").0, 401);
    assert_eq!(nobody.send_table(b"a,b", "").0, 401);
    let citizen = Browser::new(&server).redeem(MAI, "0901234567");
    assert_eq!(citizen.post("/api/v1/paper/declarations", &on_paper(&mai())).0, 403);
    assert_eq!(citizen.send_table(b"a,b", "").0, 403);
}

#[test]
fn one_entry_is_kept_once_and_what_the_register_contradicts_is_told() {
    let (server, _folder) = served();
    let ward = Browser::new(&server).sign_in("xa1");
    let send = |declaration: &Value, key: &str, accept: bool, seen: bool| {
        let body = json!({"declaration": declaration, "document_seen": seen, "accept_mismatches": accept});
        let headers = [("idempotency-key", key)];
        let (status, body) =
            ward.ask("POST", "/api/v1/paper/declarations", &headers, body.to_string().as_bytes());
        (status, serde_json::from_slice::<Value>(&body).expect("JSON"))
    };
    let an = declaration(AN, "Nguyễn Văn An");
    let (status, first) = send(&an, "1", false, false);
    assert_eq!((status, &first["state"]), (201, &json!("verified")), "the register agrees: {first}");
    assert_eq!(send(&an, "1", false, false).1["declaration"], first["declaration"], "the same once more");
    assert_ne!(send(&an, "2", false, false).1["declaration"], first["declaration"]);
    let wrong = declaration(AN, "Nguyễn Văn Anh");
    let (status, told) = send(&wrong, "3", false, true);
    assert_eq!((status, &told["errors"]), (409, &json!([{"field": "person.name", "code": "disagrees"}])));
    assert_eq!(send(&wrong, "3", true, false).1["state"], "unverified");
    assert_eq!(send(&wrong, "4", true, true).1["state"], "verified", "the document was seen");
    assert_eq!(send(&mai(), "1", true, true).0, 201, "another person's documents are another request");
}

#[test]
fn the_same_table_twice_and_a_corrected_one_add_nothing_twice() {
    let (server, _folder) = served();
    let ward = Browser::new(&server).sign_in("xa1");
    let (good, bad) =
        (row("An", 1) + &row("Bình", 2) + &row("Bình", 2), row("Cúc", 3).replace("2/3/1990", "1990"));
    let table = format!("{HEADER}{good}{bad}");
    let first = ward.upload(table.as_bytes());
    assert_eq!(
        (&first["state"], counts(&first)),
        (&json!("done"), (3, 0, 1)),
        "equal rows are two declarations"
    );
    assert_eq!(flaws(&first), [flaw(5, "B", "year_alone")]);
    let again = ward.upload(table.as_bytes());
    assert_eq!(counts(&again), (0, 3, 1), "nothing twice");
    let path =
        format!("/api/v1/paper/uploads/{}/refused.csv?lang=en", first["upload"].as_str().expect("an id"));
    let refused = ward.text(&path);
    assert!(
        refused.starts_with("\u{feff}Họ tên,Ngày sinh") && refused.contains("is a year alone"),
        "{refused}"
    );
    let corrected = ward.upload(refused.replace(",1990,", ",2/3/1990,").as_bytes());
    assert_eq!(counts(&corrected), (1, 0, 0), "the list of refused rows is a table again");
    let whole = ward.upload(table.replace(",1990,", ",2/3/1990,").as_bytes());
    assert_eq!(counts(&whole), (0, 4, 0));
    let other = Browser::new(&server).sign_in("chot1");
    assert_eq!(counts(&other.upload(table.as_bytes())), (0, 3, 1), "whoever sends it");
    let stranger = other.get(&format!("/api/v1/paper/uploads/{}", first["upload"].as_str().expect("an id")));
    assert_eq!(stranger.0, 404, "each sees their own uploads");
    let (_, log) = Browser::new(&server).sign_in("quantri").get("/api/v1/audit?limit=1000");
    let acts = log["entries"].as_array().expect("entries").iter();
    assert_eq!(acts.filter(|act| act["action"] == "declaration.make").count(), 4, "one act a declaration");
    assert!(!log.to_string().contains("Bình"), "no name is in the log");
}

#[test]
fn rows_that_are_sent_again_with_their_documents_seen_are_verified_and_told() {
    let (server, _folder) = served();
    let app = Arc::clone(&server.app);
    let telling = std::thread::spawn(move || app.people.tell_listeners(|| app.is_stopping()));
    let mut heard = server.app.people.live.listen("W2").expect("it goes on");
    let ward = Browser::new(&server).sign_in("xa1");
    let table = format!("{HEADER}{}{}", row("An", 1), row("Bình", 2));
    assert_eq!(counts(&ward.upload(table.as_bytes())), (2, 0, 0));
    let (_, entries) = ward.get("/api/v1/paper/entries");
    let states = |entries: &Value| -> Vec<String> {
        let entries = entries["entries"].as_array().expect("a list").iter();
        entries.map(|entry| entry["state"].as_str().expect("a word").to_owned()).collect()
    };
    assert_eq!(states(&entries), ["unverified"; 2]);
    let officer = Browser::new(&server).sign_in("chot1");
    for _ in 0..2 {
        let (_, begun) = officer.send_table(table.as_bytes(), "&accept_mismatches=true&document_seen=true");
        assert_eq!(counts(&officer.ended(&begun)), (0, 2, 0));
    }
    assert_eq!(states(&ward.get("/api/v1/paper/entries").1), ["verified"; 2]);
    let pass = &entries["entries"][0]["pass"];
    let (_, checked) = officer.post("/api/v1/checkpoint/check", &json!({"pass": pass}));
    assert_eq!(checked["verdict"], "valid", "{checked}");
    let until = std::time::Instant::now() + Duration::from_secs(20);
    let mut told = 0;
    while told < 2 {
        assert!(std::time::Instant::now() < until, "the ward of destination hears of {told}");
        told += usize::from(matches!(heard.try_recv(), Ok(Heard::Notice { what: "declared", .. })));
        std::thread::sleep(Duration::from_millis(5));
    }
    let log = server.app.people.registry.audit(1, 1_000).expect("whole");
    let acts = log.iter().filter(|entry| entry.act.action == "declaration.verify");
    let by: Vec<&str> = acts.map(|entry| entry.act.actor.as_str()).collect();
    assert_eq!(by, ["chot1", "chot1"], "once each");
    let number = entries["entries"][0]["declaration"].as_str().and_then(|number| number.parse().ok());
    let registry = &server.app.people.registry;
    let is_own = registry.has_entered("chot1", number.expect("a number")).expect("readable");
    assert!(is_own, "and it lets nobody look at the person who said so themselves");
    server.app.stop();
    telling.join().expect("no panic");
}

#[test]
fn a_file_that_is_cut_off_on_its_way_adds_nothing() {
    let (server, _folder) = served();
    let ward = Browser::new(&server).sign_in("xa1");
    let table = format!("{HEADER}{}{}", row("An", 1), row("Bình", 2));
    let cookie = ward.cookie();
    let address = server.url.strip_prefix("http://").expect("its address");
    for path in [format!("/api/v1/paper/uploads?columns={COLUMNS}"), "/api/v1/paper/preview".to_owned()] {
        let mut half = TcpStream::connect(address).expect("a listener");
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\ncookie: {cookie}\r\ncontent-length: {}\r\n\r\n",
            table.len()
        );
        half.write_all(head.as_bytes()).expect("taken");
        half.write_all(&table.as_bytes()[..table.len() - 20]).expect("taken");
        half.shutdown(std::net::Shutdown::Write).expect("half closed");
        let mut answer = String::new();
        half.read_to_string(&mut answer).ok();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    let (_, entries) = ward.get("/api/v1/paper/entries");
    assert_eq!(entries["entries"], json!([]), "nothing of it was taken");
    assert_eq!(counts(&ward.upload(table.as_bytes())), (2, 0, 0), "and there is room for the next");
}

#[test]
fn an_upload_that_the_server_breaks_off_goes_on_when_it_is_sent_again() {
    let (server, _folder) = served();
    let ward = Browser::new(&server).sign_in("xa1");
    let rows: String = (0..4_000).map(|number| row("An", number)).collect();
    let table = format!("{HEADER}{rows}");
    let (status, begun) = ward.send_table(table.as_bytes(), "&accept_mismatches=true");
    assert_eq!(status, 202, "{begun}");
    server.app.stop();
    let stopped = ward.ended(&begun);
    let (accepted, _, refused) = counts(&stopped);
    assert_eq!((&stopped["state"], refused), (&json!("stopped"), 0), "{stopped}");
    assert!(accepted < 4_000, "it was broken off");
    // The same directory, as after a start: what an application says while it stops is not undone.
    let account = server.app.people.registry.account("xa1").expect("readable").expect("there");
    let entered = || server.app.people.entered(&account, 0, 5_000).expect("readable").len() as u64;
    assert_eq!(entered(), accepted, "what was told is on disk, and no more");
    let sent = crate::paper::Sent {
        table: crate::paper::Table::read(table.as_bytes(), 0).expect("a table"),
        header: crate::paper::Header::of(
            &crate::paper::Table::read(table.as_bytes(), 0).expect("a table"),
            crate::paper::Form::Declarations,
        ),
        mapping: crate::paper::Mapping::parse(crate::paper::Form::Declarations, COLUMNS).expect("columns"),
        rows: crate::paper::Declarations,
        account: account.clone(),
        document_seen: false,
        accept_mismatches: true,
    };
    let again = crate::paper::Upload::new(&sent);
    again.run(&server.app.people, sent, || false);
    let progress = again.progress();
    assert_eq!(u64::from(progress.was_there), accepted);
    assert_eq!((u64::from(progress.accepted), entered()), (4_000 - accepted, 4_000));
}

#[test]
fn a_column_that_is_missing_is_told_before_anything_is_taken() {
    let (server, _folder) = served();
    let ward = Browser::new(&server).sign_in("xa1");
    let table = format!("Họ tên,Ngày sinh,CCCD,Thường trú\nAn,2/3/1990,{AN},W1\n");
    let (status, told) = ward.preview(table.as_bytes(), "");
    assert_eq!((status, &told["missing"], &told["good"]), (200, &json!(["to", "departs_at"]), &json!(0)));
    let path = "/api/v1/paper/uploads?columns=name:A,birth_date:B,document:C,permanent:D";
    let (status, body) = ward.ask("POST", path, &[], table.as_bytes());
    let told: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(status, 422);
    assert_eq!(told["errors"][0], json!({"field": "columns.to", "code": "missing"}));
    assert_eq!(ward.get("/api/v1/paper/entries").1["entries"], json!([]));
    assert_eq!(ward.ask("POST", "/api/v1/paper/uploads?columns=name:1", &[], b"a").0, 400);
    assert_eq!(ward.ask("POST", "/api/v1/paper/uploads", &[], b"a").0, 400);
}

#[test]
fn a_spreadsheet_with_formulas_merged_cells_and_three_date_formats_is_taken_row_by_row() {
    let (server, _folder) = served();
    let ward = Browser::new(&server).sign_in("xa1");
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    let (plain, day) = (Format::new(), Format::new().set_num_format("dd/mm/yyyy"));
    sheet.merge_range(0, 0, 0, 6, "DANH SÁCH KHAI BÁO", &plain).expect("room");
    for (column, name) in HEADER.trim().split(',').enumerate() {
        sheet.write_string(1, column as u16, name).expect("room");
    }
    for at in 0..6_u32 {
        let row = at + 2;
        sheet.write_string(row, 0, format!("Người {at}")).expect("room");
        sheet.write_string(row, 2, "Nam").expect("room");
        sheet.write_number(row, 3, f64::from(1_090_000_010 + at)).expect("room");
        sheet.write_string(row, 5, "Xã Đất Mũi").expect("room");
        sheet.write_string(row, 6, tomorrow()).expect("room");
    }
    let born = ExcelDateTime::from_ymd(1990, 3, 2).expect("a day");
    sheet.write_string(2, 1, "2/3/1990").expect("room");
    sheet.write_string(3, 1, "02-03-1990").expect("room");
    sheet.write_datetime_with_format(4, 1, &born, &day).expect("room");
    sheet.write_string(5, 1, "1990-03-02").expect("room");
    sheet.write_number(6, 1, 32_934.0).expect("room");
    sheet.write_formula(7, 1, Formula::new("=1/0").set_result("#DIV/0!")).expect("room");
    sheet.write_formula(2, 4, Formula::new("=\"W\"&1").set_result("W1")).expect("room");
    for row in [3, 4, 7] {
        sheet.write_string(row, 4, "W1").expect("room");
    }
    sheet.merge_range(5, 4, 6, 4, "W1", &plain).expect("room");
    let table = book.save_to_buffer().expect("memory takes all");
    let (status, preview) = ward.preview(&table, "");
    assert_eq!(status, 200, "{preview}");
    assert_eq!((&preview["header_row"], &preview["remembered"]), (&json!(2), &json!(false)));
    assert_eq!(
        (&preview["rows"], &preview["good"], &preview["bad"]),
        (&json!(6), &json!(4), &json!(2)),
        "{preview}"
    );
    let expected = [flaw(7, "E", "merged"), flaw(8, "B", "formula")];
    assert_eq!(flaws(&preview), expected);
    for row in 0..4 {
        assert_eq!(preview["first"][row]["fields"]["birth_date"], "1990-03-02", "{preview}");
    }
    assert_eq!(preview["first"][0]["fields"]["document"], "001090000010", "its zeros are back");
    assert_eq!(preview["first"][0]["fields"]["to"], "Xã Đất Mũi, Tỉnh Hai");
    let told = ward.upload(&table);
    assert_eq!((counts(&told), flaws(&told)), ((4, 0, 2), expected.to_vec()));
    let cut = ward.send_table(&table[..table.len() / 2], "");
    assert_eq!(cut.0, 400, "a spreadsheet that was cut off: {}", cut.1);
}

#[test]
fn columns_once_chosen_are_remembered_for_tables_with_this_header() {
    let (server, _folder) = served();
    let ward = Browser::new(&server).sign_in("xa1");
    let header = "Ai,Sinh,Phái,Số,Ở đâu,Đi đâu,Hôm nào\n";
    let table = format!("{header}{}", row("An", 1));
    let (_, before) = ward.preview(table.as_bytes(), "");
    assert_eq!(before["remembered"], false);
    assert!(before["missing"].as_array().is_some_and(|missing| missing.len() > 3), "{before}");
    ward.upload(table.as_bytes());
    let (_, after) = ward.preview(table.as_bytes(), "");
    assert_eq!((&after["remembered"], &after["good"]), (&json!(true), &json!(1)), "{after}");
    assert_eq!(after["columns"]["departs_at"], "G");
    let (_, chosen) = ward.preview(table.as_bytes(), "columns=name:B");
    assert_eq!((&chosen["remembered"], &chosen["columns"]), (&json!(false), &json!({"name": "B"})));
    let other = Browser::new(&server).sign_in("chot1");
    assert_eq!(other.preview(table.as_bytes(), "").1["remembered"], false, "each account has its own");
}

#[test]
fn rows_beyond_the_officials_reach_and_people_of_two_documents_are_refused() {
    let (server, _folder) = served();
    let health = Browser::new(&server).sign_in("yte3");
    let far = format!("{HEADER}{}", row("An", 1));
    assert_eq!(health.preview(far.as_bytes(), "").1["bad"], 1);
    let told = health.upload(far.as_bytes());
    assert_eq!(flaws(&told), [flaw(2, "", "out_of_reach")]);
    let ward = Browser::new(&server).sign_in("xa1");
    // The register knows nobody of this number, and the number says that it is a man's.
    let wrong_sex = format!("{HEADER}{}", row("Bình", 7).replace("Nam", "Nữ"));
    let (status, begun) = ward.send_table(wrong_sex.as_bytes(), "");
    assert_eq!(status, 202, "{begun}");
    assert_eq!(flaws(&ward.ended(&begun)), [flaw(2, "D", "unknown"), flaw(2, "C", "disagrees")]);
    let (status, begun) = ward.send_table(wrong_sex.as_bytes(), "&accept_mismatches=true");
    assert_eq!((status, counts(&ward.ended(&begun))), (202, (1, 0, 0)));
}

#[test]
fn passes_are_printed_eight_to_a_page_with_their_names() {
    let (server, _folder) = served();
    let ward = Browser::new(&server).sign_in("xa1");
    let rows: String = (1..=9).map(|number| row(&format!("Người Số {number}"), number)).collect();
    let told = ward.upload(format!("{HEADER}{rows}").as_bytes());
    assert_eq!((counts(&told), &told["sheets"]), ((9, 0, 0), &json!(2)));
    let path = |sheet: &str| {
        format!("/api/v1/paper/uploads/{}/sheets/{sheet}", told["upload"].as_str().expect("an id"))
    };
    let first = ward.text(&path("1?lang=en"));
    assert_eq!(first.matches("Valid until").count(), 8);
    assert!(first.contains("Người Số 1<") && first.contains("Người Số 8<") && !first.contains("Người Số 9<"));
    let second = ward.text(&path("2"));
    assert!(second.contains("Người Số 9<") && second.matches("Có giá trị đến").count() == 1);
    for (sheet, status) in [("3", 404), ("0", 400), ("x", 400)] {
        assert_eq!(ward.ask("GET", &path(sheet), &[], b"").0, status, "{sheet}");
    }
    ward.post("/api/v1/paper/declarations", &on_paper(&mai()));
    let (_, listed) = ward.get("/api/v1/paper/entries");
    assert_eq!(listed["entries"].as_array().map(Vec::len), Some(10));
    assert!(!listed.to_string().contains("Mai"), "the list names nobody");
    let last = ward.text("/api/v1/paper/entries/sheets/2");
    assert!(last.contains("Trần Thị Mai"), "the last entered stands last");
    let later = TimeMs::now().get() + 60_000;
    assert_eq!(ward.get(&format!("/api/v1/paper/entries?since={later}")).1["entries"], json!([]));
    let other = Browser::new(&server).sign_in("chot1");
    assert_eq!(other.ask("GET", "/api/v1/paper/entries/sheets/1", &[], b"").0, 404, "others entered nothing");
    let (_, log) = Browser::new(&server).sign_in("quantri").get("/api/v1/audit?limit=1000");
    let printed =
        log["entries"].as_array().expect("entries").iter().filter(|act| act["action"] == "pass.print");
    assert_eq!(printed.count(), 3, "what is printed is in the audit log");
}

#[test]
fn what_is_no_table_or_too_large_is_told() {
    let (server, _folder) = served();
    let ward = Browser::new(&server).sign_in("xa1");
    assert_eq!(ward.preview(b"", "").0, 400);
    assert_eq!(ward.preview(b"H\xe0 N\xf4i", "").0, 400);
    assert_eq!(ward.preview(b"PK\x03\x04 and nothing", "").0, 400);
    assert_eq!(ward.preview(b"a,b\n1,2\n", "sheet=3").0, 400);
    assert_eq!(ward.preview(&vec![b'a'; (32 << 20) + 1], "").0, 413);
    assert_eq!(ward.preview("a\n".repeat(100_001).as_bytes(), "").0, 413);
    assert_eq!(ward.preview(b"a,b\n", "").0, 200, "and the next one is read");
}

#[test]
fn a_preview_ends_when_the_server_stops() {
    let (server, _folder) = served();
    let ward = Browser::new(&server).sign_in("xa1");
    let table = format!("{HEADER}{}", row("An", 1));
    let preview = || ward.preview(table.as_bytes(), &format!("columns={COLUMNS}")).0;
    assert_eq!(preview(), 200);
    server.app.stop();
    assert_eq!(preview(), 503);
}
