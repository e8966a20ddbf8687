// The page /trace.

import { startShell } from "../shell";

startShell();
