// The shapes of the API under /api/v1/venues and /api/v1/visits. Times are unix milliseconds.

import type { AreaName } from "../contract";

/** How many were inside within an hour, or what of it has passed. */
export interface Cell {
  from: number;
  to: number;
  entered: number;
  left: number;
  most: number;
  /** At its end. */
  inside: number;
}

/** A venue, and how many are inside now. */
export interface Venue {
  /** Whether scans of today are gone. */
  incomplete?: boolean;
  site: string;
  name: string;
  kind: string;
  area?: AreaName & { path: string };
  /** Most people at once; 0: nobody may be inside. Absent where there is no such number. */
  capacity?: number;
  inside: number;
  /** Since the day began. */
  entered: number;
  left: number;
  /** When the day began. */
  from: number;
  at: number;
  /** Of one venue alone. */
  hours?: Cell[];
}

export interface Venues {
  venues: Venue[];
  /** The value of `after` that goes on from here. */
  next?: string;
}

/** A site, and what its poster is known by. */
export interface Poster {
  site: string;
  seal: string;
}

export interface PosterVenue {
  site: string;
  name: string;
  /** Where it lies, in words. */
  area: string;
}

export type Way = "in" | "out";

/** A visitor's scan that the server has. */
export interface Visited {
  site: string;
  name: string;
  direction: Way;
  at: number;
  room?: { inside: number; capacity: number };
}
