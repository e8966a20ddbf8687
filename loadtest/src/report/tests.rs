use super::*;

fn report() -> Report {
    let mut histogram = Histogram::new_with_bounds(1, 600_000_000, 3).expect("as given");
    (1..=100_000u64).for_each(|i| histogram.record(800 + i / 20 + (i / 99_000) * 40_000).expect("as given"));
    let mut report = Report::new("Load on the ingest path", 1_628_000_000_000);
    report.parameters = vec![Parameter::new("devices", 32), Parameter::new("batch", "500 <scans>")];
    report.totals = Totals { sent: 90_000_000, acknowledged: 90_000_000, seconds: 60.0, ..Totals::default() };
    report.totals.scans_per_second = 1_500_000.0;
    report.bare_rate = Some(4_500_000.0);
    report.server_memory_bytes = Some(800 << 20);
    report.latencies = vec![
        Latency::of("sent to acknowledged", &histogram),
        Latency::of("sent to visible in a query", &histogram),
    ];
    report.timeline = (1..=60)
        .map(|at_s| Second {
            at_s,
            acknowledged: 1_500_000 + (at_s * 7_919) % 90_000,
            p50_us: 3_000 + at_s,
            p99_us: 20_000 + (at_s * 997) % 9_000,
            connected: 32,
            in_flight: 80_000,
        })
        .collect();
    report.checks = vec![Check::new("the server holds exactly what was sent", true, "90000000 sent".into())];
    report
}

#[test]
fn quantiles_come_from_the_histogram() {
    let report = report();
    let ack = report.latency("sent to acknowledged").expect("as given");
    assert_eq!(ack.count, 100_000);
    assert!((3_290..=3_310).contains(&ack.p50_us), "{}", ack.p50_us);
    assert!(ack.p999_us > 40_000 && ack.curve.is_sorted_by(|a, b| a.0 <= b.0 && a.1 <= b.1));
}

#[test]
fn the_text_tells_rate_ratio_and_verdict() {
    let mut report = report();
    let text = report.text();
    for part in ["1,500,000 scans/s", "33 % of the bare rate", "800 MiB", "ok     the server holds", "PASSED"]
    {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
    report.checks.push(Check::new("no scan was refused", false, "3".into()));
    assert!(report.text().contains("BROKEN no scan was refused: 3") && report.text().contains("FAILED"));
}

#[test]
fn the_page_is_self_contained_and_escapes_what_it_shows() {
    let html = report().html();
    assert!(html.contains("500 &lt;scans&gt;") && html.contains("<polyline"));
    for request in ["http:", "https:", "src=", "href=", "<script", "url("] {
        assert!(!html.contains(request), "{request}");
    }
    assert!(!html.contains("NaN") && !html.contains("inf"));
}

#[test]
fn a_report_of_nothing_is_still_a_page() {
    let report = Report::new("Nothing", 0);
    assert!(report.html().contains("</html>") && report.text().contains("PASSED"));
}

#[test]
fn json_is_read_back() {
    let folder = tempfile::tempdir().expect("as given");
    let report = report();
    report.write(folder.path()).expect("as given");
    let text = std::fs::read_to_string(folder.path().join("report.json")).expect("as given");
    assert_eq!(serde_json::from_str::<Report>(&text).expect("as given"), report);
    assert!(folder.path().join("report.html").exists());
}
