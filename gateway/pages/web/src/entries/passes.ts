// The page /passes.

import { startShell } from "../shell";

startShell();
