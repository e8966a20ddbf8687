// Asks for the epidemic situation, and gives what the device has kept where there is no network.

import { call, Problem } from "../api";
import type { Device } from "../device";

export interface Told<Answer> {
  answer: Answer;
  /** When it was answered; none where that is just now. */
  keptAt: number | null;
}

/** The answer to a question such as `/situation?area=VN25-01`, or the last known; throws where there is none. */
export async function askSituation<Answer>(device: Device, query: string): Promise<Told<Answer>> {
  try {
    const answer = await call<Answer>("GET", query, { revalidate: true });
    device.keepSituation({ query, at: Date.now(), answer });
    return { answer, keptAt: null };
  } catch (failure) {
    const kept = device.situation(query);
    if (!kept || (failure instanceof Problem && failure.status < 500)) throw failure;
    return { answer: kept.answer as Answer, keptAt: kept.at };
  }
}
