//! Sheets: their pages, what stands on them, and that readers find every code of a page.

use roxmltree::{Document, Node};
use truyvet_qr::{Card, Field, Format, QrCode, pages};

use crate::grey::Grey;
use crate::readers::{rqrr, zbar};
use crate::tokens::tokens;

/// By zbar alone: rqrr takes corners of several codes for one.
#[test]
fn all_eight_codes_of_a_page_are_read_at_the_resolution_of_a_poor_scanner() {
    let mut printed: Vec<&str> = tokens().into_values().take(8).collect();
    let codes: Vec<QrCode> = printed.iter().map(|token| QrCode::new(token).expect("fits")).collect();
    let cards: Vec<Card<'_>> = codes.iter().map(|code| card(code, &[])).collect();
    let page = rasterised(&only_page(&cards, Format::Eight), PIXELS_PER_MM);
    let Some(mut read) = zbar(&[page]) else { return };
    printed.sort_unstable();
    read.sort_unstable();
    assert_eq!(read, printed);
}

#[test]
fn the_code_of_a_page_of_one_is_read() {
    let token = tokens()["valid"];
    let code = QrCode::new(token).expect("fits");
    let page = rasterised(&only_page(&[card(&code, &[])], Format::One), PIXELS_PER_MM / 2.0);
    assert_eq!(rqrr(&page), [token]);
    assert!(zbar(&[page]).is_none_or(|read| read == [token]));
}

#[test]
fn cards_fill_pages_in_their_order() {
    let code = code();
    let numbers: Vec<String> = (0..17).map(|number| format!("N{number}")).collect();
    let cards: Vec<Card<'_>> = numbers.iter().map(|number| Card { number, ..card(&code, &[]) }).collect();
    for (format, a_page) in [(Format::Eight, 8), (Format::One, 1)] {
        let told: Vec<Vec<String>> = pages(&cards, format).map(|page| titles(&page)).collect();
        let expected: Vec<Vec<String>> = numbers.chunks(a_page).map(<[String]>::to_vec).collect();
        assert_eq!(told, expected);
        assert_eq!(pages(&[], format).count(), 0);
    }
}

#[test]
fn a_page_has_the_size_of_a4() {
    for format in [Format::One, Format::Eight] {
        let page = only_page(&[card(&code(), &[])], format);
        let document = Document::parse(&page).expect("is XML");
        let root = document.root_element();
        assert_eq!((root.attribute("width"), root.attribute("height")), (Some("210mm"), Some("297mm")));
        assert_eq!(root.attribute("viewBox"), Some("0 0 21000 29700"));
    }
}

#[test]
fn what_is_told_stands_on_the_card_as_it_is() {
    let fields = [
        Field { label: "Họ và tên", text: "Nguyễn Thị Ánh" },
        Field { label: "Có giá trị đến", text: "07:00 ngày 08/08/2021" },
    ];
    for format in [Format::One, Format::Eight] {
        let page = only_page(&[card(&code(), &fields)], format);
        let expected = [
            "Phiếu đi lại",
            NUMBER,
            "Họ và tên",
            "Nguyễn Thị Ánh",
            "Có giá trị đến",
            "07:00 ngày 08/08/2021",
        ];
        assert_eq!(texts(&page).concat(), expected.concat());
    }
}

#[test]
fn a_card_of_eight_tells_the_four_weightiest_fields() {
    let labels: Vec<String> = (0..9).map(|index| format!("L{index}")).collect();
    let fields: Vec<Field<'_>> = labels.iter().map(|label| Field { label, text: "" }).collect();
    for (format, told) in [(Format::One, 8), (Format::Eight, 4)] {
        let texts = texts(&only_page(&[card(&code(), &fields)], format));
        assert_eq!(texts[2..], labels[..told]);
    }
}

#[test]
fn markup_in_a_name_stays_text() {
    let hostile = "</text><script>alert('1')</script>\u{0}\u{b}&amp;\"";
    let fields = [Field { label: hostile, text: hostile }];
    let page =
        only_page(&[Card { heading: hostile, number: hostile, ..card(&code(), &fields) }], Format::One);
    let document = Document::parse(&page).expect("is XML");
    let known = ["svg", "path", "title", "text"];
    let elements = document.descendants().filter(Node::is_element);
    assert!(elements.into_iter().all(|element| known.contains(&element.tag_name().name())));
    assert!(texts(&page).iter().any(|text| text.contains("<script>alert('1')</script>")));
}

