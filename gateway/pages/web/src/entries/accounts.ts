// The page /accounts.

import { startShell } from "../shell";

startShell();
