// The shapes of vehicles on the green lane under /api/v1/vehicles. Times are unix milliseconds.

import type { AreaName, IdDocument, PassView, Sex, VehicleKind } from "../contract";

export type Duty = "driver" | "crew" | "passenger";
export type CargoKind = "food" | "medical" | "fuel" | "goods" | "livestock" | "passengers" | "empty" | "other";
export type DepotCheck = "vehicle" | "people" | "health" | "tests" | "cargo" | "disinfected";
export type TripState = "declared" | "sealed" | "refused" | "over";

export interface GreenVehicle {
  plate: string;
  kind: VehicleKind;
  operator: string;
  seats: number;
}

export interface Cargo {
  kind: CargoKind;
  note?: string;
}

export interface Aboard {
  duty: Duty;
  name: string;
  birth_date: string;
  sex: Sex;
  document: IdDocument;
  phone?: string;
}

/** A trip as it is declared. */
export interface DeclaredTrip {
  vehicle: GreenVehicle;
  depot: string;
  route: string[];
  departs_at: number;
  until: number;
  cargo: Cargo;
  aboard: Aboard[];
}

interface TripHead {
  trip: string;
  state: TripState;
  vehicle: GreenVehicle;
  depot: string;
  depot_name: string;
  route: AreaName[];
  departs_at: number;
  until: number;
  /** How often those aboard changed. */
  changes: number;
}

/** A trip with everyone aboard. */
export interface Trip extends TripHead {
  /** Code of the vehicle. */
  subject: string;
  cargo: Cargo;
  aboard: (Aboard & { subject: string })[];
  aboard_since: number;
  decided?: { at: number; by: string; checklist: { checks: DepotCheck[]; remark?: string } };
  pass: PassView;
}

/** A check on the way. */
export interface Passage {
  at: number;
  site: string;
  site_name: string;
  verdict: string;
}

/** A trip in a list. */
export interface TripRow extends TripHead {
  aboard: number;
  passages: number;
  last?: Passage;
  /** Checks where the route does not lead. */
  off_route: Passage[];
}

export interface Depot {
  site: string;
  name: string;
  area: string;
}
