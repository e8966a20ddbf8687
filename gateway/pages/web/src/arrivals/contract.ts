// The shapes of /api/v1/arrivals.

import type { DeclarationState, LabTest, Residence, Sex } from "../contract";

export type CarriageKind = "flight" | "vehicle" | "ship" | "on_foot";

export interface Carriage {
  kind: CarriageKind;
  number?: string;
  /** "YYYY-MM-DD" */
  date: string;
}

export interface Quarantine {
  facility?: string;
  home?: Residence;
  until: number;
}

export interface Crossing {
  site: string;
  arrived_at: number;
  carriage: Carriage;
  seat?: string;
  from: string;
  quarantine: Quarantine;
}

export interface Arrival {
  traveller: {
    name: string;
    birth_date: string;
    sex: Sex;
    nationality: string;
    passport: { number: string; country: string };
    phone?: string;
    home?: string;
  };
  crossing: Crossing;
  test?: LabTest;
}

export interface ArrivalShown {
  declaration: string;
  subject: string;
  state: DeclarationState;
  /** Fields in which it differs from what is known of the person. */
  differs?: string[];
  entered_at: number;
  pass: string;
  valid_until: number;
  revoked: boolean;
  name: string;
  birth_date: string;
  sex: Sex;
  nationality: string;
  passport_country: string;
  passport_last4: string;
  crossing: Crossing;
  site_name: string;
  quarantine_name: string;
  test?: LabTest;
}

/** A site of the border, or a facility of quarantine. */
export interface ArrivalPlace {
  site: string;
  name: string;
  area: string;
}
