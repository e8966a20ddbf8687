// The page /desk.

import { startShell } from "../shell";

startShell();