#[test]
fn names_of_two_hundred_characters_take_three_lines_and_end_in_an_ellipsis() {
    for letters in ["Nguyễn ", "W", "漢", "สวัสดี ", "محمد ", "e\u{301}\u{323}\u{302}", "👨‍👩‍👧", "﷽", "\u{489}"]
    {
        let name: String = letters.repeat(200);
        let fields = [Field { label: "", text: &name }];
        let texts = texts(&only_page(&[card(&code(), &fields)], Format::Eight));
        assert!(texts.len() <= 2 + 3, "{letters}: {texts:?}");
        let is_marks_alone = letters == "\u{489}";
        assert_eq!(texts.last().is_some_and(|line| line.ends_with('…')), !is_marks_alone, "{letters}");
    }
}

fn card<'a>(code: &'a QrCode, fields: &'a [Field<'a>]) -> Card<'a> {
    Card { code, heading: "Phiếu đi lại", number: NUMBER, fields }
}

fn code() -> QrCode {
    QrCode::new(tokens()["valid"]).expect("fits")
}

fn only_page(cards: &[Card<'_>], format: Format) -> String {
    let mut pages: Vec<String> = pages(cards, format).collect();
    assert_eq!(pages.len(), 1);
    pages.remove(0)
}

fn titles(page: &str) -> Vec<String> {
    texts_of(page, "title")
}

fn texts(page: &str) -> Vec<String> {
    texts_of(page, "text").into_iter().filter(|text| !text.is_empty()).collect()
}

fn texts_of(page: &str, element: &str) -> Vec<String> {
    let document = Document::parse(page).expect("is XML");
    let elements = document.descendants().filter(|node| node.has_tag_name((SVG, element)));
    elements.map(|node| node.text().unwrap_or_default().to_owned()).collect()
}

/// The codes of the page at their places, without its texts.
fn rasterised(page: &str, pixels_per_mm: f64) -> Grey {
    let scale = pixels_per_mm / 100.0;
    let mut picture = Grey::white((21_000.0 * scale) as usize, (29_700.0 * scale) as usize);
    let document = Document::parse(page).expect("is XML");
    for code in document.descendants().filter(|node| node.attribute("role") == Some("img")) {
        let (x, y) = corner(&code);
        let module = number(code, "width") / 53.0;
        let path = code.last_element_child().and_then(|path| path.attribute("d")).expect("has a path");
        for [column, row, length] in runs(path) {
            let pixels = |from: f64, modules: f64, length: f64| {
                let edge = |modules: f64| ((from + modules * module) * scale).round() as usize;
                edge(modules)..edge(modules + length)
            };
            for line in pixels(y, row, 1.0) {
                let across = pixels(x, column, length);
                let start = line * picture.width;
                picture.pixels[start + across.start..start + across.end].fill(0);
            }
        }
    }
    picture
}

/// Where the element stands on the page.
fn corner(element: &Node<'_, '_>) -> (f64, f64) {
    let placed = element.ancestors().filter(|node| node.has_attribute("x"));
    placed.fold((0.0, 0.0), |(x, y), node| (x + number(node, "x"), y + number(node, "y")))
}

fn number(element: Node<'_, '_>, attribute: &str) -> f64 {
    element.attribute(attribute).and_then(|text| text.parse().ok()).expect("is a number")
}

/// Column, row and length of each run `Mx yhLv1h-Lz`.
fn runs(path: &str) -> impl Iterator<Item = [f64; 3]> {
    path.split_terminator('z').map(|run| {
        let numbers = run.split(['M', ' ', 'h', 'v']).skip(1);
        let mut numbers = numbers.map(|number| number.parse().expect("is a number"));
        std::array::from_fn(|_| numbers.next().expect("has three numbers"))
    })
}

const NUMBER: &str = "04HMA-SW9NF-6YYA";
const SVG: &str = "http://www.w3.org/2000/svg";

/// 127 dots an inch: a module of a card has four.
const PIXELS_PER_MM: f64 = 5.0;
