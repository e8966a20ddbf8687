// The page /pass.

import { startShell } from "../shell";

startShell();
