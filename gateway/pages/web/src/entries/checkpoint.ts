// The page /checkpoint.

import { startShell } from "../shell";

startShell();
