//! What trace questions take and answer, for the OpenAPI document. Nothing is read into these types:
//! `question` reads all parameters, whichever way they come in, and a test holds these names against those
//! that it takes. One type tells of both ways: `param` of the query string, `schema` of the body.

use truyvet_engine::Explained;
use utoipa::openapi::schema::{AnyOfBuilder, ArrayBuilder, Type};
use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat};
use utoipa::{IntoParams, PartialSchema, ToSchema};

/// An answer, and what it took where that was asked.
#[derive(ToSchema)]
#[expect(dead_code, reason = "says what is written piece by piece")]
pub(super) struct Told<T: ToSchema> {
    #[serde(flatten)]
    answer: T,
    /// What it took; only there where `explain` was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    explain: Option<Explained>,
}

/// Declares what a question takes: its own words, and those that every question takes.
macro_rules! words {
    ($(#[doc = $says:literal])+ $name:ident as $schema:ident { $($own:tt)* }) => {
        $(#[doc = $says])+
        #[derive(IntoParams, ToSchema)]
        #[expect(dead_code, reason = "says what `Params` reads")]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        #[schema(as = $schema)]
        pub(super) struct $name {
            $($own)*
            /// At most so long, `30s`; the settings say it where this is left out.
            #[param(value_type = Option<String>, pattern = "^[0-9]+(ms|s|m|h|d)$")]
            timeout: Option<Lasting>,
            /// Whether the answer says what it took, as `explain`; with JSON only.
            explain: Option<Truth>,
            /// How the answer is written; `json` where this is left out.
            #[param(inline)]
            format: Option<Format>,
        }
    };
}

words! {
    /// Who passed sites or areas; at least one is named.
    Passed as PassedQuestion {
        /// Codes of sites; repeated for several.
        #[param(value_type = Option<Vec<Code>>)]
        site: Option<Codes>,
        /// Codes of areas; repeated for several.
        #[param(value_type = Option<Vec<Code>>)]
        area: Option<Codes>,
        /// The first instant that counts.
        from: Time,
        /// The first instant after.
        to: Time,
        /// Whether only counts are told.
        count: Option<Truth>,
    }
}

words! {
    /// Where a subject was.
    Trail as TrailQuestion {
        /// The subject's code.
        subject: Code,
        /// The first instant that counts.
        from: Time,
        /// The first instant after.
        to: Time,
    }
}

words! {
    /// Whom subjects met.
    Contacts as ContactsQuestion {
        /// Codes of subjects; repeated for several.
        #[param(value_type = Vec<Code>, min_items = 1)]
        subject: Codes,
        /// The first instant that counts.
        from: Time,
        /// The first instant after.
        to: Time,
        /// Longest time between the two scans of a contact, `15m`.
        #[param(value_type = Option<String>, pattern = "^[0-9]+(ms|s|m|h|d)$")]
        window: Option<Lasting>,
        /// Whether every pair of scans is told.
        pairs: Option<Truth>,
    }
}

words! {
    /// Who met whom, generation by generation.
    Chain as ChainQuestion {
        /// The first subjects, `CODE` or `CODE@T` with the time of exposure; repeated for several.
        #[param(value_type = Vec<Code>, min_items = 1)]
        seed: Codes,
        /// The first instant that counts.
        from: Time,
        /// The first instant after.
        to: Time,
        /// Longest time between the two scans of a contact, `15m`.
        #[param(value_type = Option<String>, pattern = "^[0-9]+(ms|s|m|h|d)$")]
        window: Option<Lasting>,
        /// How many generations follow the seeds; 2 where this is left out.
        #[param(value_type = Option<u8>, maximum = 10)]
        generations: Option<UpToTen>,
        /// Whether only counts are told.
        count: Option<Truth>,
    }
}

words! {
    /// Where and when several subjects were.
    Common as CommonQuestion {
        /// Codes of subjects; repeated for several.
        #[param(value_type = Vec<Code>, min_items = 1)]
        subjects: Codes,
        /// The first instant that counts.
        from: Time,
        /// The first instant after.
        to: Time,
        /// Length of a cell of time, `1h`.
        #[param(value_type = Option<String>, pattern = "^0*[1-9][0-9]*(ms|s|m|h|d)$")]
        cell: Option<Lasting>,
        /// How many cells are told; 20 where this is left out.
        #[param(value_type = Option<u32>, maximum = 100_000)]
        top: Option<Number>,
    }
}

words! {
    /// When subjects were inside sites that scan in and out, and who was inside with them.
    Stays as StaysQuestion {
        /// Codes of subjects; repeated for several.
        #[param(value_type = Vec<Code>, min_items = 1)]
        subject: Codes,
        /// The first instant that counts; stays are cut there.
        from: Time,
        /// The first instant after.
        to: Time,
        /// How long two stays must overlap at least; `1ms` where this is left out.
        #[param(value_type = Option<String>, pattern = "^[0-9]+(ms|s|m|h|d)$")]
        overlap: Option<Lasting>,
        /// How long after its last `in` a stay ends that nobody scanned out; as the server is set where this is
        /// left out (`stay_longest_ms`, twelve hours).
        #[param(value_type = Option<String>, pattern = "^[0-9]+(ms|s|m|h|d)$")]
        longest: Option<Lasting>,
    }
}

words! {
    /// How many were inside a site that scans in and out.
    Occupancy as OccupancyQuestion {
        /// The site's code.
        site: Code,
        /// The first instant that counts.
        from: Time,
        /// The first instant after; at most 10,000 cells later.
        to: Time,
        /// Length of a cell of time, `1h`.
        #[param(value_type = Option<String>, pattern = "^0*[1-9][0-9]*(ms|s|m|h|d)$")]
        cell: Option<Lasting>,
        /// How long after its last `in` a stay ends that nobody scanned out; as the server is set where this is
        /// left out (`stay_longest_ms`, twelve hours).
        #[param(value_type = Option<String>, pattern = "^[0-9]+(ms|s|m|h|d)$")]
        longest: Option<Lasting>,
    }
}

words! {
    /// Who is in a combination of sets of those who passed.
    Set as SetQuestion {
        /// The expression, such as `site A from T to T and not area B from T to T`.
        #[param(min_length = 1, example = "site CP-1 on 2026-03-02 not site CP-2 on 2026-03-02")]
        #[schema(min_length = 1, example = "site CP-1 on 2026-03-02 not site CP-2 on 2026-03-02")]
        expr: String,
        /// Offset of days in the expression that name none, `+07:00`; UTC where this is left out.
        #[param(pattern = "^([Zz]|[+-][0-9]{2}:[0-9]{2})$", example = "+07:00")]
        #[schema(pattern = "^([Zz]|[+-][0-9]{2}:[0-9]{2})$", example = "+07:00")]
        offset: Option<String>,
        /// Whether only counts are told.
        count: Option<Truth>,
    }
}

/// How an answer is written.
#[derive(ToSchema)]
#[expect(dead_code, reason = "says what `Params` reads")]
#[schema(rename_all = "lowercase")]
enum Format {
    Json,
    Csv,
    Parquet,
}

/// A file of bytes.
#[derive(ToSchema)]
#[expect(dead_code, reason = "says what is sent")]
#[schema(value_type = String, format = Binary)]
pub(super) struct File(Vec<u8>);

/// Declares a word of the contract that may be spelled in several ways.
macro_rules! spellings {
    ($name:ident, $says:literal, $example:literal, $($spelling:expr),+) => {
        #[doc = $says]
        enum $name {}

        impl ToSchema for $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let any = AnyOfBuilder::new()$(.item($spelling))+;
                any.description(Some($says)).examples([$example]).into()
            }
        }
    };
}

