// The shapes that the API under /api/v1 takes and gives. Times are unix milliseconds.

export type DocumentKind = "citizen_id" | "old_id" | "passport";

export interface IdDocument {
  kind: DocumentKind;
  number: string;
  country?: string;
}

export type Role = "officer" | "ward" | "health" | "epidemiologist" | "operator" | "administrator";

export interface AccountSession {
  kind: "account";
  account: string;
  name: string;
  role: Role;
  site?: string;
  site_name?: string;
  /** Whether people are scanned in and out there. */
  is_venue?: boolean;
  area?: string;
  area_name?: string;
  expires_at: number;
}

export interface CitizenSession {
  kind: "citizen";
  document_kind: DocumentKind;
  document_last4: string;
  phone_last3: string;
  expires_at: number;
}

/** Who asks; "local" is a request from the server's own machine without a session. */
export type Me = AccountSession | CitizenSession | { kind: "local" };

export interface AreaName {
  code: string;
  name: string;
}

export interface Area extends AreaName {
  kind: string;
  /** "Phường X, Quận Y, Thành phố Z". */
  path: string;
  is_current: boolean;
  successor?: { code: string; name: string; path: string };
}

export interface Residence {
  area: string;
  address?: string;
}

export type Sex = "male" | "female" | "other";

export interface Person {
  name: string;
  /** "YYYY-MM-DD" or "YYYY". */
  birth_date: string;
  sex: Sex;
  nationality: string;
  documents: IdDocument[];
  permanent: Residence;
  present?: Residence;
  temporary?: Residence;
}

export type Purpose = "work" | "study" | "medical" | "family" | "transport" | "return" | "other";
export type VehicleKind = "car" | "motorbike" | "bus" | "truck" | "train" | "plane" | "boat" | "other";

export interface Vehicle {
  kind: VehicleKind;
  plate?: string;
}

export interface Journey {
  from: string;
  to: string;
  departs_at: number;
  route?: string;
  purpose: Purpose;
  purpose_note?: string;
  vehicle?: Vehicle;
}

export type Symptom = "fever" | "cough" | "breathless" | "sore_throat" | "loss_of_taste" | "fatigue";
export type Exposure = "none" | "case" | "contact" | "zone" | "abroad";

export interface LabTest {
  kind: "pcr" | "antigen";
  result: "negative" | "positive";
  taken_at: number;
}

export interface Health {
  symptoms: Symptom[];
  exposure: Exposure;
  vaccine_doses: number;
  test?: LabTest;
}

export interface Companion {
  name: string;
  birth_date: string;
  document?: IdDocument;
}

export interface Declaration {
  person: Person;
  journey: Journey;
  health: Health;
  companions?: Companion[];
}

export interface PassView {
  /** The number in groups, such as "K7M4-...". */
  pass: string;
  /** What its QR code says. */
  token: string;
  issued_at: number;
  valid_until: number;
  revoked: boolean;
  registered: boolean;
}

export type DeclarationState = "verified" | "unverified";

/** What is wrong with a field: its path, such as `person.documents[0].number`, and why. */
export interface Flaw {
  field: string;
  code: string;
}

export interface DeclarationMade {
  declaration: string;
  state: DeclarationState;
  made_at: number;
  pass: PassView;
  mismatches: Flaw[];
}

export interface DeclarationListed {
  declaration: string;
  state: DeclarationState;
  made_at: number;
  from: AreaName;
  to: AreaName;
  departs_at: number;
  pass: PassView;
}

/** A text in the languages of the pages. */
export interface Words {
  vi: string;
  en: string;
}

/** What those need who come from an area of a level. */
export interface Arrivals {
  test_hours?: number;
  home_days?: number;
  facility_days?: number;
}

/** An epidemic level of the scale, which the server has as data. */
export interface Level {
  code: string;
  /** One character that tells it without its colour. */
  sign: string;
  ink: string;
  ground: string;
  name: Words;
  about: Words;
  note: Words;
  arrivals: Arrivals;
}

export interface Scale {
  scale: string;
  name: Words;
  /** From the least to the gravest. */
  levels: Level[];
}

export interface AreaSituation extends AreaName {
  /** The names of the areas above it. */
  path: string;
  successor?: AreaName;
  /** A level's code; none where none was set. */
  level?: string;
  inherited_from?: AreaName;
  since?: number;
  until?: number;
}

export interface Situation {
  areas: AreaSituation[];
  /** Those that are named, from the least to the gravest. */
  levels: Level[];
}

export interface JourneySituation {
  from: AreaSituation;
  to: AreaSituation;
  between: AreaSituation[];
  levels: Level[];
  arrivals: Arrivals;
  /** Absent where it is no more. */
  arrivals_through?: Arrivals;
}

/** A level that was set for an area. */
export interface LevelSet {
  number: number;
  area: string;
  level: string;
  from: number;
  to?: number;
  set_at: number;
  ended_at?: number;
  /** Officials alone are told. */
  by?: string;
  ended_by?: string;
}
