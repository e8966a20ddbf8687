//! A table of declarations that one official uploads: how long until every row has its pass.

use std::error::Error;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::ProgressBar;
use serde_json::{Value, json};
use truyvet_schemas::TimeMs;

use super::browser::Browser;

/// Arguments of `paper`.
#[derive(Clone, Debug, Args)]
pub struct PaperArgs {
    /// Address of a running server
    #[arg(long, value_name = "URL")]
    pub url: String,
    /// Account of an official who may enter paper, whose password stands in TRUYVET_PASSWORD
    #[arg(long, value_name = "NAME")]
    pub official: String,
    /// Code of an area that people live in, and leave from
    #[arg(long, value_name = "CODE")]
    pub from: String,
    /// Code of an area that they go to
    #[arg(long, value_name = "CODE")]
    pub to: String,
    /// Rows of the table
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rows: u32,
    /// Longest time that the upload may take, in seconds
    #[arg(long, default_value_t = 60)]
    pub within_s: u64,
}

/// What was seen of an upload.
pub struct Uploaded {
    rows: u32,
    /// Until the server had the file and began.
    begun: Duration,
    /// Until every row was looked at.
    ended: Duration,
    /// Until the same table, sent again, was recognised row by row.
    again: Duration,
    is_whole: bool,
    is_nothing_twice: bool,
    within: Duration,
}

impl Uploaded {
    /// Whether every row was taken once, in time.
    pub fn passed(&self) -> bool {
        self.is_whole && self.is_nothing_twice && self.ended <= self.within
    }

    /// What was seen, in words.
    pub fn text(&self) -> String {
        let rate = f64::from(self.rows) / self.ended.as_secs_f64();
        let yes = |is_so| if is_so { "yes" } else { "NO" };
        format!(
            "{} rows in {:.1} s ({rate:.0} a second; the file was read after {:.1} s)\n\
             every row has a pass: {}\nthe same table again: {:.1} s, nothing twice: {}\n",
            self.rows,
            self.ended.as_secs_f64(),
            self.begun.as_secs_f64(),
            yes(self.is_whole),
            self.again.as_secs_f64(),
            yes(self.is_nothing_twice),
        )
    }
}

/// Uploads a table twice, and tells what was seen.
///
/// # Errors
/// The server cannot be reached, or refuses.
pub fn upload(args: &PaperArgs) -> Result<Uploaded, Box<dyn Error>> {
    let official = Browser::new(&args.url);
    let password = std::env::var("TRUYVET_PASSWORD").map_err(|_| "set TRUYVET_PASSWORD to the official's")?;
    official.must_post("/api/v1/session", &json!({"account": args.official, "password": password}))?;
    let table = table(args, TimeMs::now());
    let started = Instant::now();
    let first = official.must_send(UPLOADS, table.as_bytes())?;
    let begun = started.elapsed();
    let first = follow(&official, &first)?;
    let ended = started.elapsed();
    let started = Instant::now();
    let second = official.must_send(UPLOADS, table.as_bytes())?;
    let second = follow(&official, &second)?;
    let count = |told: &Value, name: &str| told[name].as_u64().unwrap_or_default();
    let rows = u64::from(args.rows);
    Ok(Uploaded {
        rows: args.rows,
        begun,
        ended,
        again: started.elapsed(),
        is_whole: first["state"] == "done" && count(&first, "accepted") + count(&first, "was_there") == rows,
        is_nothing_twice: count(&second, "accepted") == 0 && count(&second, "was_there") == rows,
        within: Duration::from_secs(args.within_s),
    })
}

/// Asks how far it is until it has ended.
fn follow(official: &Browser, begun: &Value) -> Result<Value, Box<dyn Error>> {
    let path = format!("/api/v1/paper/uploads/{}", begun["upload"].as_str().unwrap_or_default());
    let bar = ProgressBar::new(begun["rows"].as_u64().unwrap_or_default());
    loop {
        let told = official.must_get(&path)?;
        let done = ["accepted", "was_there", "refused"].iter().filter_map(|name| told[name].as_u64()).sum();
        bar.set_position(done);
        if told["state"] != "running" {
            bar.finish_and_clear();
            return Ok(told);
        }
        std::thread::sleep(ASK_AGAIN);
    }
}

/// A table as an office makes it: places by name or code, days as people write them.
fn table(args: &PaperArgs, now: TimeMs) -> String {
    const DAY_MS: i64 = 86_400_000;
    let tomorrow = TimeMs::new(now.get() + DAY_MS).rfc3339();
    let tomorrow: Vec<&str> = tomorrow.split('T').next().unwrap_or_default().rsplit('-').collect();
    let tomorrow = tomorrow.join("/");
    let mut table =
        String::from("Họ và tên,Ngày sinh,Giới tính,Số CCCD,Nơi thường trú,Nơi đến,Ngày đi,Điện thoại\n");
    for row in 0..args.rows {
        let (day, month) = (row % 28 + 1, row / 28 % 12 + 1);
        // Each is somebody: six digits at random stand behind the year.
        let (year, number) = (60 + row % 40, row);
        let PaperArgs { from, to, .. } = args;
        writeln!(
            table,
            "Nguyễn Văn Số {row},{day}/{month}/19{year},Nam,0010{year}{number:06},{from},{to},{tomorrow},09{row:08}"
        )
        .expect("memory takes all");
    }
    table
}

const UPLOADS: &str = "/api/v1/paper/uploads?document_seen=true&columns=name:A,birth_date:B,sex:C,document:D,\
                       permanent:E,to:F,departs_at:G,phone:H";
const ASK_AGAIN: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_row_is_somebody_else_with_a_number_of_the_right_year() {
        let args = PaperArgs {
            url: String::new(),
            official: String::new(),
            from: "A".to_owned(),
            to: "B".to_owned(),
            rows: 500,
            within_s: 60,
        };
        let table = table(&args, TimeMs::new(1_772_409_600_000));
        let numbers: HashSet<&str> =
            table.lines().skip(1).filter_map(|line| line.split(',').nth(3)).collect();
        assert_eq!(numbers.len(), 500);
        for line in table.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!(
                (&cells[3][4..6], cells[3].len(), cells[6]),
                (&cells[1][cells[1].len() - 2..], 12, "03/03/2026")
            );
        }
    }
}