spellings!(
    Time,
    "An instant: unix milliseconds, or RFC 3339 with an offset.",
    "2021-08-05T07:00:00+07:00",
    number(),
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
);
spellings!(
    Lasting,
    "A duration: a whole number and one of ms, s, m, h, d, or milliseconds as a number.",
    "30s",
    text().pattern(Some("^[0-9]+(ms|s|m|h|d)$")),
    number().minimum(Some(0)).maximum(Some(HUNDRED_YEARS_MS))
);
spellings!(
    Truth,
    "A truth value.",
    true,
    ObjectBuilder::new().schema_type(Type::Boolean),
    text().enum_values(Some(["true", "false", "1", "0", ""])),
    number().minimum(Some(0)).maximum(Some(1))
);
spellings!(Code, "A code; a number is taken as its digits.", "CP-1", text().min_length(Some(1)), digits());
spellings!(
    Codes,
    "One code, or several.",
    "CP-1",
    Code::schema(),
    ArrayBuilder::new().items(Code::schema()).min_items(Some(1))
);
spellings!(
    Number,
    "A whole number.",
    20,
    number().minimum(Some(0)).maximum(Some(100_000)),
    text().pattern(Some("^[0-9]+$"))
);
spellings!(
    UpToTen,
    "A whole number from 0 to 10.",
    2,
    number().minimum(Some(0)).maximum(Some(10)),
    text().pattern(Some("^([0-9]|10)$"))
);

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn digits() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Number)
}

fn number() -> ObjectBuilder {
    let format = SchemaFormat::KnownFormat(KnownFormat::Int64);
    ObjectBuilder::new().schema_type(Type::Integer).format(Some(format))
}

/// The longest duration that is read.
const HUNDRED_YEARS_MS: i64 = 36_500 * 86_400_000;
