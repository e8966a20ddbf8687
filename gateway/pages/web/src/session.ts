// The session that pages need, and its end: both are asked until the server has answered, since without an answer
// neither is known.

import { call, Problem, whoAmI } from "./api";
import type { Me } from "./contract";
import { untilAnswered, type Patience } from "./retry";

/** Who is signed in; `null` is the server's word that nobody is. */
export function knownSession(patience: Patience): Promise<Me | null> {
  return untilAnswered(whoAmI, patience);
}

/** Ends the session. Throws the server's refusal: there is a session still. */
export async function endSession(patience: Patience): Promise<void> {
  try {
    await untilAnswered(() => call("DELETE", "/session"), patience);
  } catch (failure) {
    const isOver = failure instanceof Problem && failure.status === 401;
    if (!isOver) throw failure;
  }
}
